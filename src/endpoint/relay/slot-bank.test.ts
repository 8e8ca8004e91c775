// Limits over several workers whose words are on the way for as long as a test likes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SlotBank, type SlotAnswers, type SlotNews } from './slot-bank.ts';
import { Slots } from './slots.ts';

interface Use {
  readonly id: number;
  readonly choices: readonly (readonly string[])[];
  limits: readonly string[] | null;
}

/** A worker, and the words between it and the bank, which arrive in order but late. */
class ModelWorker {
  readonly slots = new Slots(() => undefined);
  readonly toBank: SlotNews[] = [];
  readonly toWorker: SlotAnswers[] = [];
  /** In the order of asking; `limits` null: it waits. */
  uses: Use[] = [];
  refused = 0;

  ask(choices: readonly (readonly string[])[], waitingMax: number): void {
    const id = this.slots.take(choices, waitingMax, (choice) => {
      const use = this.uses.find((one) => one.id === id) as Use;
      if (choice === null) {
        this.refused++;
        this.uses = this.uses.filter((one) => one !== use);
      } else {
        use.limits = choices[choice] ?? [];
      }
    });
    this.uses.push({ id, choices, limits: null });
  }

  give(which: number): void {
    const [use] = this.uses.splice(which % Math.max(1, this.uses.length), 1);
    if (use !== undefined) this.slots.give(use.id);
  }

  speak(): void {
    const news = this.slots.news();
    if (news !== null) this.toBank.push(news);
  }
}

class Office {
  readonly bank = new SlotBank();
  readonly workers = new Map<number, ModelWorker>();
  #last = 0;

  constructor(workers: number, limits: Readonly<Record<string, number>>) {
    for (const [name, max] of Object.entries(limits)) this.bank.setLimit(name, max);
    for (let count = 0; count < workers; count++) this.hire();
  }

  hire(): ModelWorker {
    const worker = new ModelWorker();
    this.workers.set(++this.#last, worker);
    return worker;
  }

  at(which: number): readonly [number, ModelWorker] {
    return [...this.workers][which % this.workers.size] as [number, ModelWorker];
  }

  /** It dies: what it said and did not arrive is lost. */
  kill(which: number): void {
    const [number] = this.at(which);
    this.workers.delete(number);
    this.bank.gone(number);
    this.hire();
    this.post();
  }

  post(): void {
    for (const [number, answers] of this.bank.takeAnswers()) this.workers.get(number)?.toWorker.push(answers);
  }

  carry(which: number, isToBank: boolean): void {
    const [number, worker] = this.at(which);
    if (isToBank) {
      const news = worker.toBank.shift();
      if (news !== undefined) this.bank.receive(number, news);
      this.post();
    } else {
      const answers = worker.toWorker.shift();
      if (answers !== undefined) worker.slots.receive(answers);
    }
  }

  settle(): void {
    for (const worker of this.workers.values()) worker.speak();
    for (let which = 0; which < this.workers.size; which++) {
      const [, worker] = this.at(which);
      while (worker.toBank.length > 0) this.carry(which, true);
    }
    for (let which = 0; which < this.workers.size; which++) {
      const [, worker] = this.at(which);
      while (worker.toWorker.length > 0) this.carry(which, false);
    }
  }

  used(limit: string): number {
    const all = [...this.workers.values()].flatMap(({ uses }) => uses);
    return all.filter(({ limits }) => limits?.includes(limit) === true).length;
  }
}

const CHOICES = [[['a']], [['b']], [['a'], ['b']], [['a', 'all']], [['b', 'all'], ['a']]];

const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('ask' as const),
      who: fc.nat(2),
      what: fc.nat(CHOICES.length - 1),
      waitingMax: fc.constantFrom(0, 2, Infinity),
    }),
    fc.record({ kind: fc.constant('give' as const), who: fc.nat(2), what: fc.nat(9) }),
    fc.record({
      kind: fc.constantFrom('speak' as const, 'hear' as const, 'arrive' as const),
      who: fc.nat(2),
    }),
    fc.record({ kind: fc.constant('kill' as const), who: fc.nat(2) }),
    fc.record({ kind: fc.constant('limit' as const), what: fc.nat(4) }),
  ),
  { maxLength: 80 },
);

describe('slots of several workers', () => {
  it('are never used by more than the limit, and nobody waits while there is room', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const office = new Office(3, { a: 3, b: 2, all: 4 });
        const max = { a: 3, b: 2, all: 4 };
        for (const step of all) {
          switch (step.kind) {
            case 'ask':
              office.at(step.who)[1].ask(CHOICES[step.what] ?? [], step.waitingMax);
              break;
            case 'give':
              office.at(step.who)[1].give(step.what);
              break;
            case 'speak':
              office.at(step.who)[1].speak();
              break;
            case 'hear':
            case 'arrive':
              office.carry(step.who, step.kind === 'arrive');
              break;
            case 'kill':
              office.kill(step.who);
              break;
            case 'limit':
              max.a = Math.max(max.a, step.what);
              office.bank.setLimit('a', max.a);
              office.post();
          }
          for (const [name, most] of Object.entries(max)) assert.ok(office.used(name) <= most);
        }
        office.settle();
        for (const [name, most] of Object.entries(max)) {
          assert.ok(office.used(name) <= most);
          assert.equal(office.bank.held(name), office.used(name), 'no slot is lost');
        }
        const waiting = [...office.workers.values()].flatMap(({ uses }) => uses).filter((use) => !use.limits);
        const isFull = (name: string): boolean => office.used(name) >= max[name as keyof typeof max];
        for (const { choices } of waiting) assert.ok(choices.every((names) => names.some(isFull)));
        for (const worker of office.workers.values()) while (worker.uses.length > 0) worker.give(0);
        office.settle();
        for (const name of ['a', 'b', 'all']) assert.equal(office.bank.held(name), 0);
      }),
      { numRuns: 2_000 },
    );
  });

  it('go to those who asked first, whichever worker they are at; beyond what may wait, to nobody', () => {
    const office = new Office(2, { a: 1 });
    const [[, one], [, two]] = [office.at(0), office.at(1)];
    const carry = (worker: ModelWorker): void => {
      worker.ask([['a']], 2);
      office.settle();
    };
    for (const worker of [one, two, one, two]) carry(worker);
    const state = (): unknown => [one, two].map(({ uses }) => uses.map(({ limits }) => limits !== null));
    assert.deepEqual(state(), [[true, false], [false]]);
    assert.deepEqual([one.refused, two.refused], [0, 1]);
    one.give(0);
    office.settle();
    assert.deepEqual(state(), [[false], [true]]);
    office.kill(1);
    office.settle();
    assert.deepEqual(
      one.uses.map(({ limits }) => limits),
      [['a']],
    );
  });

  it('of a server that was full are granted again only below its lower threshold', () => {
    const office = new Office(1, {});
    office.bank.setLimit('a', 3, 2);
    const [, worker] = office.at(0);
    for (let count = 0; count < 4; count++) worker.ask([['a']], Infinity);
    office.settle();
    worker.give(0);
    office.settle();
    assert.equal(office.used('a'), 2);
    worker.give(0);
    office.settle();
    assert.equal(office.used('a'), 2);
  });
});
