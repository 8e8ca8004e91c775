// Which server a client's address stays with, as keepalived's persistence_timeout and HAProxy's `stick on src` have it: from
// its first connection until so long after its last one. It outlives the client's connections, not the daemon.

/** How many addresses are remembered. */
export interface PersistTable {
  readonly addressesMax: number;
  /** A full one takes no more addresses; false: those that were met first are forgotten first. */
  readonly isFixed: boolean;
}

const TABLE: PersistTable = { addressesMax: 100_000, isFixed: false };

interface Stay {
  readonly server: string;
  open: number;
  /** While none is open. */
  untilMs: number;
}

export class Persistence {
  readonly #timeoutMs: number;
  readonly #table: PersistTable;
  readonly #stays = new Map<string, Stay>();

  /** `timeoutMs` Infinity: for good. */
  constructor(timeoutMs: number, table: PersistTable = TABLE) {
    this.#timeoutMs = timeoutMs;
    this.#table = table;
  }

  /** Where `address` stays; null: anywhere will do. */
  serverOf(address: string, nowMs: number): string | null {
    const stay = this.#stays.get(address);
    if (stay === undefined) return null;
    if (stay.open > 0 || nowMs < stay.untilMs) return stay.server;
    this.#stays.delete(address);
    return null;
  }

  /** A connection of `address` is led to `server`, where it stays from now on. */
  began(address: string, server: string, nowMs: number): void {
    const stay = this.#stays.get(address);
    if (stay?.server === server) {
      stay.open += 1;
      return;
    }
    // Connections to the server it stayed with before do not count any more.
    this.#stays.delete(address);
    const { addressesMax, isFixed } = this.#table;
    if (isFixed && this.#stays.size >= addressesMax) this.#forgetOver(nowMs);
    if (isFixed && this.#stays.size >= addressesMax) return;
    this.#stays.set(address, { server, open: 1, untilMs: nowMs });
    if (this.#stays.size > addressesMax) this.#forget(nowMs);
  }

  /** One of its connections to `server` has ended. */
  ended(address: string, server: string, nowMs: number): void {
    const stay = this.#stays.get(address);
    if (stay?.server !== server || stay.open === 0) return;
    stay.open -= 1;
    stay.untilMs = nowMs + this.#timeoutMs;
  }

  /** What is over goes, and if nothing is, the oldest. */
  #forget(nowMs: number): void {
    this.#forgetOver(nowMs);
    for (const address of this.#stays.keys()) {
      if (this.#stays.size <= this.#table.addressesMax) return;
      this.#stays.delete(address);
    }
  }

  #forgetOver(nowMs: number): void {
    for (const [address, { open, untilMs }] of this.#stays) {
      if (open === 0 && untilMs <= nowMs) this.#stays.delete(address);
    }
  }
}
