// Whatever clients say in whatever order: no bug is hit, no client is left without an answer, effects make sense, and
// the users that come out of it can be loaded again.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { OK, type Reply } from '../../resp/reply.ts';
import type { ClientId } from '../io.ts';
import { CommandTable } from './command-table.ts';
import { fakeHost, PLAIN_CONF, TestPort } from './harness.ts';
import { preparePort } from './server.ts';

const made = CommandTable.make('valkey', new Map());
assert(made.ok);
const requests = [...made.value.listed()].map((command) => command.name.split('|'));

const WORDS =
  'on off ON all write yes no skip reset user type id addr normal pubsub default u v 1 2 3 0 -1 99 >pw pw nopass +@all ' +
  '-@all ~* &* &a +ping|x +client -client|kill (+ping ~k) (&b) resetchannels a b* AUTH SETNAME bcast prefix redirect ' +
  'optin skipme filterby aclcat pattern 127.0.0.1:40001';
const word = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...WORDS.split(' ')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 4 }) },
);
const client = fc.integer({ min: 0, max: 2 });
const step = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant('say' as const),
      client,
      args: fc
        .tuple(fc.constantFrom(...requests), fc.array(word, { maxLength: 4 }))
        .map(([name, rest]) => [...name, ...rest]),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('say' as const),
      client,
      args: fc.array(word, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('say' as const),
      client,
      args: fc.integer({ min: 1, max: 300 }).map((ms) => ['client', 'pause', String(ms)]),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 200 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('answer' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const), client }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('publish' as const), channel: word }) },
);

/** The listener as the effects see it: who is connected, who is held. Asserts what it relies on. */
class Listener {
  readonly port = new TestPort({ conf: { timeoutSeconds: 1, aclPubsubDefault: 'allchannels' } });
  readonly clients: (ClientId | null)[] = [null, null, null];
  readonly held = new Set<ClientId>();
  readonly deferred: ((reply: Reply) => void)[] = [];
  #open = new Set<ClientId>();

  constructor() {
    this.port.outcome = ({ session, args }) => {
      if (args[0] === 'shutdown') return 'none';
      if (args.length % 2 === 0) return OK;
      this.deferred.push(this.port.server.defer(session));
      return 'later';
    };
  }

  /** The client in this place, connected anew if need be. */
  client(place: number): ClientId {
    const present = this.clients[place] ?? null;
    if (present !== null && this.#open.has(present)) return present;
    const fresh = this.port.connect();
    this.clients[place] = fresh;
    this.#open.add(fresh);
    return fresh;
  }

  leave(client: ClientId): void {
    this.port.server.clientClosed(client);
    this.#open.delete(client);
    this.held.delete(client);
  }

  /** Carries out what was emitted since the last time; returns how much there was for `client`. */
  carryOut(client: ClientId): number {
    let count = 0;
    for (const effect of this.port.effects) {
      if (!('client' in effect)) continue;
      assert.ok(this.#open.has(effect.client), `${effect.kind} for client ${effect.client}, which is gone`);
      if (effect.client === client) count += 1;
      if (effect.kind === 'hold-client') {
        assert.ok(!this.held.has(effect.client), 'held twice');
        this.held.add(effect.client);
      } else if (effect.kind === 'release-client') {
        assert.ok(this.held.delete(effect.client), 'released without being held');
      } else if (effect.kind === 'close-client') {
        this.#open.delete(effect.client);
        this.held.delete(effect.client);
      }
    }
    this.port.effects.length = 0;
    return count;
  }
}

describe('the port', () => {
  it('holds together whatever clients say', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const listener = new Listener();
        const { port } = listener;
        for (const one of steps) {
          let speaker = 0;
          let isSilent = true;
          if (one.kind === 'say') {
            speaker = listener.client(one.client);
            if (listener.held.has(speaker)) continue;
            // Who asked for silence is not to be answered.
            if (one.args[0] === 'client' && one.args[1] === 'reply') continue;
            isSilent = one.args[0] === 'shutdown';
            port.server.command(speaker, one.args, port.now);
          } else if (one.kind === 'wait') {
            port.now += one.ms;
            port.server.tick(port.now);
          } else if (one.kind === 'answer') {
            listener.deferred.shift()?.(OK);
          } else if (one.kind === 'leave') {
            listener.leave(listener.client(one.client));
          } else {
            port.server.publish(one.channel, 'message');
          }
          const count = listener.carryOut(speaker);
          if (!isSilent) assert.ok(count > 0, `no answer to ${JSON.stringify(one)}`);
          assert.ok(port.server.deadline() > port.now, 'ticks are due only in the future');
        }
        const users = port.server.users();
        const conf = { ...PLAIN_CONF, users, aclPubsubDefault: 'allchannels' as const };
        const again = preparePort(conf, { flavour: 'redis', version: '7.2.4' }, fakeHost());
        assert(again.ok, JSON.stringify([users, again]));
        assert.deepEqual(again.value.users.lines(), users);
      }),
      { numRuns: 300 },
    );
  });
});
