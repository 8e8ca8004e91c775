// An open transaction of one client. Until EXEC nothing of it is carried out, so that it can be begun again at another
// server from the requests, as long as these are kept and no key is watched.

/** Requests of one transaction that are kept, in bytes; of a longer one nothing is. */
const KEPT_BYTES_MAX = 256 * 1024;

export class Transaction {
  /** MULTI and what was queued behind it, in order; null: too much to keep. */
  #requests: Uint8Array[] | null = [];
  #bytes = 0;
  /** How many of them the server has answered, and the client knows. */
  answered = 0;
  /** WATCH went before it. */
  readonly isWatching: boolean;
  /** The database chosen inside last, which counts if it is carried out; null: none. */
  queuedDb: number | null = null;
  /** Names of commands in it that nobody knows. */
  readonly unknown = new Set<string>();

  constructor(isWatching: boolean) {
    this.isWatching = isWatching;
  }

  add(request: Uint8Array): void {
    if (this.#requests === null) return;
    this.#bytes += request.length;
    if (this.#bytes > KEPT_BYTES_MAX) this.#requests = null;
    else this.#requests.push(request);
  }

  /** A part of it is not kept. */
  forget(): void {
    this.#requests = null;
  }

  /** What another server must be told before it is where the client believes it is; null: nobody knows any more. */
  get begun(): readonly Uint8Array[] | null {
    return this.#requests === null ? null : this.#requests.slice(0, this.answered);
  }

  /** From now on only what was answered belongs to it: the rest will be asked again. */
  cutBack(): void {
    if (this.#requests !== null) this.#requests.length = this.answered;
  }
}
