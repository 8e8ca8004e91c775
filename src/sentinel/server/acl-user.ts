// An ACL user as a value: who it is, and what its rules let it do (sentinel.md §1.6). Rules are kept in the order they
// were given and the last one that speaks of a command decides, so a user is printed as it was written and no bitmap
// of commands has to be kept. Changing a user makes a new value (acl-rules.ts).

import { globMatches } from '../../base/glob.ts';
import type { Category, Command } from './command.ts';

/** `+name` or `-name`; `name` is `@category`, a command, `command|subcommand`, or `command|first-argument`. */
export interface CommandRule {
  readonly isAllowed: boolean;
  /** Lower case. */
  readonly name: string;
}

/** A sentinel has no keys; patterns are kept because rules may carry them. */
export interface KeyPattern {
  readonly pattern: string;
  readonly canRead: boolean;
  readonly canWrite: boolean;
}

/** A set of permissions that hold together. A request is allowed when one selector allows all of it. */
export interface Selector {
  readonly allKeys: boolean;
  readonly keys: readonly KeyPattern[];
  readonly allChannels: boolean;
  readonly channels: readonly string[];
  /** `+@all` or `-@all`: what holds for a command no rule speaks of. */
  readonly allCommands: boolean;
  readonly commandRules: readonly CommandRule[];
}

export interface User {
  readonly name: string;
  readonly isOn: boolean;
  /** Any password does. */
  readonly isNoPass: boolean;
  readonly sanitizesPayload: boolean;
  /** SHA-256 in lower-case hexadecimal. */
  readonly passwordHashes: readonly string[];
  readonly root: Selector;
  readonly selectors: readonly Selector[];
}

export const EMPTY_SELECTOR: Selector = {
  allKeys: false,
  keys: [],
  allChannels: false,
  channels: [],
  allCommands: false,
  commandRules: [],
};

/** A user as ACL SETUSER makes it before it applies rules: off, and allowed nothing. */
export function newUser(name: string, channels: 'allchannels' | 'resetchannels'): User {
  return {
    name,
    isOn: false,
    isNoPass: false,
    sanitizesPayload: true,
    passwordHashes: [],
    root: { ...EMPTY_SELECTOR, allChannels: channels === 'allchannels' },
    selectors: [],
  };
}

/** `default` before anything is said about it: on, without a password, allowed everything. */
export const INITIAL_DEFAULT_USER: User = {
  name: 'default',
  isOn: true,
  isNoPass: true,
  sanitizesPayload: true,
  passwordHashes: [],
  root: { ...EMPTY_SELECTOR, allKeys: true, allChannels: true, allCommands: true },
  selectors: [],
};

/** Why a user may not do something. */
export type Denial =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'channel'; readonly channel: string };

/** The channels a request names, and whether they are patterns. */
export interface ChannelUse {
  readonly names: readonly string[];
  readonly arePatterns: boolean;
}

/** The channels among `args` that need a permission; unsubscribing needs none. */
export function channelsUsed(command: Command, args: readonly string[]): ChannelUse {
  switch (command.name) {
    case 'publish':
      return { names: args.slice(1, 2), arePatterns: false };
    case 'subscribe':
      return { names: args.slice(1), arePatterns: false };
    case 'psubscribe':
      return { names: args.slice(1), arePatterns: true };
    default:
      return { names: [], arePatterns: false };
  }
}

/** Whether `user` may make this request: null, or what it lacks. */
export function denialOf(user: User, command: Command, args: readonly string[]): Denial | null {
  const channels = channelsUsed(command, args);
  let denial: Denial = { kind: 'command', command };
  for (const selector of [user.root, ...user.selectors]) {
    if (!allowsCommand(selector, command, args)) continue;
    const refused = channels.names.find((channel) => !allowsChannel(selector, channel, channels.arePatterns));
    if (refused === undefined) return null;
    denial = { kind: 'channel', channel: refused };
  }
  return denial;
}

/** Whether one of the user's selectors lets it hear this channel or pattern. */
export function mayHear(user: User, channel: string, isPattern: boolean): boolean {
  return [user.root, ...user.selectors].some((selector) => allowsChannel(selector, channel, isPattern));
}

/** Whether the selector's rules allow the command; `args` decide where a rule names a first argument. */
export function allowsCommand(selector: Selector, command: Command, args: readonly string[]): boolean {
  if (command.flags.includes('no_auth')) return true;
  const rule = selector.commandRules.findLast((other) => speaksOf(other.name, command, args));
  return rule === undefined ? selector.allCommands : rule.isAllowed;
}

function speaksOf(name: string, command: Command, args: readonly string[]): boolean {
  if (name.startsWith('@')) return command.categories.includes(name.slice(1) as Category);
  if (name === command.name || command.name.startsWith(`${name}|`)) return true;
  const firstArgument = args[1];
  return firstArgument !== undefined && name === `${command.name}|${firstArgument.toLowerCase()}`;
}

/** A pattern must be granted word for word: that it matches no more than a granted one cannot be told in general. */
function allowsChannel(selector: Selector, channel: string, isPattern: boolean): boolean {
  if (selector.allChannels) return true;
  return selector.channels.some((granted) =>
    isPattern ? granted === channel : globMatches(granted, channel),
  );
}

/** The parts of a selector as ACL GETUSER tells them. */
export function selectorTexts(selector: Selector): { commands: string; keys: string; channels: string } {
  return {
    commands: [
      selector.allCommands ? '+@all' : '-@all',
      ...selector.commandRules.map((rule) => `${rule.isAllowed ? '+' : '-'}${rule.name}`),
    ].join(' '),
    keys: selector.allKeys ? '~*' : selector.keys.map(keyText).join(' '),
    channels: selector.allChannels ? '&*' : selector.channels.map((channel) => `&${channel}`).join(' '),
  };
}

function keyText(key: KeyPattern): string {
  if (key.canRead && key.canWrite) return `~${key.pattern}`;
  return `%${key.canRead ? 'R' : 'W'}~${key.pattern}`;
}

/** A user's flags, as ACL GETUSER tells them and the rule line begins. */
export function userFlags(user: User): string[] {
  return [
    user.isOn ? 'on' : 'off',
    ...(user.isNoPass ? ['nopass'] : []),
    user.sanitizesPayload ? 'sanitize-payload' : 'skip-sanitize-payload',
  ];
}

/** `<name> <rules>`: what ACL LIST, the ACL file and the configuration file have after the word `user`. */
export function userLine(user: User): string {
  return [
    user.name,
    ...userFlags(user),
    ...user.passwordHashes.map((hash) => `#${hash}`),
    selectorRules(user.root),
    ...user.selectors.map((selector) => `(${selectorRules(selector)})`),
  ].join(' ');
}

function selectorRules(selector: Selector): string {
  const { commands, keys, channels } = selectorTexts(selector);
  const reset = selector.allChannels ? '' : 'resetchannels';
  return [keys, reset, channels, commands].filter((part) => part !== '').join(' ');
}
