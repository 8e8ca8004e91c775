// Scripts: how many, in which order, how often again (sentinel.md §8).

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fieldsOf, trio } from './test-cast.ts';
import type { Stage } from './test-kit.ts';

const runs = (stage: Stage): { at: number; run: number; event: string }[] =>
  stage.effects.flatMap(({ at, effect }) =>
    effect.kind === 'run-script' ? [{ at, run: effect.run, event: effect.args[0] ?? '' }] : [],
  );

/** Each SET is one notification. */
function notify(stage: Stage, times: number): void {
  for (let index = 0; index < times; index += 1) stage.ask('SENTINEL', 'SET', 'm1', 'quorum', '2');
}

function pending(stage: Stage): Map<string, string>[] {
  const reply = stage.ask('SENTINEL', 'PENDING-SCRIPTS');
  return reply?.kind === 'array' ? reply.items.map((item) => fieldsOf(item)) : [];
}

describe('scripts', () => {
  it('run 16 at a time, oldest first; 256 may wait and run, then the oldest waiting is dropped', () => {
    const { stage } = trio({ notificationScript: '/n' });
    notify(stage, 299);
    assert.deepEqual(
      runs(stage).map(({ run }) => run),
      Array.from({ length: 16 }, (_, index) => index + 1),
    );
    assert.equal(pending(stage).length, 256);
    stage.feed({ kind: 'script-ended', run: 1, exitCode: 0, signal: 0 });
    assert.equal(runs(stage).at(-1)?.run, 16 + (300 - 256) + 1);
    assert.equal(runs(stage).length, 17);
  });

  it('that exit 1 or die by a signal run again after the retry delay, twice it, four times …, ten times in all', () => {
    for (const [exitCode, signal] of [
      [1, 0],
      [0, 9],
    ] as const) {
      const { stage } = trio({ notificationScript: '/n', downAfterMs: 10_000_000 });
      stage.ask('SENTINEL', 'DEBUG', 'script-retry-delay', '1000');
      const times: number[] = [];
      for (let attempt = 1; attempt <= 10; attempt += 1) {
        times.push(runs(stage)[attempt - 1]?.at ?? NaN);
        stage.feed({ kind: 'script-ended', run: 1, exitCode, signal });
        if (attempt < 10) stage.pass(1000 * 2 ** (attempt - 1));
      }
      const gaps = times.slice(1).map((at, index) => (at - (times[index] ?? 0)) / 1000);
      assert.deepEqual(gaps.slice(1), [2, 4, 8, 16, 32, 64, 128, 256]);
      assert.ok(stage.told().includes(`-script-error /n ${signal} ${exitCode}`));
      assert.equal(pending(stage).length, 0);
    }
  });

  it('that exit with 2 or more are an error at once; with 0 they are done', () => {
    const { stage } = trio({ notificationScript: '/n' });
    stage.feed({ kind: 'script-ended', run: 1, exitCode: 2, signal: 0 });
    assert.deepEqual(
      stage.told().filter((text) => text.startsWith('-script')),
      ['-script-child 0 2 0', '-script-error /n 0 2'],
    );
    notify(stage, 1);
    stage.feed({ kind: 'script-ended', run: 2, exitCode: 0, signal: 0 });
    assert.equal(pending(stage).length, 0);
  });

  it('that run for more than a minute are killed, once, and tried again', () => {
    const { stage } = trio({ notificationScript: '/n' });
    stage.feed({ kind: 'script-started', run: 1, pid: 77 });
    stage.pass(70_000);
    assert.equal(stage.effects.filter(({ effect }) => effect.kind === 'kill-script').length, 1);
    assert.ok(stage.told().includes('-script-timeout /n 77'));
    stage.feed({ kind: 'script-ended', run: 1, exitCode: 0, signal: 9 });
    assert.equal(pending(stage)[0]?.get('flags'), 'scheduled');
  });

  it('are shown in the order of sentinel.md §8', () => {
    const { stage } = trio({ notificationScript: '/n' });
    stage.feed({ kind: 'script-started', run: 1, pid: 77 });
    stage.pass(500);
    const reply = stage.ask('SENTINEL', 'PENDING-SCRIPTS');
    const [job] = reply?.kind === 'array' ? reply.items : [];
    const names =
      job?.kind === 'map' ? job.entries.map(([key]) => (key.kind === 'bulk' ? key.value : '')) : [];
    assert.deepEqual(names, ['argv', 'flags', 'pid', 'run-time', 'retry-num']);
    assert.deepEqual(
      [...(pending(stage)[0] ?? [])],
      [
        ['flags', 'running'],
        ['pid', '77'],
        ['run-time', '600'],
        ['retry-num', '1'],
      ],
    );
    stage.feed({ kind: 'script-ended', run: 1, exitCode: 1, signal: 0 });
    assert.deepEqual(
      [...(pending(stage)[0] ?? [])],
      [
        ['flags', 'scheduled'],
        ['pid', '0'],
        ['run-delay', '30000'],
        ['retry-num', '1'],
      ],
    );
  });
});
