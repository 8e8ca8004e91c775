// `baton vrrp` without root: what two capabilities are enough for, and what is refused, where, without more.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { startHosts } from '../os/hosts.ts';
import { Folder, instance, isAlive, runBaton, startBaton } from './baton.ts';
import { skip } from './routers.ts';

const lacksSetpriv = spawnSync('setpriv', ['--version']).status === 0 ? false : 'needs setpriv (util-linux)';
const NOBODY = 65_534;

/** Nobody, with these capabilities, and one to read a checkout in root's home. */
function asNobody(...capabilities: readonly string[]): string[] {
  const set = ['dac_read_search', ...capabilities].map((name) => `+${name}`).join(',');
  const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  return ['setpriv', ...user, `--inh-caps=${set}`, `--ambient-caps=${set}`];
}

describe('baton vrrp as an ordinary user', { skip: skip || lacksSetpriv, concurrency: 2 }, () => {
  it('holds an address and runs its hooks with CAP_NET_RAW and CAP_NET_ADMIN alone', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    chmodSync(folder.path, 0o777);
    const hook = folder.script('hook', 'echo "$(id -u) $3" >> "$out/calls"');
    const text = instance('VI_1', 51, 150, `notify "${hook}"`);
    const wrapper = asNobody('net_raw', 'net_admin');
    const pidFile = folder.in('pid');
    const baton = startBaton(t, a, folder, text, { wrapper, args: ['-p', pidFile] });
    await baton.takes();
    await baton.until('the hook', () => folder.lines('calls').includes(`${NOBODY} MASTER`));
    const pid = Number(readFileSync(pidFile, 'latin1'));
    assert.match(readFileSync(`/proc/${pid}/status`, 'latin1'), new RegExp(`^Uid:\\s+${NOBODY}\\s`, 'm'));
    assert.equal((await baton.status()).pid, pid);
    assert.equal(await baton.stop(), 0);
    await baton.drops();
    assert.ok(!isAlive(pid));
  });

  it('says which it lacks, and touches nothing', (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const file = folder.write('keepalived.conf', instance('VI_1', 51, 150));
    for (const [has, lacks] of [
      [[], ['CAP_NET_RAW', 'CAP_NET_ADMIN']],
      [['net_raw'], ['CAP_NET_ADMIN']],
      [['net_admin'], ['CAP_NET_RAW']],
    ] as const) {
      const { status, output } = runBaton(a, ['-l', '-f', file], asNobody(...has));
      const advice = `needs ${lacks.join(' and ')}: run as root or add AmbientCapabilities=${lacks.join(' ')}`;
      assert.ok(output.includes(advice), output);
      assert.equal(status, 1);
    }
    // Checking the file needs none.
    assert.equal(runBaton(a, ['-t', '-f', file], asNobody()).status, 0);
  });

  it('refuses commands of other users with file and line, unless it may change users', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    chmodSync(folder.path, 0o777);
    const hook = folder.script('hook', 'echo "$(id -u) $3" >> "$out/calls"');
    const text = instance('VI_1', 51, 150, `notify "${hook}" daemon`);
    const file = folder.write('keepalived.conf', text);
    const { status, output } = runBaton(a, ['-l', '-f', file], asNobody('net_raw', 'net_admin'));
    const advice =
      'a command as daemon needs CAP_SETUID and CAP_SETGID: run as root or add AmbientCapabilities=CAP_SETUID CAP_SETGID';
    const line = text.split('\n').findIndex((one) => one.includes('notify')) + 1;
    assert.ok(output.includes(`keepalived.conf:${line}:3: ${advice}`), output);
    assert.equal(status, 2);
    const wrapper = asNobody('net_raw', 'net_admin', 'setuid', 'setgid');
    const baton = startBaton(t, a, folder, text, { wrapper });
    await baton.until('the hook', () => folder.lines('calls').includes('1 MASTER'));
  });

  it('as root refuses scripts that others could change, cannot run or are not there, and -t exits 6', (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const check = (hook: string, more: readonly string[] = []) =>
      runBaton(a, [...more, '-t', '-f', folder.write('keepalived.conf', instance('VI_1', 51, 150, hook))]);
    const hook = folder.script('hook', 'true');
    assert.equal(check(`notify "${hook} word"`).status, 0);
    const cases: readonly (readonly [string, RegExp, () => void])[] = [
      ['owner', /would run as root, and it does not belong to root/, () => chownSync(hook, NOBODY, 0)],
      ['mode', /would run as root, and it can be written by everybody/, () => chmodSync(hook, 0o777)],
      ['executable', /cannot be executed: chmod \+x/, () => chmodSync(hook, 0o644)],
      ['missing', /there is no '.*hook'/, () => a.run('rm', hook)],
    ];
    for (const [name, message, change] of cases) {
      writeFileSync(hook, '#!/bin/sh\n', { mode: 0o755 });
      chownSync(hook, 0, 0);
      chmodSync(hook, 0o755);
      change();
      // Also where what is merely unsupported would be let pass.
      for (const more of name === 'owner' ? [[], ['--lenient']] : [[]]) {
        const { status, output } = check(`notify "${hook} word"`, more);
        assert.match(output, /keepalived\.conf:12:3: /, name);
        assert.match(output, message, name);
        assert.equal(status, 6, name);
        if (name !== 'owner') continue;
        const started = runBaton(a, [...more, '-l', '-f', folder.in('keepalived.conf')]);
        assert.equal(started.status, 2, `${name}: ${started.output}`);
        assert.match(started.output, message);
      }
    }
    // Whom it cannot harm may run it.
    writeFileSync(hook, '#!/bin/sh\n');
    chmodSync(hook, 0o777);
    assert.equal(check(`notify "${hook} word" nobody`).status, 0);
  });
});
