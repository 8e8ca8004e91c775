import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runEndpoint } from './run.ts';
import { SABOTAGES } from './sabotage.ts';
import { scenarioOf } from './scenario.ts';

/** Seeds in the normal run; `ENDPOINT_SEEDS=10000` for more. */
const SEEDS = Number(process.env['ENDPOINT_SEEDS'] ?? 60);
/** A sabotage has to be found among so many. */
const SABOTAGED_SEEDS = 200;

it('leads to one primary, and only on somebody’s word, whatever happens to servers, sentinels and daemons', () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { violation } = runEndpoint(seed);
    assert.equal(violation, null, `seed ${seed}: ${JSON.stringify(violation)}`);
  }
});

/** What each of these found first. */
const FOUND = [
  [14, 'a reload does not renew a primary’s right'],
  [69, 'after a reload the one in use is heard before another one is chosen'],
  [71, 'the age of replicas’ data counts on while the primary is drained'],
  [114, 'a route that is about to end is renewed for a little, too'],
  [634, 'a server that is drained stays so through a reload'],
  [357, 'a daemon that stops undoes the switch it had begun'],
  [273, 'a primary that was restarted is led to again only when a majority of the sentinels answers'],
  [124, 'a pause whose answer is late is ended with the switch'],
] as const;

for (const [seed, sentence] of FOUND) {
  it(`${sentence} (seed ${seed})`, () => assert.equal(runEndpoint(seed).violation, null));
}

it('plans both sources, all sizes and every kind of fault', () => {
  const scenarios = Array.from({ length: 300 }, (_, seed) => scenarioOf(seed));
  assert.deepEqual(new Set(scenarios.map(({ nodes }) => nodes)), new Set([2, 3, 4, 5]));
  assert.deepEqual(new Set(scenarios.map(({ sentinels }) => sentinels)), new Set([0, 1, 2, 3, 4, 5]));
  assert.deepEqual(new Set(scenarios.map(({ hostClockRates }) => hostClockRates.length)), new Set([1, 2, 3]));
  const kinds = new Set(scenarios.flatMap(({ faults }) => faults.map(({ fault }) => fault.kind)));
  assert.equal(kinds.size, 13);
});

it('plays a seed the same way every time, told or not', () => {
  const told = runEndpoint(7, { told: true });
  assert.deepEqual(runEndpoint(7, { told: true }), told);
  assert.deepEqual(runEndpoint(7), { ...told, story: [] });
});

for (const sabotage of SABOTAGES) {
  const { name, sentence, caughtBy } = sabotage();
  it(`finds by ${caughtBy} that ${sentence} (${name})`, () => {
    for (let seed = 1; seed <= SABOTAGED_SEEDS; seed += 1) {
      const { violation } = runEndpoint(seed, { sabotage: sabotage() });
      if (violation?.check === caughtBy) return;
    }
    assert.fail(`${name} was not found`);
  });
}
