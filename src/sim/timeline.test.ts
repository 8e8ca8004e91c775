import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Random } from '../base/random.ts';
import { LocalClock } from './local-clock.ts';
import { Timeline } from './timeline.ts';

it('does things in the order of their times, and those of one time in the order they were planned', () => {
  const timeline = new Timeline();
  const random = new Random(1);
  const planned: { at: number; index: number }[] = [];
  const done: { at: number; index: number }[] = [];
  for (let index = 0; index < 500; index += 1) {
    const entry = { at: random.int(50), index };
    planned.push(entry);
    timeline.at(entry.at, () => done.push(entry));
  }
  while (timeline.runNext(100));
  assert.deepEqual(
    done,
    planned.sort((a, b) => a.at - b.at || a.index - b.index),
  );
  assert.equal(timeline.now, 100);
});

it('skips what was cancelled, and runs what is planned meanwhile', () => {
  const timeline = new Timeline();
  const said: string[] = [];
  const cancelled = timeline.at(5, () => said.push('never'));
  timeline.at(1, () => {
    cancelled.run = null;
    timeline.after(1, () => said.push(`at ${timeline.now}`));
  });
  while (timeline.runNext(10));
  assert.deepEqual(said, ['at 2']);
});

it('never shows a local clock going back, and finds the true time of a local one', () => {
  const clock = new LocalClock(1_000, 1.004);
  let before = clock.read(0);
  for (let trueMs = 0; trueMs < 10_000; trueMs += 7) {
    if (trueMs === 700) clock.leap(500);
    const now = clock.read(trueMs);
    assert.ok(now >= before);
    before = now;
  }
  assert.equal(clock.read(clock.when(5_000) + 0.01), 5_000);
});
