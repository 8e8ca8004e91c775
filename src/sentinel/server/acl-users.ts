// The users of a server: where they come from (requirepass, `user` lines, the ACL file; sentinel.md §1.6, §2.4), and
// what is asked about them.

import { failure, success, type Problem, type Result } from '../../base/result.ts';
import type { ServerConf } from '../conf/conf.ts';
import type { Host } from '../host.ts';
import { applyRules, isUserName, type RuleContext } from './acl-rules.ts';
import { INITIAL_DEFAULT_USER, newUser, userLine, type User } from './acl-user.ts';
import type { CommandTable } from './command-table.ts';

/** Users by name, in the order they were made. `default` is always there. */
export class Users {
  readonly #users: Map<string, User>;

  constructor(users: Iterable<User> = []) {
    this.#users = new Map([[INITIAL_DEFAULT_USER.name, INITIAL_DEFAULT_USER]]);
    for (const user of users) this.set(user);
  }

  get(name: string): User | undefined {
    return this.#users.get(name);
  }

  get default(): User {
    return this.#users.get('default') ?? INITIAL_DEFAULT_USER;
  }

  set(user: User): void {
    this.#users.set(user.name, user);
  }

  /** Returns whether there was one. */
  delete(name: string): boolean {
    return this.#users.delete(name);
  }

  /** Sorted by name, as Redis lists them. */
  all(): User[] {
    return [...this.#users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** `<name> <rules>` of each. */
  lines(): string[] {
    return this.all().map(userLine);
  }

  /** Everybody anew, in place of those that were. */
  replaceWith(others: Users): void {
    this.#users.clear();
    for (const user of others.all()) this.#users.set(user.name, user);
  }
}

/** How this configuration reads ACL rules. */
export function ruleContext(conf: ServerConf, host: Host, table: CommandTable): RuleContext {
  return { table, sha256: (text) => host.sha256(text), channels: conf.aclPubsubDefault };
}

/** The users a server starts with, or everything that is wrong with them. */
export function loadUsers(conf: ServerConf, host: Host, table: CommandTable): Result<Users, Problem[]> {
  const context = ruleContext(conf, host, table);
  const initial = initialDefault(conf, host);
  if (conf.aclFile !== null) {
    if (conf.users.length > 0) {
      const sentence = `The configuration has 'user' lines and an aclfile (${conf.aclFile}); keep the users in one of them.`;
      return failure([{ code: 'users-twice', sentence }]);
    }
    return loadAclFile(conf.aclFile, initial, host, context);
  }
  const reader = new UserReader(initial, context);
  for (const line of conf.users) reader.add(line.split(' '), (sentence) => ({ code: 'bad-user', sentence }));
  return reader.result();
}

/** Users from the text of an ACL file: all of them, or every problem with its line. */
export function loadAclFile(
  path: string,
  initial: User,
  host: Host,
  context: RuleContext,
): Result<Users, Problem[]> {
  const file = host.readTextFile(path);
  if (!file.ok) {
    return failure([
      { code: 'unreadable-aclfile', sentence: `The aclfile ${path} cannot be read: ${file.problem}` },
    ]);
  }
  const reader = new UserReader(initial, context);
  for (const [index, line] of file.value.split('\n').entries()) {
    const words = line.split(/[ \t\r]+/).filter((word) => word !== '');
    const toProblem = (sentence: string): Problem => ({
      code: 'bad-user',
      sentence,
      where: `${path}:${index + 1}:1`,
    });
    if (words.length === 0) continue;
    if (words[0] === 'user') reader.add(words.slice(1), toProblem);
    else reader.refuse(toProblem("each line is 'user', a name and rules"));
  }
  return reader.result();
}

/**
 * `default` as requirepass leaves it.
 *
 * Differs from Sentinel: requirepass also holds with an ACL file that says nothing of `default`, because ignoring it
 * would silently let everybody in.
 */
export function initialDefault(conf: ServerConf, host: Host): User {
  if (conf.requirePass === null || conf.requirePass === '') return INITIAL_DEFAULT_USER;
  return { ...INITIAL_DEFAULT_USER, isNoPass: false, passwordHashes: [host.sha256(conf.requirePass)] };
}

/** Collects users and problems line by line. */
class UserReader {
  readonly #users: Users;
  readonly #problems: Problem[] = [];
  readonly #seen = new Set<string>();
  readonly #context: RuleContext;

  constructor(initial: User, context: RuleContext) {
    this.#users = new Users([initial]);
    this.#context = context;
  }

  /** `words`: a name and rules. */
  add(words: readonly string[], toProblem: (sentence: string) => Problem): void {
    const [name = '', ...rules] = words.filter((word) => word !== '');
    if (!isUserName(name)) {
      this.refuse(toProblem('a user needs a name without blanks'));
    } else if (this.#seen.has(name)) {
      this.refuse(toProblem(`the user '${name}' is there twice`));
    } else {
      this.#seen.add(name);
      // A line says everything about a user, `default` too.
      const result = applyRules(newUser(name, this.#context.channels), rules, this.#context);
      if (result.ok) this.#users.set(result.value);
      else if ('unmatched' in result.problem) {
        this.refuse(toProblem(`user '${name}': a parenthesis is open at '${result.problem.unmatched}'`));
      } else {
        this.refuse(toProblem(`user '${name}': rule '${result.problem.rule}': ${result.problem.reason}`));
      }
    }
  }

  refuse(problem: Problem): void {
    this.#problems.push(problem);
  }

  result(): Result<Users, Problem[]> {
    return this.#problems.length === 0 ? success(this.#users) : failure(this.#problems);
  }
}

/** Whether this name and password are a user's that is on. */
export function canLogIn(users: Users, name: string, password: string, host: Host): boolean {
  const user = users.get(name);
  // The hash is computed for nobody too, so that time does not tell which users exist.
  const hash = host.sha256(password);
  if (user === undefined || !user.isOn) return false;
  return user.isNoPass || user.passwordHashes.includes(hash);
}
