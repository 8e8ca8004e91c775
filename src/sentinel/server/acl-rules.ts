// The rules of ACL SETUSER, `user` lines and the ACL file: text that changes a user (sentinel.md §1.6).
// All rules of one request apply or none does: a user is a value, and only the last one is kept.

import { failure, success, type Result } from '../../base/result.ts';
import { isCategory } from './command.ts';
import type { CommandTable } from './command-table.ts';
import { EMPTY_SELECTOR, type CommandRule, type KeyPattern, type Selector, type User } from './acl-user.ts';

/** What rules mean depends on these. */
export interface RuleContext {
  readonly table: CommandTable;
  readonly sha256: (text: string) => string;
  /** `acl-pubsub-default`: what a new user, and `reset`, may hear. */
  readonly channels: 'allchannels' | 'resetchannels';
}

/** A rule that does not apply. */
export interface RuleProblem {
  /** The rule, without any password. */
  readonly rule: string;
  /** What is wrong with it; a phrase. */
  readonly reason: string;
}

const REASONS = {
  syntax: 'Syntax error',
  unknown: 'Unknown command or category name in ACL',
  allKeys: "All keys are allowed already, so another pattern changes nothing. Use 'resetkeys' first",
  allChannels:
    "All channels are allowed already, so another pattern changes nothing. Use 'resetchannels' first",
  hash: 'A password hash has exactly 64 digits, 0 to 9 and a to f in lower case',
  noPassword: 'The user has no such password',
  argumentOfSubcommand: 'A first argument cannot be named for a subcommand',
} as const;

/** Applies `rules` to `user`, all or none. A selector in parentheses may be spread over several rules. */
export function applyRules(
  user: User,
  rules: readonly string[],
  context: RuleContext,
): Result<User, RuleProblem | { readonly unmatched: string }> {
  const merged = mergeSelectors(rules);
  if (!merged.ok) return failure({ unmatched: hidePasswords(merged.problem) });
  let changed = user;
  for (const rule of merged.value) {
    const result = applyRule(changed, rule, context);
    if (!result.ok) return failure({ rule: hidePasswords(rule), reason: result.problem });
    changed = result.value;
  }
  return success(changed);
}

/** Whether `name` can be a user's: it must survive in a file of words. */
export function isUserName(name: string): boolean {
  return name !== '' && !hasBlanks(name);
}

/** Differs from Sentinel: a password or hash in a refused rule is not repeated, because errors end up in logs. */
function hidePasswords(rule: string): string {
  return rule.replace(/(^|[ (])([><#!])[^ ]+/g, '$1$2...');
}

/** Joins `(+a`, `+b)` into `(+a +b)`. The problem is the part that never closes. */
function mergeSelectors(rules: readonly string[]): Result<string[], string> {
  const merged: string[] = [];
  let open: string | null = null;
  for (const rule of rules) {
    const isInside: boolean = open !== null || rule.startsWith('(');
    const text: string = open === null ? rule : `${open} ${rule}`;
    if (isInside && !rule.endsWith(')')) {
      open = text;
    } else {
      merged.push(text);
      open = null;
    }
  }
  return open === null ? success(merged) : failure(open);
}

function applyRule(user: User, rule: string, context: RuleContext): Result<User, string> {
  const value = rule.slice(1);
  switch (rule[0]) {
    case '>':
      return success(withPassword(user, context.sha256(value)));
    case '#':
      return isHash(value) ? success(withPassword(user, value)) : failure(REASONS.hash);
    case '<':
      return withoutPassword(user, context.sha256(value));
    case '!':
      return isHash(value) ? withoutPassword(user, value) : failure(REASONS.hash);
    case '(':
      return withSelector(user, rule.slice(1, -1), context);
    default:
  }
  switch (rule.toLowerCase()) {
    case '':
      return success(user);
    case 'on':
      return success({ ...user, isOn: true });
    case 'off':
      return success({ ...user, isOn: false });
    case 'nopass':
      return success({ ...user, isNoPass: true, passwordHashes: [] });
    case 'resetpass':
      return success({ ...user, isNoPass: false, passwordHashes: [] });
    case 'sanitize-payload':
      return success({ ...user, sanitizesPayload: true });
    case 'skip-sanitize-payload':
      return success({ ...user, sanitizesPayload: false });
    case 'clearselectors':
      return success({ ...user, selectors: [] });
    case 'reset':
      return success({
        ...user,
        isOn: false,
        isNoPass: false,
        sanitizesPayload: true,
        passwordHashes: [],
        root: { ...EMPTY_SELECTOR, allChannels: context.channels === 'allchannels' },
        selectors: [],
      });
    default: {
      const root = applySelectorRule(user.root, rule, context.table);
      return root.ok ? success({ ...user, root: root.value }) : root;
    }
  }
}

function withPassword(user: User, hash: string): User {
  const passwordHashes = user.passwordHashes.includes(hash)
    ? user.passwordHashes
    : [...user.passwordHashes, hash];
  return { ...user, isNoPass: false, passwordHashes };
}

function withoutPassword(user: User, hash: string): Result<User, string> {
  if (!user.passwordHashes.includes(hash)) return failure(REASONS.noPassword);
  return success({ ...user, passwordHashes: user.passwordHashes.filter((other) => other !== hash) });
}

function withSelector(user: User, inside: string, context: RuleContext): Result<User, string> {
  let selector = EMPTY_SELECTOR;
  if (context.channels === 'allchannels') selector = { ...selector, allChannels: true };
  for (const rule of inside.split(' ')) {
    if (rule === '') continue;
    // Differs from Sentinel: such a pattern is refused, because in a file its parenthesis would end the selector.
    if (rule.endsWith(')')) return failure(REASONS.syntax);
    const result = applySelectorRule(selector, rule, context.table);
    if (!result.ok) return result;
    selector = result.value;
  }
  return success({ ...user, selectors: [...user.selectors, selector] });
}

function applySelectorRule(selector: Selector, rule: string, table: CommandTable): Result<Selector, string> {
  switch (rule.toLowerCase()) {
    case 'allkeys':
    case '~*':
      return success({ ...selector, allKeys: true, keys: [] });
    case 'resetkeys':
      return success({ ...selector, allKeys: false, keys: [] });
    case 'allchannels':
    case '&*':
      return success({ ...selector, allChannels: true, channels: [] });
    case 'resetchannels':
      return success({ ...selector, allChannels: false, channels: [] });
    case 'allcommands':
    case '+@all':
      return success({ ...selector, allCommands: true, commandRules: [] });
    case 'nocommands':
    case '-@all':
      return success({ ...selector, allCommands: false, commandRules: [] });
    default:
  }
  switch (rule[0]) {
    case '~':
    case '%':
      return withKeys(selector, rule);
    case '&':
      return withChannel(selector, rule.slice(1));
    case '+':
    case '-':
      return withCommand(
        selector,
        { isAllowed: rule.startsWith('+'), name: rule.slice(1).toLowerCase() },
        table,
      );
    default:
      return failure(REASONS.syntax);
  }
}

function withKeys(selector: Selector, rule: string): Result<Selector, string> {
  const parts = /^(?:~|%(r|w|rw|wr)~)(.*)$/is.exec(rule);
  const [, rights, pattern] = parts ?? [];
  if (pattern === undefined || hasBlanks(pattern)) return failure(REASONS.syntax);
  if (selector.allKeys) return failure(REASONS.allKeys);
  const canRead = rights === undefined || /r/i.test(rights);
  const canWrite = rights === undefined || /w/i.test(rights);
  if (pattern === '*' && canRead && canWrite) return success({ ...selector, allKeys: true, keys: [] });
  const known = selector.keys.find((key) => key.pattern === pattern);
  const key: KeyPattern = {
    pattern,
    canRead: canRead || known?.canRead === true,
    canWrite: canWrite || known?.canWrite === true,
  };
  const keys =
    known === undefined
      ? [...selector.keys, key]
      : selector.keys.map((other) => (other === known ? key : other));
  return success({ ...selector, keys });
}

function withChannel(selector: Selector, pattern: string): Result<Selector, string> {
  if (hasBlanks(pattern)) return failure(REASONS.syntax);
  if (selector.allChannels) return failure(REASONS.allChannels);
  if (selector.channels.includes(pattern)) return success(selector);
  return success({ ...selector, channels: [...selector.channels, pattern] });
}

function withCommand(selector: Selector, rule: CommandRule, table: CommandTable): Result<Selector, string> {
  const problem = commandRuleProblem(rule, table);
  if (problem !== null) return failure(problem);
  // A rule about a command says all there is to say about its subcommands, so what was said before goes.
  const kept = selector.commandRules.filter(
    (other) => other.name !== rule.name && !other.name.startsWith(`${rule.name}|`),
  );
  return success({ ...selector, commandRules: [...kept, rule] });
}

function commandRuleProblem(rule: CommandRule, table: CommandTable): string | null {
  if (rule.name.startsWith('@')) return isCategory(rule.name.slice(1)) ? null : REASONS.unknown;
  if (table.byOriginalName(rule.name) !== undefined) return null;
  const [parent = '', argument = '', ...rest] = rule.name.split('|');
  const command = table.byOriginalName(parent);
  if (command === undefined || argument === '' || hasBlanks(argument)) return REASONS.unknown;
  if (command.subcommands.length > 0) {
    return table.byOriginalName(`${parent}|${argument}`) === undefined
      ? REASONS.unknown
      : REASONS.argumentOfSubcommand;
  }
  // One argument can be allowed where the command is not; to forbid just one would be no protection.
  return rest.length > 0 || !rule.isAllowed ? REASONS.unknown : null;
}

function isHash(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** What would fall apart in a line of words. Not `\s`: that takes the byte 0xA0 of a UTF-8 letter for a blank. */
function hasBlanks(text: string): boolean {
  return /[ \t\n\v\f\r\0]/.test(text);
}
