// Which of several servers a new client is led to (HAProxy's `balance`).

import { fnv1a } from '../../base/fnv.ts';
import type { Balance } from '../route.ts';

/** What a choice is made of. */
export interface Choice {
  readonly server: {
    readonly name: string;
    readonly weight: number;
    readonly connectionsMax: number | null;
    readonly connectionsAgain?: number;
  };
  /** Clients it has now. */
  readonly clients: number;
}

/** Who asks: for `source`, the same address is led to the same server while the servers stay. */
export interface Asker {
  readonly sourceAddress?: string;
}

export class Chooser<Each extends Choice> {
  #all: readonly Each[] = [];
  #balance: Balance = 'roundrobin';
  /** How far each is behind its share (smooth weighted round-robin). */
  #credit = new Map<Each, number>();
  /** Those that were full and have yet to fall below their `connectionsAgain`. */
  readonly #full = new Set<Each>();

  set(all: readonly Each[], balance: Balance): void {
    this.#all = all;
    this.#balance = balance;
    this.#credit = new Map(all.map((each) => [each, this.#credit.get(each) ?? 0]));
    for (const each of this.#full) if (!all.includes(each)) this.#full.delete(each);
  }

  #isFull(each: Each): boolean {
    const { connectionsMax, connectionsAgain } = each.server;
    if (connectionsMax === null) return false;
    const limit = this.#full.has(each) ? (connectionsAgain ?? connectionsMax) : connectionsMax;
    const isFull = each.clients >= limit;
    if (isFull) this.#full.add(each);
    else this.#full.delete(each);
    return isFull;
  }

  /**
   * All of them but those in `except`, the one to choose first, whether they are full or not: for limits that somebody
   * else keeps.
   */
  rank(asker: Asker, except: ReadonlySet<Each> | null = null): Each[] {
    const able = this.#all.filter((each) => except?.has(each) !== true);
    const best = this.#best(able, asker);
    if (best === null) return [];
    const others = able.filter((each) => each !== best);
    if (this.#balance === 'leastconn') others.sort((a, b) => loadOf(a) - loadOf(b));
    return [best, ...others];
  }

  /** One that may take another client and is not in `except`; null if there is none. */
  choose(asker: Asker, except: ReadonlySet<Each> | null = null): Each | null {
    return this.#best(
      this.#all.filter((each) => except?.has(each) !== true && !this.#isFull(each)),
      asker,
    );
  }

  #best(able: readonly Each[], asker: Asker): Each | null {
    const [only] = able;
    if (only === undefined || able.length === 1) return only ?? null;
    switch (this.#balance) {
      case 'first':
        return only;
      case 'leastconn':
        return able.reduce((best, each) => (loadOf(each) < loadOf(best) ? each : best));
      case 'source':
        return bySource(able, asker.sourceAddress ?? '');
      case 'roundrobin':
        return this.#next(able);
      default:
        return unknownBalance(this.#balance);
    }
  }

  /** Each gains its weight; the richest is chosen and pays for all. */
  #next(able: readonly Each[]): Each {
    let total = 0;
    let best = able[0] as Each;
    let bestCredit = -Infinity;
    for (const each of able) {
      total += each.server.weight;
      const credit = (this.#credit.get(each) ?? 0) + each.server.weight;
      this.#credit.set(each, credit);
      if (credit > bestCredit) {
        best = each;
        bestCredit = credit;
      }
    }
    this.#credit.set(best, bestCredit - total);
    return best;
  }
}

function unknownBalance(balance: never): never {
  throw new TypeError(`a balance is of a known kind: ${String(balance)}`);
}

function loadOf({ clients, server }: Choice): number {
  return clients / server.weight;
}

/**
 * Every worker chooses the same, without a word between them, and when a server comes or goes only its own clients move:
 * each server draws a number from its name and the address, and the best draw for its weight wins (rendezvous hashing).
 */
function bySource<Each extends Choice>(able: readonly Each[], address: string): Each {
  const scoreOf = ({ server }: Each): number => -server.weight / Math.log(draw(`${server.name} ${address}`));
  return able.reduce((best, each) => (scoreOf(each) > scoreOf(best) ? each : best));
}

/** A number between 0 and 1, neither included, from a text: FNV-1a, mixed so that all bits depend on all. */
function draw(text: string): number {
  let hash = fnv1a(text);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 2 ** 32;
}
