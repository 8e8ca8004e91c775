import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { SlotAnswers } from '../../endpoint/relay/slot-bank.ts';
import { SlotDesk } from './slot-desk.ts';

/** A worker, and what it was granted and refused so far. */
function worker(desk: SlotDesk): {
  readonly ask: (id: number, name: string, waitingMax?: number) => void;
  readonly give: (id: number) => void;
  readonly leave: () => void;
  readonly granted: number[];
  readonly refused: number[];
} {
  const granted: number[] = [];
  const refused: number[] = [];
  const number = desk.join((answers: SlotAnswers) => {
    granted.push(...answers.granted.map(([id]) => id));
    refused.push(...answers.refused);
  });
  return {
    ask: (id, name, waitingMax = 0) =>
      desk.receive(number, { given: [], asked: [{ id, choices: [[name]], waitingMax }] }),
    give: (id) => desk.receive(number, { given: [id], asked: [] }),
    leave: () => desk.leave(number),
    granted,
    refused,
  };
}

it('counts the workers of all relays together, and tells each its own answers', () => {
  const desk = new SlotDesk();
  const all = { name: 'clients', max: 2 };
  desk.limit('one', [all]);
  const first = worker(desk);
  first.ask(1, 'clients');
  desk.limit('two', [all]);
  const second = worker(desk);
  second.ask(1, 'clients');
  second.ask(2, 'clients');
  first.ask(2, 'clients', 1);
  assert.deepEqual([first.granted, second.granted, second.refused], [[1], [1], [2]]);
  desk.limit('two', []);
  second.leave();
  assert.deepEqual(first.granted, [1, 2]);
});

it('forgets a limit that nobody sets any more, once nobody has a slot of it', () => {
  const desk = new SlotDesk();
  const { ask, give, granted, refused } = worker(desk);
  for (let address = 1; address <= 1_000; address++) {
    desk.limit('route', [{ name: `10.0.0.${address}`, max: 1 }]);
  }
  assert.equal(desk.limitCount, 1);
  ask(1, '10.0.0.1000');
  ask(2, '10.0.0.1000', 5);
  desk.limit('other route', [{ name: '10.0.0.1000', max: 1 }]);
  desk.limit('route', []);
  assert.equal(desk.limitCount, 1, 'another route sets it, too');
  desk.limit('other route', []);
  ask(3, '10.0.0.1000');
  assert.deepEqual([granted, refused], [[1], [3]], 'it holds for those who are there');
  give(2);
  assert.equal(desk.limitCount, 1);
  give(1);
  assert.equal(desk.limitCount, 0);
});
