// Which of several servers a new client is led to (HAProxy's `balance`).

import type { Balance } from '../route.ts';

/** What a choice is made of. */
export interface Choice {
  readonly server: { readonly weight: number; readonly connectionsMax: number | null };
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

  set(all: readonly Each[], balance: Balance): void {
    this.#all = all;
    this.#balance = balance;
    this.#credit = new Map(all.map((each) => [each, this.#credit.get(each) ?? 0]));
  }

  /** One that may take another client and is not in `except`; null if there is none. */
  choose(asker: Asker, except: ReadonlySet<Each> | null = null): Each | null {
    const able = this.#all.filter(
      (each) =>
        except?.has(each) !== true &&
        (each.server.connectionsMax === null || each.clients < each.server.connectionsMax),
    );
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

function bySource<Each extends Choice>(able: readonly Each[], address: string): Each {
  // FNV-1a: spreads addresses that differ in their last digit.
  let hash = 0x811c9dc5;
  for (let at = 0; at < address.length; at++) {
    hash = Math.imul(hash ^ address.charCodeAt(at), 0x01000193) >>> 0;
  }
  const total = able.reduce((sum, { server }) => sum + server.weight, 0);
  let left = hash % total;
  for (const each of able) {
    left -= each.server.weight;
    if (left < 0) return each;
  }
  return able[0] as Each;
}
