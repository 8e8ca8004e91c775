import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Attentive, type Awaited } from './attentive.ts';

/** An event loop by hand: each turn takes 10 us, and counts as a look if one was asked for. */
class Loop {
  nowMs = 0;
  looks = 0;
  #look: (() => void) | null = null;
  readonly attentive = new Attentive(
    () => this.nowMs,
    (look) => (this.#look = look),
  );

  get isAwake(): boolean {
    return this.#look !== null;
  }

  turn(...came: readonly Awaited[]): void {
    this.nowMs += 0.01;
    for (const awaited of came) this.attentive.expect(awaited);
    const look = this.#look;
    this.#look = null;
    if (look === null) return;
    this.looks++;
    look();
  }

  /** Turns until it sleeps, at most `most`. */
  rest(most = 1000): number {
    let turns = 0;
    for (; this.isAwake && turns < most; turns++) this.turn();
    return turns;
  }
}

it('stays awake for a moment, and then sleeps', () => {
  const loop = new Loop();
  loop.turn('server');
  assert.ok(loop.isAwake);
  assert.ok(loop.rest() <= 7);
  assert.ok(!loop.isAwake);
});

it('stays awake as long as what it awaits comes at once', () => {
  const loop = new Loop();
  for (let round = 0; round < 1000; round++) {
    loop.turn('server');
    assert.ok(loop.isAwake, `for the reply in round ${round}`);
    loop.turn();
    loop.turn('client');
    assert.ok(loop.isAwake, `for the next request in round ${round}`);
    loop.turn();
  }
});

it('looks hardly ever for what never comes in time, and goes on for what does', () => {
  const loop = new Loop();
  let awakeForServer = 0;
  let looksForClient = 0;
  for (let round = 0; round < 10_000; round++) {
    loop.turn('server');
    if (loop.isAwake) awakeForServer++;
    loop.turn('client');
    const before = loop.looks;
    loop.rest();
    looksForClient += loop.looks - before;
  }
  assert.equal(awakeForServer, 10_000);
  assert.ok(looksForClient < 200, String(looksForClient));
});

it('leaves a crowd alone: a loop with much to do does not sleep anyway', () => {
  const loop = new Loop();
  for (let turn = 0; turn < 1000; turn++) {
    loop.turn('server', 'server', 'client', 'client', 'server', 'client');
  }
  assert.ok(loop.looks < 20, String(loop.looks));
  // And is there again for one who is left.
  let awake = 0;
  for (let round = 0; round < 3000; round++) {
    loop.turn('server');
    if (loop.isAwake) awake++;
    loop.turn('client');
  }
  assert.ok(awake > 1000, String(awake));
});
