// Requests that wait for others: how long each may, and from where on XREAD reads. One that is sent to several servers
// in turn, because the first was replaced, asks the next for what is left of its time, and for what was new at the first.

import { byteString, bytesOf } from '../../base/byte-string.ts';
import { encodeCommand } from '../../resp/encode.ts';

interface Patience {
  /** Which argument it is. */
  readonly at: number;
  readonly unitMs: number;
}

/** Where the timeout stands, and in what unit; null: it waits for nobody, or says no time. */
function patienceOf(name: string, args: readonly string[]): Patience | null {
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
      const at = blockingRead(args)?.timeoutAt;
      return at === undefined ? null : { at, unitMs: 1 };
    }
    default:
      return null;
  }
}

/** Where an XREAD or XREADGROUP says how long it waits, and where its keys begin; null: it does not wait. */
export function blockingRead(
  args: readonly string[],
): { readonly timeoutAt: number; readonly keysAt: number } | null {
  let timeoutAt: number | null = null;
  for (let at = 1; at < args.length; at++) {
    const word = (args[at] as string).toUpperCase();
    if (word === 'STREAMS') return timeoutAt === null ? null : { timeoutAt, keysAt: at + 1 };
    if (word === 'BLOCK') timeoutAt = ++at;
    else if (word === 'COUNT') at++;
    // Group and consumer may be called as they like.
    else if (word === 'GROUP') at += 2;
  }
  return null;
}

/** An XREAD says by `$` or `+` which entries it means: only the server that was asked first can tell. */
interface Newest {
  /** Which argument it is. */
  readonly at: number;
  readonly key: string;
  readonly sign: '$' | '+';
}

function newestOf(name: string, args: readonly string[]): Newest[] {
  const read = name === 'XREAD' ? blockingRead(args) : null;
  if (read === null) return [];
  const count = (args.length - read.keysAt) / 2;
  const found: Newest[] = [];
  for (let which = 0; which < count; which++) {
    const at = read.keysAt + count + which;
    const sign = args[at];
    if (sign === '$' || sign === '+') found.push({ at, key: args[read.keysAt + which] as string, sign });
  }
  return found;
}

/** One that was sent and is not answered. */
export class Blocked {
  readonly #name: string;
  readonly #args: readonly string[];
  readonly #sinceMs: number;
  readonly #newest: readonly Newest[];
  /** What stands for a sign, by its place. */
  readonly #ids = new Map<number, string>();

  constructor(name: string, args: readonly string[], nowMs: number) {
    this.#name = name;
    this.#args = args;
    this.#sinceMs = nowMs;
    this.#newest = newestOf(name, args);
  }

  /**
   * What has to be asked in front of it, so that another server can be asked for the same. An entry that comes between is
   * returned there, and not here: none is left out.
   */
  questions(): { readonly args: readonly string[]; readonly answered: (reply: string) => void }[] {
    return this.#newest.map(({ at, key, sign }) => ({
      args: ['XREVRANGE', key, '+', '-', 'COUNT', '1'],
      answered: (reply) => {
        const id = /^\*1\r\n\*2\r\n\$\d+\r\n(\d+-\d+)\r\n/.exec(reply)?.[1];
        if (id !== undefined) this.#ids.set(at, sign === '$' ? id : sign);
        else if (reply.startsWith('*0\r\n')) this.#ids.set(at, '0-0');
      },
    }));
  }

  /** Whether another server can be asked for the same. */
  get isMovable(): boolean {
    return this.#ids.size === this.#newest.length;
  }

  /** As it has to be said now. 0, for ever, stays so; what is over becomes the shortest wait. */
  again(nowMs: number): Uint8Array {
    const args = this.#args.map((arg, at) => this.#ids.get(at) ?? arg);
    const patience = patienceOf(this.#name, args);
    const total = patience === null ? 0 : Number(args[patience.at]);
    if (patience !== null && total > 0) {
      const { at, unitMs } = patience;
      const leftMs = Math.max(1, Math.round(total * unitMs - (nowMs - this.#sinceMs)));
      args[at] = unitMs === 1 ? String(leftMs) : (leftMs / 1_000).toFixed(3);
    }
    return bytesOf(encodeCommand(args));
  }
}

/** The beginning of a reply, for {@link Blocked.questions}. */
export function headOf(bytes: Uint8Array, start: number, end: number): string {
  return byteString(bytes, start, Math.min(end, start + 100));
}
