// The guard of the addresses in the kernel: what the VRRP machine wants of it becomes one nft transaction for each turn
// of the loop, in which nobody waits. What the rules are: vrrp/guard-rules.ts.
//
// One transaction is under way at a time. What is wanted meanwhile goes into the next one, and how long an address may
// still answer is reckoned when that one leaves: a late transaction never lets it answer beyond its deadline by more
// than it took itself.
//
// When nft fails. The rules stay when its child dies, and would then silence an address that we hold; but the next
// transaction, which the next advert brings in time, starts another child. After any failure that transaction sets the
// whole table anew at once: somebody may have deleted it, or flushed all rules. If it fails again and again, the guard
// gives way: a last attempt to remove the table, a report (an alarm), and the address is used unguarded, as without nft.
// Should even the removal fail, what the table holds lapses by itself within the address's lifetime and a second. Later
// it tries once more, now and then.

import { readFileSync } from 'node:fs';
import { bootClockMs } from '../os/boot-clock.ts';
import { Nft } from '../os/nft.ts';
import {
  guardElements,
  guardRemoval,
  guardTable,
  type GuardedAddress,
  type ResetAddress,
} from '../vrrp/guard-rules.ts';
import type { Effect } from '../vrrp/io.ts';
import { familyOf } from '../vrrp/ip-address.ts';
import type { VirtualAddress } from '../vrrp/router-conf.ts';
import type { Interfaces } from './vrrp-interfaces.ts';

type Guarding = Extract<Effect, { readonly kind: 'guard-addresses' }>;

/** An nft that needs longer hangs. Less than an address's lifetime, so that it is soon usable again. */
const ANSWER_MS_MAX = 500;
/** Names that need no escape in nft's language; others, which nobody uses, get no resets. */
const PLAIN_NAME = /^[\w.@:-]+$/;
/** In a row; then nft is taken to be broken. */
const FAILURES_MAX = 3;
/** How often it is tried again then, and how often rules that need no refreshing are looked after. */
const RENEW_MS = 10_000;

export interface GuardOptions {
  /** Of the table; an nft identifier. */
  readonly table: string;
  readonly interfaces: Interfaces;
  /** null: the rules stand. Else why they don't. Byte strings. */
  readonly report: (problem: string | null) => void;
}

export class Guard {
  readonly #options: GuardOptions;
  readonly #nft = new Nft(undefined, ANSWER_MS_MAX);
  readonly #guarded = new Map<string, Guarding>();
  #resets: readonly VirtualAddress[] = [];
  /** They, or what is known of their interfaces, may have changed: adverts alone do not carry them. */
  #areResetsDue = false;
  /** Something is wanted that no transaction has asked for yet. */
  #isDirty = false;
  /** What is under way; resolves when it has ended. */
  #underWay: Promise<void> | null = null;
  /** The table was there when last heard of. */
  #isThere = false;
  #failures = 0;
  #isResting = false;
  #isClosed = false;
  /** What was reported last; undefined: nothing. */
  #reported: string | null | undefined = undefined;
  #renewal: NodeJS.Timeout | null = null;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  guard(effect: Guarding): void {
    this.#guarded.set(effect.key, effect);
    this.#want();
  }

  unguard(key: string): void {
    this.#guarded.delete(key);
    this.#want();
  }

  resetClients(addresses: readonly VirtualAddress[]): void {
    this.#resets = addresses;
    this.#areResetsDue = true;
    this.#want();
  }

  /** Sends what is wanted, once a turn. */
  flush(): void {
    if (!this.#isDirty || this.#underWay !== null || this.#isResting || this.#isClosed) return;
    this.#isDirty = false;
    this.#underWay = this.#send().finally(() => {
      this.#underWay = null;
      this.flush();
    });
  }

  /** Removes the table. Resolves in any case, within the time that nft is given. */
  async close(): Promise<void> {
    if (this.#renewal !== null) clearInterval(this.#renewal);
    this.#isClosed = true;
    await this.#underWay;
    // Else there never was one.
    if (this.#renewal !== null) await this.#nft.apply(guardRemoval(this.#options.table));
    this.#nft.close();
  }

  #want(): void {
    this.#isDirty = true;
    // Nobody tells when somebody else flushes all rules; a transaction on a table that is gone fails.
    this.#renewal ??= setInterval(() => {
      this.#isDirty = true;
      this.#areResetsDue = true;
      this.#isResting = false;
      this.flush();
    }, RENEW_MS).unref();
  }

  async #send(): Promise<void> {
    const { table } = this.#options;
    const resets =
      this.#areResetsDue || !this.#isThere ? this.#resets.flatMap((one) => this.#resetOf(one)) : null;
    this.#areResetsDue = false;
    const elements = guardElements(table, { guarded: this.#guardedNow(), resets });
    const result = await this.#nft.apply(this.#isThere ? elements : [...guardTable(table), ...elements]);
    if (result.ok) {
      this.#isThere = true;
      this.#failures = 0;
      this.#report(null);
      return;
    }
    this.#isThere = false;
    this.#isDirty = true;
    this.#failures += 1;
    if (result.problem.code !== 'nft-absent') {
      if (this.#failures < FAILURES_MAX) return;
      await this.#nft.apply(guardRemoval(table));
    }
    this.#isResting = true;
    this.#report(Buffer.from(result.problem.sentence, 'utf8').toString('latin1'));
  }

  #report(problem: string | null): void {
    if (problem === this.#reported || this.#isClosed) return;
    this.#reported = problem;
    this.#options.report(problem);
  }

  /** What is wanted, from now. An address that moves with two virtual routers answers until the first deadline. */
  #guardedNow(): GuardedAddress[] {
    const now = bootClockMs();
    const guarded = new Map<string, { aliveUntil: number; heldUntil: number }>();
    for (const { addresses, aliveUntil, heldUntil } of this.#guarded.values()) {
      for (const address of addresses) {
        const other = guarded.get(address);
        guarded.set(address, {
          aliveUntil: Math.min(aliveUntil, other?.aliveUntil ?? Infinity),
          heldUntil: Math.max(heldUntil, other?.heldUntil ?? 0),
        });
      }
    }
    return [...guarded].map(([address, { aliveUntil, heldUntil }]) => ({
      address,
      aliveMs: Math.max(0, Math.floor(aliveUntil - now)),
      heldMs: Math.max(0, Math.ceil(heldUntil - now)),
    }));
  }

  /**
   * Nothing is reset on a machine that forwards: whoever sends to an address that moved on is led there, and a client that
   * has this machine as its router never meant us.
   */
  #resetOf({ address, interface: name }: VirtualAddress): ResetAddress[] {
    const link = this.#options.interfaces.link(name);
    if (link === null || !link.isEthernet || link.mac === '' || !PLAIN_NAME.test(name)) return [];
    if (forwards(name, address)) return [];
    return [{ interface: name, mac: link.mac, address }];
  }
}

function forwards(name: string, address: string): boolean {
  // IPv4 is forwarded by the setting of the interface it came in on, IPv6 by that of all.
  const where = familyOf(address) === 'ipv4' ? `ipv4/conf/${name}` : 'ipv6/conf/all';
  try {
    return readFileSync(`/proc/sys/net/${where}/forwarding`, 'latin1').trim() !== '0';
  } catch {
    // Unknown: better no reset than one too many.
    return true;
  }
}
