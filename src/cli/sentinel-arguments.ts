// The command line of a sentinel, which is not ours to design: `FILE [--name value ...] [-]` (sentinel.md §2.1). Two
// options are our own and are taken out before the rest becomes lines of the configuration.

import { failure, success, type Result } from '../base/result.ts';

export interface SentinelArguments {
  /** As written; null if there is none. */
  readonly file: string | null;
  /** What comes after the file, less our own options. */
  readonly rest: readonly string[];
  /** `--fast-crash yes`: a primary whose process is provably gone is down at once. */
  readonly fastCrash: boolean;
  /** `--name`: what the control socket is called; null: after the file. */
  readonly name: string | null;
}

/**
 * Splits the arguments of `baton sentinel`, of `redis-sentinel`, or of `baton FILE --sentinel`. The problem is for
 * standard error.
 */
export function parseSentinelArguments(argv: readonly string[]): Result<SentinelArguments, string> {
  const others: string[] = [];
  let fastCrash = false;
  let name: string | null = null;
  for (let at = 0; at < argv.length; at += 1) {
    const argument = argv[at] ?? '';
    if (argument !== '--fast-crash' && argument !== '--name') {
      others.push(argument);
      continue;
    }
    at += 1;
    const value = argv[at];
    if (argument === '--fast-crash') {
      if (value !== 'yes' && value !== 'no') return failure('--fast-crash takes yes or no');
      fastCrash = value === 'yes';
    } else {
      if (value === undefined || value === '' || value.startsWith('-')) return failure('--name takes a name');
      name = value;
    }
  }
  const [first] = others;
  const hasFile = first !== undefined && !first.startsWith('-');
  return success({
    file: hasFile ? first : null,
    rest: hasFile ? others.slice(1) : others,
    fastCrash,
    name,
  });
}

/** Whether a program of this name is a sentinel whatever its arguments (sentinel.md §2.1, §10.1). */
export function isSentinelName(basename: string): boolean {
  return basename.includes('redis-sentinel') || basename.includes('valkey-sentinel');
}
