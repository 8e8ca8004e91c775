import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runVrrp } from './run.ts';
import { SABOTAGES } from './sabotage.ts';
import { scenarioOf } from './scenario.ts';

/** Seeds in the normal run; `VRRP_SEEDS=10000` for more. */
const SEEDS = Number(process.env['VRRP_SEEDS'] ?? 300);

it('holds the address once, whatever happens to routers, clocks and network', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation } = runVrrp(seed);
    assert.equal(violation, null, `seed ${seed}: ${JSON.stringify(violation)}`);
  }
});

it('plans two to five routers, clocks that differ, and every kind of fault', () => {
  const scenarios = Array.from({ length: 300 }, (_, seed) => scenarioOf(seed));
  const counts = new Set(scenarios.map(({ routers }) => routers.length));
  assert.deepEqual(counts, new Set([2, 3, 4, 5]));
  const kinds = new Set(scenarios.flatMap(({ faults }) => faults.map(({ fault }) => fault.kind)));
  assert.deepEqual(kinds, new Set(['cut', 'delete', 'freeze', 'kill', 'loss', 'pause', 'power']));
  assert.deepEqual(new Set(scenarios.map(({ delayMsMax }) => delayMsMax)), new Set([1, 5, 20]));
  const rates = scenarios.flatMap(({ routers }) => routers.map(({ clockRate }) => clockRate));
  assert.ok(Math.min(...rates) < 0.992 && Math.max(...rates) > 1.008);
});

it('plays a seed the same way every time, told or not', () => {
  const told = runVrrp(7, { told: true });
  assert.deepEqual(runVrrp(7, { told: true }), told);
  assert.deepEqual(runVrrp(7), { ...told, story: [] });
});

for (const sabotage of SABOTAGES) {
  const { name, sentence, caughtBy } = sabotage();
  it(`finds by ${caughtBy} that ${sentence} (${name})`, () => {
    for (let seed = 1; seed <= 300; seed++) {
      const { violation } = runVrrp(seed, { sabotage: sabotage() });
      if (violation?.check === caughtBy) return;
    }
    assert.fail(`${name} was not found`);
  });
}
