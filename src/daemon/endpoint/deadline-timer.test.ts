import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { bootClockMs } from '../../os/boot-clock.ts';
import { DeadlineTimer } from './deadline-timer.ts';

/** A timer, and what it told: the boot clock's milliseconds. */
function timer(): { deadlines: DeadlineTimer; passed: number[]; next: () => Promise<number> } {
  const passed: number[] = [];
  let told: (at: number) => void = () => undefined;
  const deadlines = new DeadlineTimer(() => {
    passed.push(bootClockMs());
    told(bootClockMs());
  });
  const next = async (): Promise<number> => {
    // The timer itself doesn't keep the process alive.
    const alive = setInterval(() => undefined, 1_000);
    try {
      return await new Promise<number>((resolve) => {
        told = resolve;
      });
    } finally {
      clearInterval(alive);
    }
  };
  return { deadlines, passed, next };
}

it('tells once, and never before the deadline', async () => {
  const { deadlines, passed, next } = timer();
  const deadline = bootClockMs() + 20.5;
  deadlines.set(deadline);
  assert.ok((await next()) >= deadline);
  await pause(30);
  assert.equal(passed.length, 1);
});

it('tells at once of a deadline that has passed', async () => {
  const { deadlines, next } = timer();
  deadlines.set(bootClockMs() - 1_000);
  await next();
});

it('forgets a deadline that is replaced, moved to never, or cleared', async () => {
  const { deadlines, passed, next } = timer();
  deadlines.set(bootClockMs() + 5);
  const later = bootClockMs() + 60;
  deadlines.set(later);
  assert.ok((await next()) >= later);
  deadlines.set(bootClockMs() + 5);
  deadlines.set(Infinity);
  await pause(20);
  deadlines.set(bootClockMs() + 5);
  deadlines.clear();
  await pause(20);
  assert.equal(passed.length, 1);
});

it('waits for a deadline that is further away than Node can count', async () => {
  const { deadlines, passed } = timer();
  // Node would fire after 1 ms.
  deadlines.set(bootClockMs() + 2 ** 40);
  await pause(20);
  deadlines.clear();
  assert.equal(passed.length, 0);
});
