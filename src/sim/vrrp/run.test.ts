import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runVrrp } from './run.ts';
import { SABOTAGES } from './sabotage.ts';

/** Seeds in the normal run; `VRRP_SEEDS=10000` for more. */
const SEEDS = Number(process.env['VRRP_SEEDS'] ?? 300);

it('holds the address once, whatever happens to routers, clocks and network', () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violation } = runVrrp(seed);
    assert.equal(violation, null, `seed ${seed}: ${JSON.stringify(violation)}`);
  }
});

it('plays a seed the same way every time', () => {
  assert.deepEqual(runVrrp(7), runVrrp(7));
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
