import assert from 'node:assert/strict';
import { it } from 'node:test';
import { bothHoldMs, defaultLifetimeSeconds, refreshDueAt, refreshesWithAdvert } from './lifetime.ts';
import { routerConf } from './test-conf.ts';
import { activeDownMs, peerDownMsMin, skewMs } from './timing.ts';

const V3 = { version: 3, downTimerAdverts: 3 } as const;
const V2 = { version: 2, downTimerAdverts: 3 } as const;

it('waits the times of the examples (vrrp.md §1.7)', () => {
  assert.equal(skewMs(2, 100, 1000), 609.375);
  assert.equal(activeDownMs(V2, 100, 1000), 3609.375);
  assert.equal(activeDownMs(V2, 150, 1000), 3414.0625);
  assert.equal(activeDownMs(V3, 100, 100), 360.9375);
  assert.equal(activeDownMs(V3, 100, 10), 36.09375);
});

it('counts the skew in seconds in version 2 and in intervals in version 3 (RFC 3768 §6.1, RFC 9568 §6.1)', () => {
  assert.equal(skewMs(2, 100, 5000), 609.375);
  assert.equal(skewMs(3, 100, 5000), 3046.875);
  assert.equal(skewMs(2, 255, 1000), 3.90625);
});

it('waits as many adverts as it is told (vrrp.md §1.9)', () => {
  assert.equal(activeDownMs({ ...V2, downTimerAdverts: 5 }, 100, 1000), 5609.375);
});

it('lets an address live two seconds beside adverts every second, and never under one or over three', () => {
  const lifetime = (version: 2 | 3, advertIntervalMs: number): number =>
    defaultLifetimeSeconds(routerConf({ version, advertIntervalMs }));
  assert.equal(lifetime(2, 1000), 2);
  assert.equal(lifetime(3, 1000), 2);
  assert.equal(lifetime(3, 100), 1);
  assert.equal(lifetime(3, 500), 1);
  assert.equal(lifetime(2, 2000), 3);
  assert.equal(lifetime(2, 255_000), 3);
});

it('tells for how long both may hold the address after a crash', () => {
  const both = (advertIntervalMs: number, addressLifetimeSeconds: number | null): number =>
    bothHoldMs(routerConf({ version: 3, advertIntervalMs, addressLifetimeSeconds }));
  assert.equal(both(1000, 2), 0);
  assert.equal(both(100, 1), 1500 - 300.78125);
  assert.equal(both(1000, 5), 5500 - 3007.8125);
  assert.equal(both(1000, null), Infinity);
});

it('refreshes often enough to live, and never so late that a crash leaves two holders', () => {
  for (const [version, advertIntervalMs] of [
    [2, 1000],
    [2, 2000],
    [2, 10_000],
    [3, 500],
    [3, 100],
    [3, 10],
    [3, 40_950],
  ] as const) {
    const conf = routerConf({ version, advertIntervalMs });
    for (const seconds of [defaultLifetimeSeconds(conf), 1, 2, 5]) {
      const lifetimeMs = seconds * 1000;
      const peer = peerDownMsMin(conf);
      const allowed = bothHoldMs({ ...conf, addressLifetimeSeconds: seconds });
      let now = 0;
      let refreshedAt = 0;
      let lastAdvertAt = 0;
      for (let round = 0; round < 200; round++) {
        const nextAdvertAt = lastAdvertAt + advertIntervalMs;
        const dueAt = refreshDueAt({
          lifetimeMs,
          refreshedAt,
          lastAdvertAt,
          nextAdvertAt,
          peerDownMsMin: peer,
        });
        now = Math.min(dueAt, nextAdvertAt);
        let refreshes = now === dueAt;
        if (now === nextAdvertAt) {
          lastAdvertAt = now;
          refreshes = refreshesWithAdvert(refreshedAt, lifetimeMs, now, advertIntervalMs);
        }
        assert.ok(
          now - refreshedAt < lifetimeMs,
          `v${version} ${advertIntervalMs} ms, ${seconds} s: it lapsed`,
        );
        if (refreshes) refreshedAt = now;
        const bothHold = refreshedAt + lifetimeMs + 500 - (lastAdvertAt + peer);
        assert.ok(
          bothHold <= allowed + 1e-6,
          `v${version} ${advertIntervalMs} ms, ${seconds} s: ${bothHold}`,
        );
      }
    }
  }
});
