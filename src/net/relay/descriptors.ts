// How many sockets a process that serves clients has open, against how many files it may. Clients stop being let in while
// some are left: connections to servers, checks and whatever else the process does need theirs, and a process without any
// can't even turn somebody away.

import type { Socket } from 'node:net';

/** Kept from clients: an eighth, at least so many, but never more than half. */
const KEPT_MIN = 64;
const KEPT_SHARE = 1 / 8;
/** With fewer left not even an error can be said: who reads it takes his time. */
const LAST = 16;
/** It is said again only after so little of the room was taken in between. */
const CALM_SHARE = 1 / 2;

export type Admission =
  | 'welcome'
  /** It may still be told that there is no room. */
  | 'full'
  | 'exhausted';

export class Descriptors {
  readonly #limit: number;
  readonly #room: number;
  readonly #warn: (sentence: string) => void;
  #used = 0;
  #hasWarned = false;

  /** `limit`: files that the process may have open; null: as many as it likes. */
  constructor(limit: number | null, warn: (sentence: string) => void) {
    this.#limit = limit ?? Infinity;
    const kept = Math.min(Math.max(KEPT_MIN, this.#limit * KEPT_SHARE), this.#limit / 2);
    this.#room = limit === null ? Infinity : Math.floor(limit - kept);
    this.#warn = warn;
  }

  /** How many clients' sockets, and those that go with them, may be open. */
  get room(): number {
    return this.#room;
  }

  /** Counts `socket` until it is closed. `files`: that it takes together with what will be opened for it alone. */
  count(socket: Socket, files = 1): void {
    this.#used += files;
    socket.once('close', () => {
      this.#used -= files;
      if (this.#used < this.#room * CALM_SHARE) this.#hasWarned = false;
    });
  }

  /** A client has come; it is counted either way. */
  admit(socket: Socket, files: number): Admission {
    const isWelcome = this.#used + files <= this.#room;
    this.count(socket, isWelcome ? files : 1);
    if (isWelcome) return 'welcome';
    if (!this.#hasWarned) {
      this.#hasWarned = true;
      this.#warn(
        `clients are turned away: this process may have ${this.#limit} files open, and ${this.#room} are the clients' already; raise the limit (LimitNOFILE= in its unit, or ulimit -Hn), or let more relay workers share them (--workers, nbthread)`,
      );
    }
    return this.#used < this.#limit - LAST ? 'full' : 'exhausted';
  }
}
