// The command line of a sentinel: `FILE [--name value …]… [-]`. Its options are further lines of the file
// (sentinel.md §2.1).

import { quoteArgument, splitArguments } from '../../base/split-arguments.ts';

export interface ArgumentLines {
  /** Lines to read after the file's. */
  readonly lines: readonly string[];
  /** The last argument is `-`: standard input has lines too, which come before {@link lines}. */
  readonly readsStandardInput: boolean;
}

/** Options that may stand without a value: `--sentinel` says what we are anyway, `--save` means "save nothing". */
const WITHOUT_VALUE: ReadonlyMap<string, string> = new Map([
  ['--sentinel', ''],
  ['--save', '""'],
]);

/**
 * The options in `argv`, the arguments after the file, as lines.
 *
 * An argument that starts with `--` begins an option; those after it are its values, and the first of them may itself
 * start with `--`, so that a password can. An option and its values may also stand in one argument (`"--port 26380"`).
 */
export function argumentsToLines(argv: readonly string[]): ArgumentLines {
  const readsStandardInput = argv.at(-1) === '-';
  const args = readsStandardInput ? argv.slice(0, -1) : argv;
  const lines: string[] = [];
  let wantsValue = false;
  for (const [index, argument] of args.entries()) {
    if (!argument.startsWith('--') || wantsValue) {
      const value = quoteArgument(argument);
      if (lines.length === 0) lines.push(value);
      else lines[lines.length - 1] += ` ${value}`;
      wantsValue = false;
      continue;
    }
    const next = args[index + 1];
    const isAlone = next === undefined || next.startsWith('--');
    const implied = isAlone ? WITHOUT_VALUE.get(argument.toLowerCase().trim()) : undefined;
    lines.push(implied === undefined ? argument.slice(2) : `${argument.slice(2)} ${implied}`.trim());
    wantsValue = implied === undefined && (splitArguments(argument)?.length ?? 0) === 1;
  }
  return { lines, readsStandardInput };
}
