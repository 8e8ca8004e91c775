// Who of ours and keepalived holds the address: ties, nopreempt, preempt_delay and owners, each in either half.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { instanceText, IS_BACKUP, otherSide, Pair, stop } from './one-file-pair.ts';
import { skip } from './routers.ts';

/** Longer than either side waits for adverts every 0.3 s. */
const HEARD = { steadyMs: 1_500 };
const PREEMPT_DELAY_MS = 3_000;

describe('ours and keepalived elect', { skip, concurrency: true }, () => {
  for (const ours of ['a', 'b'] as const) {
    const halves = `ours is ${ours}, keepalived ${otherSide(ours)}`;

    it(`the higher address among equals that are both active, though not among backups: ${halves}`, async (t) => {
      const pair = await Pair.make(t, instanceText({ priorities: [100, 100] }));
      pair.play('a', ours);
      await pair.settles('a');
      await pair.play('b', ours).says(IS_BACKUP);
      await pair.settles('a', HEARD);
      pair.lan.isolate('b');
      await pair.isShared();
      pair.lan.rejoin('b');
      await pair.settles('b', HEARD);
    });

    it(`nobody anew with nopreempt, until the active one leaves: ${halves}`, async (t) => {
      const pair = await Pair.make(t, instanceText({ lines: '@a nopreempt' }));
      const first = pair.play('a', ours);
      await pair.settles('a');
      const lower = pair.play('b', ours);
      await lower.says(IS_BACKUP);
      await stop(first);
      await pair.settles('b');
      await pair.play('a', ours).says(IS_BACKUP);
      await pair.settles('b', HEARD);
      assert.equal(pair.ledgers.b.losses('10.77.0.100'), 0);
      await stop(lower);
      await pair.settles('a', HEARD);
    });

    it(`the better one after preempt_delay: ${halves}`, async (t) => {
      const lines = `@a preempt_delay ${PREEMPT_DELAY_MS / 1000}`;
      const pair = await Pair.make(t, instanceText({ lines }));
      pair.play('b', ours);
      await pair.settles('b');
      const startedAt = performance.now();
      await pair.play('a', ours).says(IS_BACKUP);
      await pair.settles('a');
      const waitedMs = performance.now() - startedAt;
      assert.ok(waitedMs > PREEMPT_DELAY_MS, `it took over after ${waitedMs} ms`);
      await pair.settles('a', HEARD);
    });

    it(`the owner at once: ${halves}`, async (t) => {
      const pair = await Pair.make(t, instanceText({ priorities: [255, 100] }));
      pair.play('b', ours);
      await pair.settles('b');
      const owner = pair.play('a', ours);
      await pair.settles('a', HEARD);
      if (ours === 'a') assert.doesNotMatch(owner.output, IS_BACKUP);
      await stop(owner);
      await pair.settles('b', HEARD);
    });
  }
});
