// Has replicas say at once how far they are, while a primary hands over by FAILOVER. It stops its writers and waits until
// the chosen replica has acknowledged everything, and replicas do so once a second. WAIT at the primary is no help, since
// one that stops its writers asks nobody (measured: no difference). But a replica acknowledges whenever somebody sends
// it REPLCONF GETACK, whoever that is: Redis 7.0 and Valkey 8.0 then hand over in 12 ms, in place of up to a second.
//
// The command has no answer, unless it is refused. So it goes over a connection of its own, where nobody counts answers.

import type { Core } from './core.ts';
import type { RedisServer } from './redis-server.ts';
import { StandingLink, type LinkUser } from './standing-link.ts';

const PROMPT = ['REPLCONF', 'GETACK', '*'];
/** The first ones may come before the primary has stopped its writers. */
const INTERVAL_MS = 10;
/** To connect, and between two attempts to. */
const CONNECT_MS = 1_000;

/** Whatever comes back is of no use: a replica that refuses acknowledges by its own clock. */
const DEAF: LinkUser = {
  questions: () => [],
  isMessage: () => true,
  answered: () => undefined,
  heard: () => undefined,
  failed: () => undefined,
};

export class AckPrompter {
  readonly #core: Core;
  readonly #links: readonly StandingLink[];
  /** Infinity: not yet. */
  #promptAt = Infinity;

  /** Connects to `replicas`, and waits for {@link begin}. */
  constructor(core: Core, replicas: readonly RedisServer[]) {
    this.#core = core;
    const timing = { intervalMs: CONNECT_MS, timeoutMs: CONNECT_MS };
    this.#links = replicas.map(({ link }) => new StandingLink(core, { ...link.conf, timing }, DEAF));
  }

  begin(): void {
    this.#promptAt = this.#core.now;
  }

  get hasBegun(): boolean {
    return this.#promptAt !== Infinity;
  }

  dueAt(): number {
    return Math.min(this.#promptAt, ...this.#links.map((link) => link.dueAt()));
  }

  attend(): void {
    for (const link of this.#links) link.attend();
    if (this.#core.now < this.#promptAt) return;
    this.#promptAt = this.#core.now + INTERVAL_MS;
    for (const link of this.#links) link.say(PROMPT);
  }

  close(): void {
    for (const link of this.#links) link.close();
    this.#promptAt = Infinity;
  }
}
