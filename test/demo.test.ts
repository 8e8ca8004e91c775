// `baton demo` as it is built: by script, by keys on a live screen, and however it is ended. Afterwards nothing it
// started may be left, neither a process nor a folder.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { findServer } from '../src/redis/find-server.ts';
import { until } from './harness/wait.ts';

const found = await findServer({ mayFetch: false });
const skip = found.ok ? false : found.problem.sentence;
const program = join(process.cwd(), 'bin/baton');

/** A demo that keeps its folders in one of ours. */
interface Run {
  readonly child: ChildProcess;
  /** Everything printed so far, both outputs. */
  readonly text: () => string;
  readonly standardOutput: () => string;
  readonly exitCode: Promise<number | null>;
  readonly folder: string;
}

function run(context: TestContext, command: string, args: readonly string[]): Run {
  const folder = mkdtempSync(join(tmpdir(), 'baton-demo-'));
  const child = spawn(command, args, {
    env: { ...process.env, TMPDIR: folder, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let text = '';
  let standardOutput = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    standardOutput += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  child.stdin.on('error', () => undefined);
  const exitCode = new Promise<number | null>((resolve) => {
    child.on('close', resolve);
  });
  context.after(async () => {
    child.kill('SIGTERM');
    await exitCode;
    rmSync(folder, { recursive: true, force: true });
  });
  return { child, text: () => text, standardOutput: () => standardOutput, exitCode, folder };
}

function runDemo(context: TestContext, ...args: readonly string[]): Run {
  return run(context, process.execPath, [program, 'demo', ...args]);
}

/** Processes at work in `folder` or below; its children all have folders of their own there. */
function processesIn(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(`${folder}/`);
      } catch {
        return false;
      }
    });
}

async function assertNothingIsLeft({ folder, text }: Run): Promise<void> {
  assert.deepEqual(readdirSync(folder), [], text());
  // A killed grandchild of the demo may still be on its way out: nobody could wait for it.
  await until('no process is left', () => processesIn(folder).length === 0, text);
}

const isWhole = (text: string): boolean => text.includes('the fleet is whole');

describe('baton demo', { skip, concurrency: false }, () => {
  it('runs a script of faults and tells the story in sentences', async (context) => {
    const demo = runDemo(context, '--script', 'kill-primary,restart,switchover');
    assert.equal(await demo.exitCode, 0, demo.text());
    for (const expected of [
      /you {2,}kill -9 redis-1|you {2,}kill -9 valkey-1/,
      /baton-\d {2,}elected to fail over demo in epoch 1: [23] of 3 votes/,
      /baton-\d {2,}promoting \w+-[23]: /,
      /writer {2,}writes reach \w+-[23] after a gap of /,
      /endpoint {2,}leads to \w+-1: /,
      /endpoint {2,}leads to \w+-[23]: /,
      /script {2,}kill-primary is over: .* is primary in epoch 1; writes failed: \d+, lost: \d+\n/,
      /you {2,}restart \w+-1\n/,
      /\w+-1 {2,}follows \w+-[23] now/,
      /you {2,}have the endpoint switch over/,
      /endpoint {2,}switched: \w+-\d is the primary of demo, in place of \w+-\d\n/,
      /script {2,}switchover is over: .* is primary in epoch 2; writes failed: 0, lost: 0\n/,
      /script done: kill-primary, restart, switchover\n/,
      /\d writes acknowledged, \d+ of them lost; /,
    ]) {
      assert.match(demo.text(), expected);
    }
    await assertNothingIsLeft(demo);
  });

  it('sums a script up as JSON, with nothing else on standard output', async (context) => {
    const demo = runDemo(
      context,
      '--script',
      'freeze-primary',
      '--json',
      '--fast-crash',
      'no',
      '--nodes',
      '2',
    );
    assert.equal(await demo.exitCode, 0, demo.text());
    const summary = JSON.parse(demo.standardOutput()) as {
      ok: boolean;
      reason: unknown;
      steps: { fault: string; epoch: string; gapMs: number }[];
      writes: { acknowledged: number; lost: number };
    };
    assert.equal(summary.ok, true);
    assert.equal(summary.reason, null);
    assert.deepEqual(
      summary.steps.map(({ fault, epoch }) => [fault, epoch]),
      [['freeze-primary', '1']],
    );
    assert.ok((summary.steps[0]?.gapMs ?? 0) >= 1_000, 'silence is down only after down-after');
    assert.ok(summary.writes.acknowledged > 0);
    await assertNothingIsLeft(demo);
  });

  it('exits 1 and says why when a fault can not be done', async (context) => {
    const demo = runDemo(context, '--script', 'restart');
    assert.equal(await demo.exitCode, 1);
    assert.match(demo.text(), /script failed: restart: nothing was killed\n/);
    await assertNothingIsLeft(demo);
  });

  for (const [how, end] of [
    ['by SIGTERM', ({ child }: Run) => child.kill('SIGTERM')],
    ['by SIGINT', ({ child }: Run) => child.kill('SIGINT')],
    ['by the end of its input', ({ child }: Run) => child.stdin?.end()],
    ['by a reader that goes away', ({ child }: Run) => child.stdout?.destroy()],
  ] as const) {
    it(`leaves nothing when it is ended ${how}`, async (context) => {
      const demo = runDemo(context, '--plain');
      await until('the fleet is whole', () => isWhole(demo.text()));
      // Three servers, three members, the endpoint and its relay worker.
      await until('there are eight', () => processesIn(demo.folder).length === 8, demo.text);
      end(demo);
      // The reader is missed at the next line.
      demo.child.stdin?.write('thaw\n');
      assert.equal(await demo.exitCode, 0, demo.text());
      await assertNothingIsLeft(demo);
    });
  }

  it('leaves nothing when it is ended while it starts', async (context) => {
    const demo = runDemo(context, '--plain');
    await until('servers start', () => demo.text().includes('starting 1 primary'));
    demo.child.kill('SIGTERM');
    assert.equal(await demo.exitCode, 0, demo.text());
    await assertNothingIsLeft(demo);
  });
});

/** util-linux's script(1) lends a terminal. */
function lendsTerminal(): boolean {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux');
  } catch {
    return false;
  }
}

const skipLive = skip !== false ? skip : !lendsTerminal() && 'script(1) of util-linux is missing';

describe('the live screen of baton demo', { skip: skipLive, concurrency: false }, () => {
  const live = (context: TestContext): Run =>
    run(context, 'script', [
      '-qefc',
      `stty cols 80 rows 24; exec ${process.execPath} ${program} demo`,
      '/dev/null',
    ]);

  it('takes keys, and gives the terminal back', async (context) => {
    const demo = live(context);
    await until('the fleet is whole', () => isWhole(demo.text()));
    demo.child.stdin?.write('k');
    await until('a replica is primary', () =>
      /in epoch 1: all members agree/.test(stripVTControlCharacters(demo.text())),
    );
    assert.match(demo.text(), /kill -9 \w+-1/);
    demo.child.stdin?.write('q');
    assert.equal(await demo.exitCode, 0, demo.text());
    const lastScreen = demo.text().split('\u001b[?1049l');
    assert.equal(lastScreen.length, 2, 'the alternate screen is left once');
    assert.ok(demo.text().includes('\u001b[?25h'), 'the cursor is shown again');
    assert.match(lastScreen[1] ?? '', /stopped; nothing is left/);
    await assertNothingIsLeft(demo);
  });

  it('leaves nothing when its terminal is closed', async (context) => {
    const demo = live(context);
    await until('the fleet is whole', () => isWhole(demo.text()));
    demo.child.kill('SIGKILL');
    await demo.exitCode;
    await until('the folders are gone', () => readdirSync(demo.folder).length === 0);
    await assertNothingIsLeft(demo);
  });
});
