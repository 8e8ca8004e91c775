import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Command } from '../vrrp/router-conf.ts';
import { until } from '../net/testing.ts';
import { Runs } from './vrrp-runs.ts';

/** Runs a command to its end, doing `meanwhile`. */
function finish(
  command: Command,
  args: readonly string[],
  meanwhile: (runs: Runs) => void = () => undefined,
): Promise<{ readonly exitCode: number; readonly signal: number; readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const runs = new Runs((sentence) => warnings.push(sentence));
  return new Promise((resolve) => {
    runs.start(1, command, args, (exitCode, signal) => resolve({ exitCode, signal, warnings }));
    meanwhile(runs);
  });
}

function script(t: TestContext, text: string): Command {
  const folder = mkdtempSync(join(tmpdir(), 'baton-runs-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'script'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return { argv: [join(folder, 'script'), join(folder, 'said')], user: null, group: null };
}

describe('scripts and hooks (vrrp.md §3.1)', () => {
  it('get their own arguments and then ours, and tell how they ended', async (t) => {
    const command = script(t, 'echo "$2|$3" > "$1"; exit 3');
    const { exitCode, signal } = await finish(command, ['INSTANCE', 'two words']);
    assert.deepEqual([exitCode, signal], [3, 0]);
    assert.equal(readFileSync(command.argv[1] ?? '', 'latin1'), 'INSTANCE|two words\n');
  });

  it('get our environment without the linker, the field separator and the service manager (vrrp.md §3.2)', async (t) => {
    const ours = {
      IFS: ':',
      LD_LIBRARY_PATH: '/x',
      NOTIFY_SOCKET: '/n',
      WATCHDOG_USEC: '1',
      BATON_TEST: 'kept',
    };
    const before = { ...process.env };
    t.after(() => {
      for (const name of Object.keys(ours)) delete process.env[name];
      Object.assign(process.env, before);
    });
    Object.assign(process.env, ours);
    const command = { argv: ['/bin/sh', '-c', 'env > "$0"'], user: null, group: null };
    const target = script(t, '').argv[1] ?? '';
    await finish(command, [target]);
    const names = readFileSync(target, 'latin1')
      .split('\n')
      .map((line) => line.split('=')[0]);
    assert.deepEqual(
      Object.keys(ours).filter((name) => names.includes(name)),
      ['BATON_TEST'],
    );
    assert.ok(names.includes('PATH'));
  });

  it('have the groups of the user they run as, and none of ours (vrrp.md §3.3)', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('needs root');
    const command = {
      ...script(t, ''),
      argv: ['/bin/sh', '-c', 'exec grep -q "^Groups:[[:space:]]*$" /proc/self/status'],
    };
    const { exitCode } = await finish({ ...command, user: 'nobody' }, []);
    assert.equal(exitCode, 0);
  });

  it('may say as much as they like: nobody listens', async (t) => {
    const { exitCode } = await finish(script(t, 'yes | head -c 3000000; exit 0'), []);
    assert.equal(exitCode, 0);
  });

  it('are signalled with all that they started', async (t) => {
    const command = script(t, 'sleep 50 & echo $! > "$1"; wait');
    const { signal } = await finish(command, [], (runs) => {
      const look = setInterval(() => {
        try {
          if (readFileSync(command.argv[1] ?? '', 'latin1').endsWith('\n')) {
            clearInterval(look);
            runs.signal(1, 'SIGKILL');
          }
        } catch {
          // It has not got so far.
        }
      }, 5);
    });
    assert.equal(signal, 9);
    const child = readFileSync(command.argv[1] ?? '', 'latin1').trim();
    // The kernel ends it in its own time. Gone, or a zombie until its new parent asks.
    await until(() => {
      try {
        return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${child}/status`, 'latin1'));
      } catch {
        return true;
      }
    });
  });

  it('that cannot be started end with 127, and why is said', async () => {
    const missing = await finish({ argv: ['/nowhere/script'], user: null, group: null }, []);
    assert.deepEqual([missing.exitCode, missing.warnings.length], [127, 1]);
    assert.match(missing.warnings[0] ?? '', /\/nowhere\/script could not be started: .*ENOENT/);
    const nobody = await finish({ argv: ['/bin/true'], user: 'no-such-user', group: null }, []);
    assert.equal(nobody.exitCode, 127);
    assert.match(nobody.warnings[0] ?? '', /there is no user no-such-user/);
  });
});
