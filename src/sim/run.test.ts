import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { run } from './run.ts';
import { SABOTAGES } from './sabotage.ts';
import { planScenario } from './scenario.ts';
import { sentinelMachine } from './sentinel-machine.ts';
import { shrink } from './shrink.ts';
import { storyText } from './story.ts';

const factory = sentinelMachine;
/** A defect that no seed up to here shows would pass unnoticed in a short run. */
const SABOTAGED_SEEDS_MAX = 60;

it('holds every check over a sample of seeds', () => {
  let elected = 0;
  for (let seed = 1; seed <= 60; seed += 1) {
    const outcome = run(planScenario(seed), { factory });
    assert.equal(outcome.violation, null, `seed ${seed}: ${outcome.violation?.sentence}`);
    elected += outcome.elected;
  }
  assert.ok(elected > 20, 'the sample elects leaders at all');
});

/** Each showed a defect once; the sentence says which. */
const SEEDS_TO_REMEMBER: readonly (readonly [seed: number, once: string])[] = [
  [
    67,
    'a leader told its own replica under the epoch of a configuration that had gone back to the old primary',
  ],
  [578, 'a node that refused to follow was told again as fast as it answered'],
  [984, 'the same, after a restart'],
  [1794, 'a candidate won with votes of an epoch that another group had raised'],
];

for (const [seed, once] of SEEDS_TO_REMEMBER) {
  it(`holds every check with seed ${seed}, where once ${once}`, () => {
    assert.equal(run(planScenario(seed), { factory }).violation, null);
  });
}

it('tells the same story for the same seed, byte for byte', () => {
  const tell = (): string => storyText(run(planScenario(11), { factory, told: true }).story);
  const first = tell();
  assert.match(first, /everybody agrees\n$/);
  assert.equal(tell(), first);
});

it('runs the same with and without telling', () => {
  const { story: _told, ...told } = run(planScenario(12), { factory, told: true });
  const { story: _silent, ...silent } = run(planScenario(12), { factory });
  assert.deepEqual(told, silent);
});

describe('a defect is found by the check that is there for it', () => {
  for (const sabotage of SABOTAGES) {
    it(`${sabotage.caughtBy.join(' or ')}: ${sabotage.sentence}`, () => {
      for (let seed = 1; seed <= SABOTAGED_SEEDS_MAX; seed += 1) {
        const { violation } = run(planScenario(seed), { factory, sabotage });
        if (violation !== null && sabotage.caughtBy.includes(violation.check)) return;
      }
      assert.fail(`no seed up to ${SABOTAGED_SEEDS_MAX} finds it`);
    });
  }
});

it('shrinks a failing plan to fewer faults that fail by the same check', () => {
  const sabotage = SABOTAGES.find(({ name }) => name === 'silence') ?? null;
  for (let seed = 1; seed <= SABOTAGED_SEEDS_MAX; seed += 1) {
    const scenario = planScenario(seed);
    if (scenario.faults.length < 6) continue;
    const options = { factory, sabotage };
    const check = run(scenario, options).violation?.check;
    if (check !== 'agreement') continue;
    const shrunk = shrink(scenario, check, options);
    assert.ok(shrunk !== null);
    assert.ok(shrunk.scenario.faults.length <= 2, `${shrunk.scenario.faults.length} faults are left`);
    assert.equal(shrunk.outcome.violation?.check, check);
    assert.match(storyText(shrunk.outcome.story), /check +agreement: not settled/);
    return;
  }
  assert.fail('no seed fails');
});
