import assert from 'node:assert/strict';
import { it } from 'node:test';
import { simulate } from './simulate.ts';

/** Runs the command and gives back what it printed. */
function capture(argv: readonly string[]): { code: number; out: string; err: string } {
  const texts = { out: '', err: '' };
  const { write: out } = process.stdout;
  const { write: err } = process.stderr;
  process.stdout.write = (text: string | Uint8Array) => {
    texts.out += String(text);
    return true;
  };
  process.stderr.write = (text: string | Uint8Array) => {
    texts.err += String(text);
    return true;
  };
  try {
    return { code: simulate(argv), ...texts };
  } finally {
    process.stdout.write = out;
    process.stderr.write = err;
  }
}

it('prints one seed as a story and says that every check held', () => {
  const { code, out } = capture(['--seed', '3', '--plain']);
  assert.equal(code, 0);
  assert.match(out, /^ +\d+\.\d{3} +member-\d/m);
  assert.match(out, /seed 3: every check held\n$/);
});

it('sums up many seeds as JSON', () => {
  const { code, out } = capture(['--seeds', '3', '--plain', '--json']);
  assert.equal(code, 0);
  const summary = JSON.parse(out) as { runs: number; failed: number; speed: number };
  assert.deepEqual([summary.runs, summary.failed], [3, 0]);
  assert.ok(summary.speed > 0);
});

it('exits 1 with the shortest story when a check accuses', () => {
  const { code, out } = capture(['--seeds', '2', '--sabotage', 'failed-assertion']);
  assert.equal(code, 1);
  assert.match(out, /no-crash: member-\d broke on disconnected: AssertionError/);
  assert.match(out, /the shortest story \(\d+ of \d+ faults\)/);
});

it('exits 2 on usage it does not understand', () => {
  for (const argv of [['--seeds', 'many'], ['--sabotage', 'none-such'], ['--what']]) {
    const { code, err } = capture(argv);
    assert.equal(code, 2);
    assert.match(err, /^baton: .*\nUsage: baton simulate/);
  }
});

it('prints one seed of routers as a story: its plan, its faults, what was decided and who had the address', () => {
  const { code, out } = capture(['--vrrp', '--seed', '7']);
  assert.equal(code, 0);
  assert.match(out, /^ +0\.000 +plan +version 2, an advert every 2000 ms, .* router-3 has priority 100/m);
  assert.match(out, /^ +\d+\.\d{3} +fault +16 % of all packets are lost, for 6760 ms$/m);
  assert.match(
    out,
    /^ +\d+\.\d{3} +router-0 +VI_1 is active, not backup any more: no active router was heard/m,
  );
  assert.match(out, /^ +\d+\.\d{3} +router-0 +has the address$/m);
  assert.match(out, /seed 7: every check held\n$/);
});

it('sums up many seeds of routers', () => {
  const { code, out } = capture(['--vrrp', '--seeds', '20', '--json']);
  assert.equal(code, 0);
  const summary = JSON.parse(out) as { runs: number; failed: number; routers: number; timesTaken: number };
  assert.deepEqual([summary.runs, summary.failed], [20, 0]);
  assert.ok(summary.routers >= 40 && summary.routers <= 100);
  assert.ok(summary.timesTaken >= 20);
  assert.match(capture(['--vrrp', '--seeds', '2']).out, /^2 seeds, 0 failed: .*\n\d+ routers, \d+ faults, /);
});

it('exits 1 with the seed and the shortest story when a check of routers accuses', () => {
  const many = capture(['--vrrp', '--seeds', '1', '--sabotage', 'stubborn']);
  assert.equal(many.code, 1);
  assert.match(many.out, /^seed 1: two-holders: routers 0 and 1 both hold the address for \d+ ms$/m);
  assert.match(many.out, /the shortest story \(0 of 4 faults\)/);
  const one = capture(['--vrrp', '--seed', '1', '--sabotage', 'stubborn', '--shrink']);
  assert.equal(one.code, 1);
  assert.doesNotMatch(one.out, / fault /);
  assert.match(one.out, /seed 1: two-holders: /);
});

it('knows which options and sabotages are of which simulation', () => {
  assert.match(capture(['--vrrp', '--plain']).err, /--plain is for the quorum/);
  assert.match(
    capture(['--vrrp', '--sabotage', 'failed-assertion']).err,
    /no sabotage 'failed-assertion' with --vrrp/,
  );
  assert.match(capture(['--sabotage', 'stubborn']).err, /no sabotage 'stubborn'/);
});

it('sums up seeds of endpoints, and tells the story of one that a check accuses', () => {
  const { code, out } = capture(['--endpoint', '--seeds', '5', '--json']);
  assert.equal(code, 0);
  const summary = JSON.parse(out) as { runs: number; failed: number; routes: number };
  assert.deepEqual([summary.runs, summary.failed], [5, 0]);
  assert.ok(summary.routes >= 10);
  const accused = capture(['--endpoint', '--seed', '1', '--sabotage', 'two-faced', '--shrink']);
  assert.equal(accused.code, 1);
  assert.match(accused.out, /seed 1: one-target: host-\d: it leads to 2 primaries\n$/);
  assert.match(capture(['--endpoint', '--vrrp']).err, /one simulation at a time/);
});
