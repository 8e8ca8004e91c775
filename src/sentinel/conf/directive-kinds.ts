// The kinds of values that general directives have, and what they have in common: how a value is read into the
// configuration and written back. general.ts has the directives themselves.

import { strictInteger } from '../../base/strict-integer.ts';
import { quoteArgument } from '../../base/split-arguments.ts';
import type { ServerConf } from './conf.ts';
import { defaultServer } from './defaults.ts';
import { type Fault, show } from './problems.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** A {@link ServerConf} while its file is being read. */
export type ServerDraft = Mutable<Omit<ServerConf, 'tls' | 'syslog'>> & {
  tls: Mutable<ServerConf['tls']>;
  syslog: Mutable<ServerConf['syslog']>;
};

export function serverDraft(dir: string): ServerDraft {
  const { tls, syslog, ...rest } = defaultServer(dir);
  return { ...rest, tls: { ...tls }, syslog: { ...syslog } };
}

export interface GeneralDirective {
  readonly name: string;
  /** Reads the values (the words after the name, as many as {@link takesMany} allows) into `server`. */
  readonly read: (server: ServerDraft, values: readonly string[]) => Fault | null;
  readonly takesMany: boolean;
  /** The values as text for the file; null where nothing is to be said. */
  readonly write: (server: ServerConf) => string | null;
  /** Written even when the server's own default is meant, since the default of a sentinel is another. */
  readonly isAlwaysWritten: boolean;
}

export type Read = GeneralDirective['read'];
export type Write = GeneralDirective['write'];

export const row = (name: string, read: Read, write: Write, isAlwaysWritten = false): GeneralDirective => ({
  name,
  read,
  write,
  takesMany: false,
  isAlwaysWritten,
});

/** A row of one value that `parse` understands or not; `expected` ends the sentence `<name> takes …`. */
export function valueRow<Value>(
  name: string,
  expected: string,
  parse: (text: string) => Value | null,
  set: (server: ServerDraft, value: Value) => unknown,
  write: Write,
  isAlwaysWritten = false,
): GeneralDirective {
  const read: Read = (server, [text = '']) => {
    const value = parse(text);
    if (value === null) return fault('bad-value', 1, `${name} takes ${expected}, not ${show(text)}`);
    set(server, value);
    return null;
  };
  return row(name, read, write, isAlwaysWritten);
}

export const fault = (code: string, word: number, sentence: string): Fault => ({ code, word, sentence });

/** `yes` or `no` in any case; null for anything else. */
export function parseYesNo(text: string): boolean | null {
  const word = text.toLowerCase();
  return word === 'yes' ? true : word === 'no' ? false : null;
}

export const yesNo = (value: boolean): string => (value ? 'yes' : 'no');

export const flag = (
  name: string,
  set: (server: ServerDraft, value: boolean) => unknown,
  get: (server: ServerConf) => boolean,
  isAlwaysWritten = false,
): GeneralDirective =>
  valueRow(name, 'yes or no', parseYesNo, set, (server) => yesNo(get(server)), isAlwaysWritten);

export const integer = (
  name: string,
  least: number,
  most: number,
  set: (server: ServerDraft, value: number) => unknown,
  get: (server: ServerConf) => number,
  isAlwaysWritten = false,
): GeneralDirective =>
  valueRow(
    name,
    `a whole number from ${least} to ${most}`,
    (text) => {
      const value = strictInteger(text);
      return value !== null && value >= least && value <= most ? value : null;
    },
    set,
    (server) => String(get(server)),
    isAlwaysWritten,
  );

export function oneOf<Word extends string>(
  name: string,
  allowed: readonly Word[],
  set: (server: ServerDraft, value: Word) => unknown,
  get: (server: ServerConf) => Word,
): GeneralDirective {
  const parse = (text: string): Word | null => allowed.find((word) => word === text.toLowerCase()) ?? null;
  return valueRow(name, `one of ${allowed.join(', ')}`, parse, set, get);
}

export const string = (
  name: string,
  set: (server: ServerDraft, value: string) => unknown,
  get: (server: ServerConf) => string,
): GeneralDirective =>
  valueRow(
    name,
    'a text',
    (text) => text,
    set,
    (server) => quoteArgument(get(server)),
  );

/** A text that is unset by the empty one. */
export const optional = (
  name: string,
  set: (server: ServerDraft, value: string | null) => unknown,
  get: (server: ServerConf) => string | null,
): GeneralDirective =>
  row(
    name,
    (server, [text = '']) => {
      set(server, text === '' ? null : text);
      return null;
    },
    (server) => {
      const value = get(server);
      return value === null || value === '' ? null : quoteArgument(value);
    },
  );

/** `text` as one word of a line: bare where that is unambiguous, else in quotes. */
export function word(text: string): string {
  return /^[!#-&(-~\x80-\xff]+$/.test(text) ? text : quoteArgument(text);
}
