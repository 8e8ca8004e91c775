// The blocks track_script, track_interface, track_process and track_file of an instance or a group: what it depends on,
// one name to a line with an optional weight (vrrp.md §1.11).

import type { Tracking } from '../router-conf.ts';
import { entriesOf } from './blocks.ts';
import type { Weight } from './conf.ts';
import { type Report, show } from './problems.ts';
import { hint } from '../../base/suggest.ts';
import type { Statement, Word } from './tree.ts';
import { WEIGHT_MAX, weightIn } from './weights.ts';

/** What has been defined so far; a tracker must be, before it is used. */
export interface Trackables {
  readonly script: ReadonlyMap<string, Weight>;
  readonly process: ReadonlyMap<string, Weight>;
  readonly file: ReadonlyMap<string, Weight>;
  /** Names of blocks that were wrong: their use is no second problem. */
  readonly broken: ReadonlySet<string>;
  /** Names defined anywhere in the file, for a better sentence. */
  readonly later: ReadonlySet<string>;
}

/** One use, with where it stands. */
export interface PlacedTracking extends Tracking {
  readonly place: Word;
}

const BLOCKS = {
  script: 'vrrp_script',
  process: 'vrrp_track_process',
  file: 'track_file',
} as const;

/** Every entry of `block`, a track_* block of `owner`. */
export function readTracking(
  report: Report,
  block: Statement,
  kind: 'script' | 'interface' | 'process' | 'file',
  trackables: Trackables,
): PlacedTracking[] {
  return entriesOf(report, block).flatMap((entry) => {
    const { keyword, values } = entry;
    const inherited =
      kind === 'interface' ? { weight: 0, reverse: false } : trackables[kind].get(keyword.text);
    if (inherited === undefined) {
      if (kind !== 'interface') undefinedName(report, keyword, kind, trackables);
      return [];
    }
    const weight = readUseWeight(report, entry, values, inherited);
    return weight === null ? [] : [{ kind, name: keyword.text, ...weight, place: keyword }];
  });
}

function readUseWeight(
  report: Report,
  { keyword }: Statement,
  values: readonly Word[],
  inherited: Weight,
): Weight | null {
  const [word, ...rest] = values;
  if (word === undefined) {
    if (Math.abs(inherited.weight) <= WEIGHT_MAX) return inherited;
    report.error(keyword, 'bad-number', `the weight of ${show(keyword.text)} is more than ${WEIGHT_MAX}`);
    return null;
  }
  if (word.text === 'weight') return weightIn(report, rest, word);
  const sentence = `after ${show(keyword.text)} only weight N may come, not ${show(word.text)}${hint(word.text, ['weight'])}`;
  report.error(word, 'bad-option', sentence);
  return null;
}

function undefinedName(
  report: Report,
  keyword: Word,
  kind: 'script' | 'process' | 'file',
  { broken, later, ...known }: Trackables,
): void {
  const id = `${kind} ${keyword.text}`;
  if (broken.has(id)) return;
  const name = show(keyword.text);
  const sentence = later.has(id)
    ? `${name} is tracked before it is defined: move its ${BLOCKS[kind]} further up`
    : `there is no ${BLOCKS[kind]} ${name}${hint(keyword.text, known[kind].keys())}`;
  report.error(keyword, 'undefined-tracker', sentence);
}
