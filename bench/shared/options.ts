// The options of a benchmark's command line: each takes a text and has a default, and all benchmarks know --json.

import { parseArgs } from 'node:util';

export type Texts<Names extends string> = Readonly<Record<Names, string>> & { readonly json: boolean };

/** What was given, or the default, of each option. A string: what is wrong. */
export function readTexts<Names extends string>(
  defaults: Readonly<Record<Names, string>>,
): Texts<Names> | string {
  const names = Object.keys(defaults) as Names[];
  try {
    const { values } = parseArgs({
      options: {
        ...Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
        json: { type: 'boolean', default: false },
      },
    });
    return { ...defaults, ...values };
  } catch (error) {
    const known = [...names, 'json'].map((name) => `--${name}`).join(' ');
    return `${(error as Error).message}; options: ${known}`;
  }
}

/** What is wrong with the first of `given` that is none of `known`; null: nothing. */
export function strangerAmong(
  option: string,
  given: readonly string[],
  known: readonly string[],
): string | null {
  const stranger = given.find((name) => !known.includes(name));
  return stranger === undefined ? null : `--${option} ${stranger}: there are ${known.join(', ')}`;
}
