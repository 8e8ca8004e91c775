// What an operator does to `baton vrrp`, and what befalls its machine: reloads, dumps, pid files, full disks, kill -9.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { lacksMountNamespaces } from '../harness/requirements.ts';
import { startHosts } from '../os/hosts.ts';
import { Folder, instance, isAlive, runBaton, startBaton, VIRTUAL } from './baton.ts';
import { holds, skip } from './routers.ts';

const json = (path: string): unknown => JSON.parse(readFileSync(path, 'latin1'));

/** keepalived's (vrrp.md §1.12). */
const DATA_KEYS =
  'iname ifp_ifname vrid base_priority effective_priority state wantstate adver_int master_adver_int master_priority last_transition vipset vips nopreempt preempt_delay version auth_type'.split(
    ' ',
  );
const STATS_KEYS =
  'advert_rcvd advert_sent become_master release_master packet_len_err advert_interval_err ip_ttl_err invalid_type_rcvd addr_list_err invalid_authtype authtype_mismatch auth_failure pri_zero_rcvd pri_zero_sent'.split(
    ' ',
  );

describe('operating baton vrrp', { skip, concurrency: 2 }, () => {
  it('dumps its state as JSON under the names of keepalived, on SIGUSR1 and SIGUSR2', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const baton = startBaton(t, a, folder, instance('VI_1', 51, 150));
    await baton.takes();
    const dumped = (name: string) => folder.in(`run/vrrp-keepalived.${name}.json`);
    baton.signal('SIGUSR1');
    baton.signal('SIGUSR2');
    await baton.says(`the state was written to ${dumped('data')}`);
    await baton.says(`the state was written to ${dumped('stats')}`);
    const [entry] = json(dumped('data')) as [{ data: Record<string, unknown>; stats: object }];
    for (const key of DATA_KEYS) assert.ok(key in entry.data, key);
    for (const key of STATS_KEYS) assert.ok(key in entry.stats, key);
    const { iname, vrid, state, effective_priority: priority, vipset, adver_int: interval } = entry.data;
    assert.deepEqual([iname, vrid, state, priority, vipset, interval], ['VI_1', 51, 2, 150, true, 500_000]);
    const [stats] = json(dumped('stats')) as [Record<string, unknown>];
    assert.deepEqual([stats['iname'], stats['become_master']], ['VI_1', 1]);
  });

  it('keeps everything on a reload with a broken file, and reads a mended one', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const text = instance('VI_1', 51, 150);
    const baton = startBaton(t, a, folder, text);
    await baton.takes();
    const { statistics } = await baton.view();
    const broken: readonly (readonly [string, RegExp])[] = [
      [text.replace('router_id 51', 'router_id 351'), /keepalived\.conf:4:21: .*351/],
      [
        text + instance('VI_2', 51, 100).replace(VIRTUAL, '10.77.0.7'),
        /keepalived\.conf:\d+:\d+: .*VRID 51|virtual_router_id 51/,
      ],
      [text.replace('}\n', `}\n notify /nowhere/hook\n`), /there is no '\/nowhere\/hook'/],
    ];
    for (const [file, message] of broken) {
      folder.write('keepalived.conf', file);
      const refusals = baton.output.split('was not read anew').length;
      baton.signal('SIGHUP');
      await baton.until('the refusal', () => baton.output.split('was not read anew').length > refusals);
      assert.match(baton.output, message);
    }
    assert.ok(holds(a, VIRTUAL));
    folder.write('keepalived.conf', text.replace('priority 150', 'priority 170'));
    baton.signal('SIGHUP');
    await baton.says('was read anew');
    const view = await baton.view();
    assert.equal(view.effectivePriority, 170);
    assert.deepEqual([view.state, view.statistics.becameActive], ['active', statistics.becameActive]);
    assert.ok(holds(a, VIRTUAL));
  });

  it('writes its pid file over a stale one, removes it, and has a status only while it runs', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const pidFile = folder.write('pid', '4194999\n');
    const baton = startBaton(t, a, folder, instance('VI_1', 51, 150), { args: ['-p', pidFile] });
    const environment = ['env', `RUNTIME_DIRECTORY=${folder.in('run')}`];
    await baton.takes();
    assert.equal(readFileSync(pidFile, 'latin1'), `${baton.router.process.pid}\n`);
    const text = runBaton(a, ['status'], environment);
    assert.match(text.output, /VI_1 +MASTER/);
    const machine = runBaton(a, ['status', '--json'], environment);
    assert.equal((JSON.parse(machine.output) as { kind: string }).kind, 'vrrp');
    assert.equal(await baton.stop(), 0);
    assert.ok(!existsSync(pidFile), 'the pid file was left behind');
    assert.deepEqual(readdirSync(folder.in('run')), []);
    const none = runBaton(a, ['status'], environment);
    assert.equal(none.status, 3);
    assert.match(none.output, /no daemon of yours is running here/);
  });

  it('says in -t what is wrong where: no file, a VRID given twice, an unknown interface', (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const check = (text: string) => runBaton(a, ['-t', '-f', folder.write('keepalived.conf', text)]);
    assert.equal(check(instance('VI_1', 51, 150)).status, 0);
    assert.equal(runBaton(a, ['-t', '-f', folder.in('none')]).status, 4);
    const twice = check(instance('VI_1', 51, 150) + instance('VI_2', 51, 150).replace(VIRTUAL, '10.77.0.7'));
    assert.equal(twice.status, 5);
    assert.match(twice.output, /keepalived\.conf:\d+:\d+: .*51/);
    const nowhere = check(instance('VI_1', 51, 150).replace('interface eth0', 'interface eth9'));
    assert.equal(nowhere.status, 5);
    assert.match(nowhere.output, /keepalived\.conf:3:13: there is no interface 'eth9'/);
  });

  it(
    'goes on without its pid file and its dumps when the disk is full',
    { skip: lacksMountNamespaces() },
    async (t) => {
      const { a } = startHosts(t);
      const folder = new Folder();
      mkdirSync(folder.in('small'));
      symlinkSync('/dev/full', folder.in('pid'));
      // A file system that has room for nothing, seen by this process alone.
      const mount = `mount -t tmpfs -o size=4k tmpfs ${folder.in('small')} && echo x > ${folder.in('small/x')} && exec "$@"`;
      const wrapper = ['unshare', '--mount', 'sh', '-c', mount, 'sh'];
      const environment = [`RUNTIME_DIRECTORY=${folder.in('small')}`];
      const args = ['-p', folder.in('pid')];
      const baton = startBaton(t, a, folder, instance('VI_1', 51, 150), { args, wrapper, environment });
      await baton.says(/The pid file could not be written: ENOSPC/);
      baton.signal('SIGUSR1');
      await baton.says(/the state could not be written: ENOSPC/);
      await baton.takes();
      assert.equal(await baton.stop(), 0);
    },
  );

  it('killed with -9 leaves no address; its hooks run on to their end, and the next one starts clean', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const hook = folder.script(
      'hook',
      `[ "$3" = MASTER ] || exit 0
      echo "$$" >> "$out/begun"; i=0
      while [ ! -e "$out/go" ] && [ $i -lt 300 ]; do i=$((i + 1)); sleep 0.1; done; echo "$$" >> "$out/ended"`,
    );
    const text = instance('VI_1', 51, 150, `notify "${hook}" nobody`);
    const pidFile = folder.in('pid');
    const first = startBaton(t, a, folder, text, { args: ['-p', pidFile] });
    await first.takes();
    await first.until('the hook', () => folder.lines('begun').length === 1);
    first.signal('SIGKILL');
    await first.router.ended;
    await first.drops();
    // PR_SET_PDEATHSIG cannot be set for a child of Node's, so it lives on, unlike keepalived's.
    const [orphan] = folder.lines('begun');
    assert.ok(isAlive(Number(orphan)));
    assert.ok(existsSync(pidFile));
    const second = startBaton(t, a, folder, text, { args: ['-p', pidFile] });
    await second.takes();
    assert.equal(readFileSync(pidFile, 'latin1'), `${second.router.process.pid}\n`);
    assert.equal((await second.status()).pid, second.router.process.pid);
    writeFileSync(folder.out('go'), '');
    await second.until('both hooks to end', () => folder.lines('ended').length === 2);
    assert.equal(await second.stop(), 0);
  });
});
