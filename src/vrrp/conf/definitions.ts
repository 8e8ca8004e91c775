// `$NAME=value` and its use (vrrp.md §2.2). What a definition says is substituted when it is used, so a later change
// counts, and a definition may use others that come after it.

import type { Random } from '../../base/random.ts';
import { failure, type Result, success } from '../../base/result.ts';
import type { Line } from './physical-lines.ts';

/** A definition of several lines keeps them as they stand: they are read where it is used. */
export type Definition =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'lines'; readonly lines: readonly Line[] };

/** What the built-in names stand for. */
export interface BuiltIns {
  /** `_INSTANCE`: the config-id. */
  readonly configId: string;
  /** `_ENV NAME`; null: not set. */
  readonly environment: (name: string) => string | null;
  /** `_RANDOM`. */
  readonly random: Random;
}

const EXPANSIONS_MAX = 1000;
const EXPANDED_LENGTH_MAX = 65_536;

/** `${NAME}` and, before a blank, `,`, `)` or the end, `$NAME`. Only built-in names take words after them. */
const USE = /\$(?:\{(\w+)((?:[ \t]+[\w-]+)*)[ \t]*\}|(\w+)(?=[ \t,)]|$))/g;

const NAME_AND_VALUE = /^\$([A-Za-z0-9_]+)=\s*([^]*)$/;

/** The name and value `text` defines; null if it defines nothing. */
export function parseDefinition(text: string): { readonly name: string; readonly value: string } | null {
  const match = NAME_AND_VALUE.exec(text);
  return match === null ? null : { name: match[1] as string, value: (match[2] as string).trimEnd() };
}

export interface Expanded {
  readonly text: string;
  /** Names that are not defined and stand outside quotes. They stay as they are. */
  readonly undefinedNames: readonly string[];
}

export class Definitions {
  readonly #values = new Map<string, Definition>();
  readonly #builtIns: BuiltIns;

  constructor(builtIns: BuiltIns) {
    this.#builtIns = builtIns;
  }

  define(name: string, definition: Definition): void {
    this.#values.set(name, definition);
  }

  /** The lines that `text`, which is nothing but the use of a definition of several lines, stands for; else null. */
  linesOf(text: string): readonly Line[] | null {
    const name = /^\$(?:\{(\w+)\}|(\w+))$/.exec(text);
    const value = name === null ? undefined : this.#values.get((name[1] ?? name[2]) as string);
    return value?.kind === 'lines' ? value.lines : null;
  }

  /** `text` with every use replaced, again and again. The problem is a sentence. `directory`: what `_PWD` means. */
  expand(text: string, directory: string): Result<Expanded, string> {
    let expanded = text;
    let count = 0;
    for (let isChanged = true; isChanged;) {
      isChanged = false;
      let tooMany = false;
      const before = expanded;
      expanded = before.replaceAll(USE, (whole, braced?: string, words?: string, bare?: string) => {
        const value = this.#valueOf(braced ?? bare ?? '', words?.trim() ?? '', directory);
        if (value === null) return whole;
        isChanged = true;
        count += 1;
        tooMany ||= count > EXPANSIONS_MAX;
        return tooMany ? '' : value;
      });
      if (tooMany || expanded.length > EXPANDED_LENGTH_MAX) {
        return failure('a definition refers to itself, or becomes far too long');
      }
    }
    return success({ text: expanded, undefinedNames: undefinedNames(expanded) });
  }

  #valueOf(name: string, words: string, directory: string): string | null {
    const defined = words === '' ? this.#values.get(name) : undefined;
    if (defined !== undefined) return defined.kind === 'text' ? defined.text : null;
    switch (name) {
      case '_PWD':
        return directory;
      case '_INSTANCE':
        return this.#builtIns.configId;
      case '_HASH':
        return '#';
      case '_BANG':
        return '!';
      case '_ENV':
        return words === '' ? null : (this.#builtIns.environment(words) ?? '');
      case '_RANDOM':
        return this.#randomNumber(words);
      default:
        return null;
    }
  }

  #randomNumber(words: string): string | null {
    const [min = 0, max = 32_767] = words === '' ? [] : words.split(/[ \t]+/).map(Number);
    if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || max < min) return null;
    return String(min + this.#builtIns.random.int(max - min + 1));
  }
}

function undefinedNames(text: string): string[] {
  const outside = text.replaceAll(/"[^"]*"?/g, ' ');
  return [...outside.matchAll(USE)].map(([, braced, , bare]) => (braced ?? bare) as string);
}
