// The choice of the replica to promote, against the rule of sentinel.md §6.7.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { numericAddress } from './address.ts';
import { newMaster, newReplica, type Master, type Replica } from './instance.ts';
import { selectReplica, whyNotPromote } from './select-replica.ts';

const NOW = 100_000;
const VIEW = { now: NOW, myId: 'a'.repeat(40), pingPeriodMs: 1000, infoPeriodMs: 10_000 };

function makeMaster(): Master {
  const settings = { quorum: 1, downAfterMs: 1000, failoverTimeoutMs: 1000 };
  return newMaster('m1', numericAddress('10.0.0.1', 6379), settings, 0);
}

function addGood(master: Master, last: number): Replica {
  const replica = newReplica(master, `10.0.0.${last}:6379`, numericAddress(`10.0.0.${last}`, 6379), 0);
  replica.link.disconnected = false;
  replica.link.lastAvailableAt = NOW;
  replica.infoAt = NOW;
  replica.runId = `${last}`.padStart(40, '0');
  master.replicas.set(replica.name, replica);
  return replica;
}

describe('a replica', () => {
  const spoils: [why: string, because: RegExp | null, spoil: (replica: Replica, master: Master) => void][] = [
    ['that is fine', null, () => {}],
    ['that is down', /is down/, (r) => (r.sdown = true)],
    ['that is disconnected', /disconnected/, (r) => (r.link.disconnected = true)],
    ['whose PONG is 5 s old', null, (r) => (r.link.lastAvailableAt = NOW - 5000)],
    ['whose PONG is older', /PING/, (r) => (r.link.lastAvailableAt = NOW - 5001)],
    ['with priority 0', /priority/, (r) => (r.priority = 0)],
    ['that is not announced', null, (r) => (r.announced = false)],
    ['whose INFO never came', /INFO/, (r) => (r.infoAt = null)],
    ['whose INFO is 30 s old, the master up', null, (r) => (r.infoAt = NOW - 30_000)],
    ['whose INFO is older, the master up', /INFO/, (r) => (r.infoAt = NOW - 30_001)],
    [
      'whose INFO is 5 s old, the master down',
      null,
      (r, m) => [(m.sdown = true), (m.sdownSince = NOW), (r.infoAt = NOW - 5000)],
    ],
    [
      'whose INFO is older, the master down',
      /INFO/,
      (r, m) => [(m.sdown = true), (m.sdownSince = NOW), (r.infoAt = NOW - 5001)],
    ],
    ['whose link was down for ten down-afters', null, (r) => (r.masterLinkDownMs = 10_000)],
    ['whose link was down for longer', /link/, (r) => (r.masterLinkDownMs = 10_001)],
    [
      'whose link was down for as long as the master, and ten down-afters',
      null,
      (r, m) => [(m.sdown = true), (m.sdownSince = NOW - 500), (r.masterLinkDownMs = 10_500)],
    ],
    ['whose link never was up', null, (r) => (r.masterLinkDownMs = -1000)],
  ];
  for (const [why, because, spoil] of spoils) {
    it(`${why} ${because === null ? 'can' : 'can’t'} be promoted (sentinel.md §6.7)`, () => {
      const master = makeMaster();
      const replica = addGood(master, 2);
      spoil(replica, master);
      const reason = whyNotPromote(master, replica, VIEW);
      if (because === null) assert.equal(reason, null);
      else assert.match(reason ?? '', because);
    });
  }
});

describe('the choice', () => {
  it('is by priority, then offset, then run id without case, unknown last; and each other gets its reason', () => {
    const one = fc.record({
      priority: fc.integer({ min: 0, max: 3 }),
      offset: fc.bigInt(0n, 3n),
      runId: fc.option(fc.constantFrom('aa', 'AB', 'b', 'Ba', 'c')),
      down: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), (all) => {
        const master = makeMaster();
        for (const [index, { priority, offset, runId, down }] of all.entries()) {
          Object.assign(addGood(master, index + 2), { priority, offset, runId, sdown: down });
        }
        const { replica: best, passedOver } = selectReplica(master, VIEW);
        const able = [...master.replicas.values()].filter(
          (each) => whyNotPromote(master, each, VIEW) === null,
        );
        assert.equal(best === null, able.length === 0);
        assert.equal(passedOver.length, all.length - (best === null ? 0 : 1));
        if (best === null) return;
        for (const other of able) {
          assert.ok(best.priority <= other.priority);
          if (best.priority < other.priority) continue;
          assert.ok(best.offset >= other.offset);
          if (best.offset > other.offset) continue;
          assert.ok(other.runId === null || best.runId !== null);
          if (other.runId !== null) assert.ok((best.runId ?? '').toLowerCase() <= other.runId.toLowerCase());
        }
      }),
    );
  });
});
