// `baton vrrp FILE` as a user starts it: with keepalived's file and options, beside a keepalived that has the same file.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { spawnSync } from 'node:child_process';
import { describe, it, type TestContext } from 'node:test';
import { findNft } from '../../src/os/nft.ts';
import { until } from '../harness/wait.ts';
import { startHosts } from '../os/hosts.ts';
import { holds, skip, startCommand, startKeepalived, takes } from './routers.ts';

const VIRTUAL = '10.77.0.100';
const BATON = [process.execPath, resolve('bin/baton'), 'vrrp'];

const pair = (folder: string, priority: number): string => `
global_defs {
  script_user root
}
vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority ${priority}
  advert_int 1
  virtual_ipaddress {
    ${VIRTUAL}/24
  }
  notify "/bin/sh ${folder}/notify"
}
`;

function folderOf(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'baton-vrrp-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'notify'), `echo "$@" >> ${folder}/told\n`, { mode: 0o755 });
  return folder;
}

describe('baton vrrp', { skip }, () => {
  it('takes the place of a keepalived: file, hooks, reload, pid file, status, stop', async (t) => {
    const { a, b } = startHosts(t);
    const folder = folderOf(t);
    const file = join(folder, 'keepalived.conf');
    const pidFile = join(folder, 'pid');
    const told = (): string => readFileSync(join(folder, 'told'), 'latin1');
    writeFileSync(file, pair(folder, 150));
    const words = ['env', `RUNTIME_DIRECTORY=${folder}/run`, ...BATON];
    const mine = startCommand(t, a, [...words, '-n', '-l', '-D', '-p', pidFile, '-f', file]);
    await takes(() => holds(a, VIRTUAL)).catch((error: unknown) =>
      assert.fail(`${String(error)} ${mine.output}`),
    );
    const other = startKeepalived(t, b, pair(folder, 100).replace(/ {2}notify .*\n/, ''));
    await other.says('Entering BACKUP STATE');
    await until('the hook to be called', () => told().includes('INSTANCE VI_1 MASTER 150'));
    const tables = (): string => (findNft() === null ? '' : a.run('nft', 'list', 'tables'));
    if (findNft() !== null) assert.match(tables(), /inet baton_vrrp_keepalived_[0-9a-f]{8}\n/);

    const pid = Number(readFileSync(pidFile, 'latin1'));
    const status = a.run(...words, 'status', '--json');
    assert.equal((JSON.parse(status) as { pid: number }).pid, pid);
    writeFileSync(file, pair(folder, 160));
    process.kill(pid, 'SIGHUP');
    await mine.says('was read anew');
    writeFileSync(file, 'nonsense\n');
    process.kill(pid, 'SIGHUP');
    await mine.says('was not read anew');
    assert.ok(holds(a, VIRTUAL));
    assert.match(a.run(...words, 'status'), /VI_1 +MASTER .* 160 /);

    process.kill(pid, 'SIGTERM');
    assert.equal(await mine.ended, 0, mine.output);
    assert.ok(!holds(a, VIRTUAL));
    assert.equal(tables(), '');
    assert.ok((await takes(() => holds(b, VIRTUAL))) < 1_500, 'keepalived was not told that we leave');
    assert.match(told(), /INSTANCE VI_1 STOP 160\n$/);
  });

  it('checks a file as keepalived -t does, and says where it is wrong', (t) => {
    const { a } = startHosts(t);
    const folder = folderOf(t);
    const file = join(folder, 'keepalived.conf');
    writeFileSync(file, pair(folder, 100));
    assert.match(a.run(...BATON, '-t', '-f', file), /instance VI_1: VRRPv2 router 51 on eth0, priority 100/);
    const check = (...args: readonly string[]) =>
      spawnSync('ip', ['netns', 'exec', a.namespace, ...BATON, ...args], { encoding: 'latin1' });
    writeFileSync(file, pair(folder, 100).replace('router_id 51', 'router_id 551'));
    const wrong = check('--check', file);
    assert.equal(wrong.status, 5);
    assert.match(wrong.stderr, /keepalived\.conf:8:\d+: .*551/);
    assert.equal(check('--check', join(folder, 'missing')).status, 4);
  });

  it('says which capabilities it lacks', (t) => {
    const { a } = startHosts(t);
    const folder = folderOf(t);
    const file = join(folder, 'keepalived.conf');
    writeFileSync(file, pair(folder, 100).replace(/ {2}notify .*\n/, ''));
    const unprivileged = ['setpriv', '--bounding-set=-net_raw,-net_admin', '--inh-caps=-net_raw,-net_admin'];
    const words = ['netns', 'exec', a.namespace, ...unprivileged, ...BATON, '-l', '-f', file];
    const { status, stdout } = spawnSync('ip', words, { encoding: 'latin1', timeout: 10_000 });
    assert.equal(status, 1, stdout);
    assert.match(stdout, /needs CAP_NET_RAW and CAP_NET_ADMIN: run as root or add AmbientCapabilities=/);
  });
});
