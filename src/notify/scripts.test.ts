import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { Scripts } from './scripts.ts';

let folder = '';
before(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'baton-scripts-'));
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function script(name: string, body: string): string {
  const path = join(folder, name);
  fs.writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
}

interface Outcome {
  readonly pid: number | null;
  readonly exitCode: number;
  readonly signal: number;
}

/** Runs one script to its end; `whenStarted` may interfere. */
function outcomeOf(
  path: string,
  args: readonly string[],
  whenStarted: (scripts: Scripts) => void = () => undefined,
): Promise<Outcome> {
  return new Promise((resolve) => {
    let pid: number | null = null;
    const scripts: Scripts = new Scripts({
      started(_run, startedPid) {
        pid = startedPid;
        whenStarted(scripts);
      },
      ended: (_run, exitCode, signal) => resolve({ pid, exitCode, signal }),
    });
    scripts.run(1, path, args);
  });
}

it('passes the arguments as they are, UTF-8 included, without a shell, as our direct child (sentinel.md §8, §11)', async () => {
  const out = join(folder, 'args.out');
  const path = script('args.sh', `printf '%s|' "$@" "$PPID" > ${out}`);
  const bytes = Buffer.from('caf\u00e9', 'utf8').toString('latin1');
  const { pid, exitCode, signal } = await outcomeOf(path, ['+sdown', '$(id); "x"', bytes, '']);
  assert.deepEqual({ exitCode, signal }, { exitCode: 0, signal: 0 });
  assert.ok(pid !== null);
  assert.equal(fs.readFileSync(out, 'utf8'), `+sdown|$(id); "x"|caf\u00e9||${process.pid}|`);
});

it('leaks no descriptor into the script (sentinel.md §8)', async () => {
  const out = join(folder, 'fds.out');
  const path = script('fds.sh', `ls /proc/$$/fd > ${out}`);
  const descriptorsOfScript = async (): Promise<string> => {
    await outcomeOf(path, []);
    return fs.readFileSync(out, 'utf8');
  };
  // What whoever started this test left open is passed on; what is opened here is not.
  const before = await descriptorsOfScript();
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(client, 'connect');
  const file = fs.openSync('/dev/null', 'r');
  const after = await descriptorsOfScript();
  fs.closeSync(file);
  client.destroy();
  server.close();
  assert.equal(after, before);
});

it('tells how it ended: an exit code or a signal', async () => {
  assert.equal((await outcomeOf(script('seven.sh', 'exit 7'), [])).exitCode, 7);
  const terminated = await outcomeOf(script('term.sh', 'kill -TERM $$'), []);
  assert.equal(terminated.signal, 15);
});

it('counts a file that cannot be executed as exit code 2, without a start (sentinel.md §8)', async () => {
  assert.deepEqual(await outcomeOf(join(folder, 'missing.sh'), []), { pid: null, exitCode: 2, signal: 0 });
  fs.writeFileSync(join(folder, 'plain.txt'), 'not a program', { mode: 0o644 });
  assert.deepEqual(await outcomeOf(join(folder, 'plain.txt'), []), { pid: null, exitCode: 2, signal: 0 });
});

it('kills a script that hangs, deaf to SIGTERM', async () => {
  const path = script('hang.sh', "trap '' TERM INT HUP\nwhile :; do sleep 1; done");
  const { signal } = await outcomeOf(path, [], (scripts) => scripts.kill(1));
  assert.equal(signal, 9);
});

it('refuses arguments beyond the limit of the system as a failed exec', async () => {
  const result = await outcomeOf(script('huge.sh', 'exit 0'), ['x'.repeat(4_000_000)]);
  assert.equal(result.exitCode, 2);
});
