// The types of RESP by their first byte, and the replies that are made from nothing else.

import { unreachable } from '../base/assert.ts';
import type { Reply } from './reply.ts';

// The type bytes.
export const SIMPLE = 43; // +
export const ERROR = 45; // -
export const INTEGER = 58; // :
export const BULK = 36; // $
export const ARRAY = 42; // *
export const NULL = 95; // _
export const BOOLEAN = 35; // #
export const DOUBLE = 44; // ,
export const BIG_NUMBER = 40; // (
export const BULK_ERROR = 33; // !
export const VERBATIM = 61; // =
export const MAP = 37; // %
export const SET = 126; // ~
export const PUSH = 62; // >
export const ATTRIBUTE = 124; // |

/** A header that counts items. */
export type Aggregate = typeof ARRAY | typeof MAP | typeof SET | typeof PUSH | typeof ATTRIBUTE;
/** A header that counts bytes. */
export type Blob = typeof BULK | typeof BULK_ERROR | typeof VERBATIM;

/** All of the above. */
export const TYPES: ReadonlySet<number> = new Set(
  Array.from('+-:$*_#,(!=%~>|', (type) => type.charCodeAt(0)),
);

// Replies that are always the same are shared.
export const OK_REPLY = { kind: 'simple', text: 'OK' } as const;
export const NULL_REPLY = { kind: 'null' } as const;
export const NULL_ARRAY_REPLY = { kind: 'null-array' } as const;
export const TRUE_REPLY = { kind: 'boolean', value: true } as const;
export const FALSE_REPLY = { kind: 'boolean', value: false } as const;

/** The integers from 0 on that most replies are, each at its own index. */
export const SMALL_INTEGERS: readonly Extract<Reply, { kind: 'integer' }>[] = Array.from(
  { length: 256 },
  (_, value) => ({ kind: 'integer', value }),
);

/** The reply that `items` make. */
export function aggregate<Bulk>(
  type: Exclude<Aggregate, typeof ATTRIBUTE>,
  items: Reply<Bulk>[],
): Reply<Bulk> {
  switch (type) {
    case ARRAY:
      return { kind: 'array', items };
    case SET:
      return { kind: 'set', items };
    case PUSH:
      return { kind: 'push', items };
    case MAP: {
      const entries: (readonly [Reply<Bulk>, Reply<Bulk>])[] = [];
      for (let index = 0; index < items.length; index += 2) {
        entries.push([items[index] as Reply<Bulk>, items[index + 1] as Reply<Bulk>]);
      }
      return { kind: 'map', entries };
    }
    default:
      return unreachable(type, 'an aggregate is of one of four types');
  }
}
