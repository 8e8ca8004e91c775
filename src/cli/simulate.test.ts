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
