// What a file's number means for a server (keepalived's FILE_CHECK), e.g. to take it out by hand.

import type { CheckConf } from './check-conf.ts';
import type { CheckOutcome } from './dialogue.ts';

/** From here down, number times weight is no weight but "out of service" (vrrp.md §1.11, as of track_file). */
const OUT_OF_SERVICE = -254;

/** `text`: what is in the file; null: there is none, which is as good as 0. */
export function fileOutcome(
  { weight }: Pick<Extract<CheckConf, { readonly kind: 'file' }>, 'weight'>,
  text: string | null,
): CheckOutcome {
  const value = Number(/^\s*([+-]?\d{1,9})\b/.exec(text ?? '')?.[1] ?? 0);
  const change = value * weight;
  const isUp = weight === 0 ? value === 0 : change > OUT_OF_SERVICE;
  // Not -0, which 0 times a negative weight is.
  return { isUp, detail: `it says ${value}`, weight: isUp ? change + 0 : null };
}
