// A machine for tests of the shells: it records what it is told and says what it was made to say.

import { assert } from '../base/assert.ts';
import type { SentinelConf } from '../sentinel/conf/conf.ts';
import type { ClientId, Effect, Event } from '../sentinel/io.ts';
import type { Snapshot } from '../sentinel/snapshot.ts';
import type { Machine } from './machine.ts';

export class FakeMachine implements Machine {
  readonly events: Event[] = [];
  /** When each of `events` came. */
  readonly times: number[] = [];
  readonly authenticated = new Set<ClientId>();
  readonly subscribed = new Set<ClientId>();
  due = Number.POSITIVE_INFINITY;
  conf: SentinelConf | null = null;
  version = 1;
  readonly #react: (event: Event, now: number) => readonly Effect[];

  constructor(react: (event: Event, now: number) => readonly Effect[]) {
    this.#react = react;
  }

  step(event: Event, now: number): readonly Effect[] {
    this.events.push(event);
    this.times.push(now);
    return this.#react(event, now);
  }

  deadline(): number {
    return this.due;
  }

  stateToPersist(): { readonly version: number; readonly conf: SentinelConf } {
    assert(this.conf !== null, 'this test gave the fake machine no configuration');
    return { version: this.version, conf: this.conf };
  }

  snapshot(): Snapshot {
    return {
      myId: 'f'.repeat(40),
      currentEpoch: '7',
      tilt: false,
      port: 0,
      uptimeMs: 1,
      masters: [],
      counters: {},
      persist: { version: this.version, persistedVersion: this.version, problem: null },
    };
  }

  isAuthenticated(client: ClientId): boolean {
    return this.authenticated.has(client);
  }

  isSubscribed(client: ClientId): boolean {
    return this.subscribed.has(client);
  }
}
