import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Schedule, type Task } from './schedule.ts';

interface Named extends Task {
  readonly name: number;
}

it('hands out what is due in order of time, whatever was set, moved and removed before', () => {
  const operation = fc.tuple(fc.nat(19), fc.oneof(fc.nat(1000), fc.constant(Infinity)));
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const schedule = new Schedule<Named>();
      const tasks = Array.from({ length: 20 }, (_, name): Named => ({ name, dueAt: Infinity, position: -1 }));
      const expected = new Map<number, number>();
      for (const [name, dueAt] of operations) {
        schedule.set(tasks[name] as Named, dueAt);
        if (dueAt === Infinity) expected.delete(name);
        else expected.set(name, dueAt);
        assert.equal(schedule.next(), Math.min(Infinity, ...expected.values()));
      }
      const order: number[] = [];
      for (;;) {
        const dueAt = schedule.next();
        const task = schedule.takeDue(500);
        if (task === null) break;
        order.push(dueAt);
        assert.equal(expected.get(task.name), dueAt);
        expected.delete(task.name);
      }
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      );
      assert.ok([...expected.values()].every((dueAt) => dueAt > 500));
    }),
  );
});
