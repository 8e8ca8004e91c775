// How long a blocking request may wait: a request that is sent again after it has waited asks for what is left of that,
// so that its client is answered when it expects to be.

import { bytesOf } from '../../base/byte-string.ts';
import { encodeCommand } from '../../resp/encode.ts';
import { argumentsOf } from './request-scanner.ts';

/** Where its timeout stands, and in what unit. */
function timeoutOf(
  name: string,
  args: readonly string[],
): { readonly at: number; readonly unitMs: number } | null {
  switch (name) {
    case 'BLPOP':
    case 'BRPOP':
    case 'BRPOPLPUSH':
    case 'BLMOVE':
    case 'BZPOPMIN':
    case 'BZPOPMAX':
      return { at: args.length - 1, unitMs: 1_000 };
    case 'BLMPOP':
    case 'BZMPOP':
      return { at: 1, unitMs: 1_000 };
    case 'XREAD':
    case 'XREADGROUP': {
      const block = args.findIndex((word) => /^BLOCK$/i.test(word));
      return block === -1 ? null : { at: block + 1, unitMs: 1 };
    }
    default:
      return null;
  }
}

/** `request` as it has to be said after `waitedMs`. 0, for ever, stays so; what is over becomes the shortest wait. */
export function withRestOfPatience(name: string, request: Uint8Array, waitedMs: number): Uint8Array {
  const args = argumentsOf(request, 0);
  const found = timeoutOf(name, args);
  const total = found === null ? 0 : Number(args[found.at]);
  if (found === null || !(total > 0)) return request;
  const leftMs = Math.max(1, Math.round(total * found.unitMs - waitedMs));
  args[found.at] = found.unitMs === 1 ? String(leftMs) : (leftMs / 1_000).toFixed(3);
  return bytesOf(encodeCommand(args));
}
