// Freezes and partitions between ours and keepalived, each in either half: afterwards one of them holds the address, and
// a third host that believes announcements only reaches that one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lacksPing, lacksTshark } from '../harness/requirements.ts';
import { HOSTS } from '../os/hosts.ts';
import { startCapture } from './capture.ts';
import { instanceText, IS_BACKUP, otherSide, Pair, VIRTUAL, Visitor, type Side } from './one-file-pair.ts';
import { skip, type Keepalived } from './routers.ts';

/** Longer than either side waits for adverts every 0.3 s. */
const HEARD = { steadyMs: 1_500 };

const why = skip || lacksPing() || lacksTshark();

describe('a pair of ours and keepalived in trouble', { skip: why, concurrency: true }, () => {
  it('ours frozen: the kernel takes its address, and it steps down before it says another word', async (t) => {
    const pair = await Pair.make(t, instanceText({ lines: '@a nopreempt' }));
    const visitor = new Visitor(t, pair.lan);
    const mine = pair.baton('a');
    await pair.settles('a');
    await pair.keepalived('b').says(IS_BACKUP);
    await visitor.reaches('a');
    mine.process.kill('SIGSTOP');
    await pair.settles('b');
    await visitor.reaches('b');
    const capture = await startCapture(t, pair.lan);
    mine.process.kill('SIGCONT');
    await mine.says(/is backup, not active any more: (its address expired|it was frozen)/);
    await pair.settles('b', HEARD);
    await visitor.reaches('b');
    const senders = (await capture.stop()).map(({ source }) => source);
    assert.ok(senders.includes(HOSTS.b.ipv4), 'the capture is empty');
    assert.ok(!senders.includes(HOSTS.a.ipv4), 'it sent adverts after it woke');
  });

  it('ours frozen as a backup: it does not wake up as a second active router', async (t) => {
    const pair = await Pair.make(t, instanceText());
    pair.keepalived('a');
    await pair.settles('a');
    const mine = pair.baton('b');
    await mine.says(IS_BACKUP);
    mine.process.kill('SIGSTOP');
    await new Promise((done) => setTimeout(done, 2_500));
    mine.process.kill('SIGCONT');
    await pair.sees('ours to hear adverts again', () => pair.status('b').peer?.priority === 150);
    await pair.settles('a', HEARD);
    assert.doesNotMatch(mine.output, /is active/);
  });

  it('keepalived frozen: ours takes over, and gives way when it wakes', async (t) => {
    const pair = await Pair.make(t, instanceText());
    const visitor = new Visitor(t, pair.lan);
    const frozen = pair.play('a', 'b') as Keepalived;
    await pair.settles('a');
    const mine = pair.baton('b');
    await mine.says(IS_BACKUP);
    await visitor.reaches('a');
    frozen.signalVrrp('SIGSTOP');
    // Its address stays where it is.
    await pair.isShared();
    await visitor.reaches('b');
    frozen.signalVrrp('SIGCONT');
    await pair.settles('a', HEARD);
    await visitor.reaches('a');
  });

  for (const ours of ['a', 'b'] as const) {
    const halves = `ours is ${ours}, keepalived ${otherSide(ours)}`;

    it(`cut off without their links going down: ${halves}`, async (t) => {
      // Else the better one may never hear that there was another, and has no reason to tell anybody.
      const pair = await Pair.make(t, instanceText({ lines: 'higher_prio_send_advert on' }));
      const visitor = new Visitor(t, pair.lan);
      const better = pair.play('a', ours);
      await pair.settles('a');
      await pair.play('b', ours).says(IS_BACKUP);
      await visitor.reaches('a');
      pair.lan.isolate('a');
      await pair.isShared();
      await visitor.reaches('b');
      pair.lan.rejoin('a');
      await pair.settles('a', HEARD);
      await visitor.reaches('a');
      if (ours === 'a') await better.says(secondActive('b', 100, 'a', 150));
    });

    it(`with a cable pulled and plugged in again: ${halves}`, async (t) => {
      const pair = await Pair.make(t, instanceText());
      const visitor = new Visitor(t, pair.lan);
      const better = pair.play('a', ours);
      await pair.settles('a');
      const lower = pair.play('b', ours);
      await lower.says(IS_BACKUP);
      await visitor.reaches('a');
      pair.lan.pull('a');
      await better.says(/is fault|Entering FAULT STATE/);
      await pair.settles('b');
      await visitor.reaches('b');
      pair.lan.plugIn('a');
      await pair.settles('a', HEARD);
      await visitor.reaches('a');
      pair.lan.pull('b');
      await lower.says(/is fault|Entering FAULT STATE/);
      pair.lan.plugIn('b');
      await pair.settles('a', HEARD);
      assert.equal(pair.ledgers.b.losses(VIRTUAL), 1, 'the lower one took it though the other was there');
    });
  }
});

const secondActive = (rival: Side, theirs: number, own: Side, mine: number): string =>
  `VI_1 second-active ${HOSTS[rival].ipv4} (priority ${theirs}) is active, too; we are ${HOSTS[own].ipv4} (priority ${mine})`;
