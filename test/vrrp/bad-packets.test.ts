// What a peer's nonsense does to a running `baton vrrp`: nothing, but for a counter and one line in the log.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Random } from '../../src/base/random.ts';
import type { DropKind } from '../../src/vrrp/receive.ts';
import { startHosts } from '../os/hosts.ts';
import { advert, Folder, instance, Sender, startBaton, VIRTUAL, type Baton } from './baton.ts';
import { holds, skip } from './routers.ts';

const PASSWORD = 'geheim';

/** The same bytes with some changed. */
const changed = (bytes: Uint8Array, change: (bytes: Uint8Array) => Uint8Array | void): Uint8Array => {
  const copy = bytes.slice();
  return change(copy) ?? copy;
};

interface Bad {
  readonly kind: DropKind;
  /** Better than ours: it would depose the instance if it were believed. */
  readonly bytes: Uint8Array;
  readonly ttl?: number;
  /** What the log says of it. */
  readonly says: RegExp;
}

const better = { priority: 200 };
const better2 = { ...better, version: 2, intervalMs: 1000, password: PASSWORD } as const;

const VERSION_3: readonly Bad[] = [
  {
    kind: 'version',
    bytes: advert({ ...better, version: 2, intervalMs: 1000 }),
    says: /version 2, ours is 3/,
  },
  {
    kind: 'length',
    bytes: changed(advert(better), (b) => Uint8Array.from([...b, 0, 0, 0, 0])),
    says: /length, 16 bytes/,
  },
  {
    kind: 'checksum',
    bytes: changed(advert(better), (b) => void (b[6] = (b[6] ?? 0) ^ 1)),
    says: /wrong checksum/,
  },
  { kind: 'ttl', bytes: advert(better), ttl: 64, says: /TTL 64 is not 255/ },
  { kind: 'truncated', bytes: advert(better).slice(0, 5), says: /truncated, 5 bytes/ },
  {
    kind: 'oversized',
    bytes: changed(advert(better), (b) => Uint8Array.from([...b, ...new Uint8Array(20_000)])),
    says: /oversized, 20012 bytes/,
  },
  { kind: 'type', bytes: changed(advert(better), (b) => void (b[0] = 0x32)), says: /unknown type 2/ },
  { kind: 'interval', bytes: advert({ ...better, intervalMs: 0 }), says: /its interval is zero/ },
];

const VERSION_2: readonly Bad[] = [
  { kind: 'password', bytes: advert({ ...better2, password: 'falsch' }), says: /its password is not ours/ },
  {
    kind: 'authentication-type',
    bytes: advert({ ...better2, password: null }),
    says: /it uses no authentication/,
  },
  {
    kind: 'authentication-unsupported',
    bytes: changed(advert(better2), (b) => void (b[4] = 2)),
    says: /authentication header \(auth_type AH\)/,
  },
  {
    kind: 'interval',
    bytes: advert({ ...better2, intervalMs: 3000 }),
    says: /its interval is 3 s, ours 1 s/,
  },
];

/** Throws each kind thrice, looks what became of it, and then believes the good one. */
async function tryAll(baton: Baton, sender: Sender, kinds: readonly Bad[], good: Uint8Array): Promise<void> {
  const { stateAgeMs: _, drops: before } = await baton.view();
  assert.deepEqual(new Set(Object.values(before)), new Set([0]), 'it has dropped something already');
  for (const { bytes, ttl = 255 } of kinds) {
    for (let count = 0; count < 3; count++) await sender.send(bytes, ttl);
  }
  await baton.until('all to be counted', async () => {
    const { drops } = await baton.view();
    return kinds.every(({ kind }) => drops[kind] === 3);
  });
  const { state, drops, statistics } = await baton.view();
  assert.equal(state, 'active');
  assert.equal(statistics.becameActive, 1);
  const expected = Object.fromEntries(kinds.map(({ kind }) => [kind, 3]));
  assert.deepEqual({ ...before, ...expected }, drops);
  for (const { kind, says } of kinds) {
    await baton.says(says);
    const told = baton.output.split('\n').filter((line) => says.test(line));
    assert.equal(told.length, 1, `${kind} was logged ${told.length} times`);
  }
  assert.ok(!/falsch|geheim/.test(baton.output), 'a password was logged');
  // The positive control: from the same sender, but for what was wrong.
  await sender.send(good);
  await baton.says('is backup, not active any more');
}

describe('adverts that are wrong', { skip, concurrency: 3 }, () => {
  it('are dropped, counted by kind and logged once per kind, over version 3', async (t) => {
    const { a, b } = startHosts(t);
    const baton = startBaton(t, a, new Folder(), instance('VI_1', 51, 150));
    await baton.takes();
    const sender = await Sender.open(t, b, 255, 64);
    await tryAll(baton, sender, VERSION_3, advert(better));
  });

  it('are dropped, counted by kind and logged once per kind, over version 2 with a password', async (t) => {
    const { a, b } = startHosts(t);
    const text = instance(
      'VI_1',
      51,
      150,
      'version 2',
      'advert_int 1',
      'authentication {',
      'auth_type PASS',
      `auth_pass ${PASSWORD}`,
      '}',
    );
    const baton = startBaton(t, a, new Folder(), text);
    await baton.takes();
    await tryAll(baton, await Sender.open(t, b), VERSION_2, advert(better2));
  });

  it('for a VRID that is not ours, or made of random bytes, change nothing', async (t) => {
    const { a, b } = startHosts(t);
    const folder = new Folder();
    const baton = startBaton(
      t,
      a,
      folder,
      `global_defs {\n log_unknown_vrids\n}\n${instance('VI_1', 51, 150)}`,
    );
    await baton.takes();
    const sender = await Sender.open(t, b);
    await sender.send(advert({ ...better, virtualRouterId: 99 }));
    await baton.says('for VRID 99, which is not ours');
    const random = new Random(5);
    const count = 500;
    for (let sent = 0; sent < count; sent++) {
      const bytes = Uint8Array.from({ length: 1 + random.int(60) }, () => random.int(256));
      // Every other one is for us.
      if (random.chance(0.5)) bytes[1] = 51;
      await sender.send(bytes);
    }
    await baton.until('all to be dropped', async () => {
      const { routers, unknownIds } = (await baton.status()).snapshot;
      const drops = routers.flatMap((one) => Object.values(one.drops));
      return drops.reduce((sum, one) => sum + one, unknownIds) === count + 1;
    });
    const { state, statistics } = await baton.view();
    assert.deepEqual([state, statistics.becameActive], ['active', 1]);
    assert.ok(holds(a, VIRTUAL));
    const told = baton.output.split('\n').filter((line) => line.includes('dropped:'));
    assert.ok(told.length < 12, `${told.length} lines:\n${told.join('\n')}`);
  });
});
