// Which versions of TLS are spoken, by the options of `bind`, `server` and `ssl-default-...-options`. There are two, 1.2 and
// 1.3: the older ones are not spoken at all, which is HAProxy's default, too.

import type { TlsVersion } from '../../endpoint-conf.ts';
import type { Cursor } from './statement.ts';
import type { Word } from './words.ts';

/** By HAProxy's names, the oldest first. */
const VERSIONS = ['SSLv3', 'TLSv1.0', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;

/** As far as it was said; later words win. Indexes of {@link VERSIONS}. */
export interface VersionRange {
  readonly min: number | null;
  readonly max: number | null;
}

export const ANY_VERSION: VersionRange = { min: null, max: null };

/** What the word says, with its value taken; null: it says nothing about versions. */
export function readVersion(word: Word, cursor: Cursor, before: VersionRange): VersionRange | null {
  if (word.text === 'ssl-min-ver' || word.text === 'ssl-max-ver') {
    const name = cursor.choice(word.text, VERSIONS);
    if (name === null) return before;
    const index = VERSIONS.indexOf(name);
    return word.text === 'ssl-min-ver' ? { ...before, min: index } : { ...before, max: index };
  }
  const [, how, which] = /^(no|force)-(sslv3|tlsv1[0-3])$/.exec(word.text) ?? [];
  if (how === undefined || which === undefined) return null;
  const index = VERSIONS.findIndex((name) => name.toLowerCase().replace('.', '') === which);
  if (how === 'force') return { min: index, max: index };
  // What is forbidden lies at an end of the range.
  return index === VERSIONS.length - 1
    ? { ...before, max: index - 1 }
    : { ...before, min: Math.max(before.min ?? 0, index + 1) };
}

/** The only version that is left; null: both are. Complains if none is. */
export function onlyVersion(
  { min, max }: VersionRange,
  complain: (sentence: string) => void = () => undefined,
): TlsVersion | null {
  const spoken = (['TLSv1.2', 'TLSv1.3'] as const).filter((name) => {
    const index = VERSIONS.indexOf(name);
    return index >= (min ?? 0) && index <= (max ?? VERSIONS.length);
  });
  const [first] = spoken;
  if (first === undefined) complain('no version of TLS is left: 1.2 and 1.3 are spoken');
  return spoken.length === 1 ? (first ?? null) : null;
}
