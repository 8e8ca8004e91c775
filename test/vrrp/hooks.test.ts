// Notify scripts of `baton vrrp`: with which words, as whom and in which order they run, what a slow, noisy or endless
// one does, and what it means to promote before advertising (vrrp.md §3).

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { command, NO_HOOKS, routerConf, virtualAddress, vrrpConf } from '../../src/vrrp/test-conf.ts';
import { LINK, startHosts } from '../os/hosts.ts';
import { advert, Folder, instance, isAlive, Sender, startBaton, VIRTUAL } from './baton.ts';
import { holds, skip, startOurs, takes } from './routers.ts';

/** A file whose number puts the instance in FAULT unless it is 0. */
const drain = (folder: Folder): string =>
  `track_file drain {\n  file ${folder.out('drain')}\n  weight 0\n  init_file 1 overwrite\n}\n`;
const DRAINED = 'track_file {\n drain\n }';
const setDrain = (folder: Folder, value: number): void => writeFileSync(folder.out('drain'), `${value}\n`);

describe('notify scripts', { skip, concurrency: 4 }, () => {
  it("run one after another with keepalived's words, as whom the file says (vrrp.md §3.1)", async (t) => {
    const { a, b } = startHosts(t);
    const folder = new Folder();
    const hook = folder.script(
      'hook',
      // What it is called with, and that no other runs meanwhile.
      'echo "begin $*" >> "$out/calls"; sleep 0.1; echo "end $*" >> "$out/calls"',
    );
    const own = ['master', 'backup', 'fault', 'stop'].map(
      (state) => `notify_${state} "${hook} own-${state} 'two words'"`,
    );
    const lower = `notify_master_rx_lower_pri "${hook} lower" nobody`;
    const text =
      `global_defs {\n script_user nobody\n}\n${drain(folder)}` +
      instance('VI_1', 51, 150, ...own, lower, `notify "${hook} any"`, DRAINED);
    const baton = startBaton(t, a, folder, text);
    const told = (what: string) => baton.until(what, () => folder.lines('calls').includes(`end ${what}`));
    await told('any INSTANCE VI_1 FAULT 150');
    setDrain(folder, 0);
    await told('any INSTANCE VI_1 BACKUP 150');
    await told('any INSTANCE VI_1 MASTER 150');
    const sender = await Sender.open(t, b);
    await sender.send(advert({ priority: 120 }));
    await told('lower');
    setDrain(folder, 1);
    await baton.until('two faults', () => {
      return folder.lines('calls').filter((line) => line === 'end any INSTANCE VI_1 FAULT 150').length === 2;
    });
    assert.equal(await baton.stop(), 0);
    const own2 = (state: string) => `own-${state.toLowerCase()} two words`;
    const pair = (state: string) => [own2(state), `any INSTANCE VI_1 ${state} 150`];
    const calls = [
      ...pair('FAULT'),
      ...pair('BACKUP'),
      ...pair('MASTER'),
      'lower',
      ...pair('FAULT'),
      ...pair('STOP'),
    ];
    assert.deepEqual(
      folder.lines('calls'),
      calls.flatMap((call) => [`begin ${call}`, `end ${call}`]),
    );
  });

  it('have the surroundings keepalived gives them (vrrp.md §3.2)', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const hook = folder.script(
      'hook',
      `to="$out/$(id -un)"
      { echo "ids $(id -u) $(id -g) $(id -G)"; echo "in $(readlink /proc/$$/fd/0)"; echo "out $(readlink /proc/$$/fd/1)"
        echo "err $(readlink /proc/$$/fd/2)"; echo "cwd $(pwd)"; echo "nice $(nice)"
        echo "leads $(cut -d' ' -f5 /proc/$$/stat | grep -qx $$ && echo yes)"
        echo "sockets $(ls -l /proc/$$/fd | grep -c 'socket:\\|netlink')"
        tr '\\0' '\\n' < /proc/$$/environ | grep -E '^(IFS|LD_|KEPT|KEEPALIVED)' | sed 's/^/env /'
      } > "$to.new" 2>&1; mv "$to.new" "$to"`,
    );
    const users = `notify_backup "${hook}" nobody nogroup\n  notify "${hook}" root`;
    const environment = ['LD_LIBRARY_PATH=/nowhere', 'IFS=,', 'KEPT=yes'];
    const baton = startBaton(t, a, folder, instance('VI_1', 51, 150, users), { environment });
    await baton.until('both', () => folder.text('nobody') !== '' && folder.text('root') !== '');
    const common = [
      'in /dev/null',
      'out /dev/null',
      'err /dev/null',
      'cwd /',
      'nice 0',
      'leads yes',
      'sockets 0',
      'env KEPT=yes',
    ];
    // The group's redirection is what the shell itself holds meanwhile.
    const lines = (name: string) =>
      folder.lines(name).map((line) => line.replace(/^(out|err) .*\/out\/\w+\.new$/, '$1 /dev/null'));
    assert.deepEqual(lines('nobody'), ['ids 65534 65534 65534', ...common]);
    assert.deepEqual(lines('root').slice(1), common);
  });

  it('that are slow never overlap, and are next told the latest state only', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const hook = folder.script(
      'hook',
      `echo "begin $3" >> "$out/calls"
      i=0; while [ ! -e "$out/go" ] && [ $i -lt 300 ]; do i=$((i + 1)); sleep 0.1; done
      echo "end $3" >> "$out/calls"`,
    );
    const text = drain(folder) + instance('VI_1', 51, 150, `notify "${hook}" nobody`, DRAINED);
    const baton = startBaton(t, a, folder, text);
    await baton.until('the first', () => folder.lines('calls').includes('begin FAULT'));
    // It waits; the states go on without it.
    setDrain(folder, 0);
    await baton.takes();
    setDrain(folder, 1);
    await baton.drops();
    setDrain(folder, 0);
    await baton.takes();
    assert.deepEqual(folder.lines('calls'), ['begin FAULT']);
    writeFileSync(folder.out('go'), '');
    await baton.until('the last', () => folder.lines('calls').includes('end MASTER'));
    assert.deepEqual(folder.lines('calls'), ['begin FAULT', 'end FAULT', 'begin MASTER', 'end MASTER']);
  });

  it('that never end are killed with all they started, and said so without their arguments', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const hook = folder.script(
      'hook',
      `trap '' TERM; sleep 300 & echo "$$ $!" > "$out/pids"; while :; do sleep 1; done`,
    );
    const flood = folder.script('flood', 'yes | head -c 30000000; yes | head -c 3000000 >&2; exit 3');
    const conf = vrrpConf([
      routerConf({
        interface: LINK,
        version: 3,
        advertIntervalMs: 300,
        priority: 150,
        addresses: [virtualAddress(VIRTUAL, { interface: LINK })],
        hooks: {
          ...NO_HOOKS,
          backup: command(hook, '-a', 'geheim'),
          master: command(flood, '--pass', 'geheim'),
          timeoutMs: 2_000,
        },
      }),
    ]);
    const router = await startOurs(t, a, conf);
    await router.says(/hook-failed .*hook \.\.\.: took too long and was ended/, 20_000);
    await router.says(/hook-failed .*flood \.\.\.: exit code 3/, 20_000);
    for (const pid of folder.text('pids').trim().split(' ')) assert.ok(!isAlive(Number(pid)), `${pid} lives`);
    assert.ok(holds(a, VIRTUAL), 'a hook kept it from its address');
    assert.ok(!router.output.includes('geheim'), router.output);
  });
});

describe('promote_before_advertise', { skip, concurrency: 3 }, () => {
  const promoting = (folder: Folder, timeout: string): string => {
    const master = folder.script(
      'master',
      `echo begin >> "$out/master"
      i=0; while [ ! -e "$out/go" ] && [ $i -lt 300 ]; do i=$((i + 1)); sleep 0.1; done
      echo end >> "$out/master"`,
    );
    const any = folder.script('any', 'echo "$3" >> "$out/any"');
    return instance(
      'VI_1',
      51,
      150,
      `# baton: promote_before_advertise timeout ${timeout}`,
      `notify_master "${master}" nobody`,
      `notify "${any}" nobody`,
    );
  };

  it('takes the address only once notify_master has ended', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const baton = startBaton(t, a, folder, promoting(folder, '60s'));
    await baton.until('the hook', () => folder.lines('master').includes('begin'));
    const { isPromoting, state, statistics } = await baton.view();
    assert.deepEqual([isPromoting, state, statistics.advertsSent], [true, 'backup', 0]);
    assert.ok(!holds(a, VIRTUAL));
    writeFileSync(folder.out('go'), '');
    await baton.takes();
    assert.deepEqual(folder.lines('master'), ['begin', 'end']);
    await baton.until('the other hook', () => folder.lines('any').at(-1) === 'MASTER');
    assert.deepEqual(folder.lines('master'), ['begin', 'end'], 'called twice');
  });

  it('takes it anyway when the time is up, with an alarm', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const baton = startBaton(t, a, folder, promoting(folder, '1s'));
    await baton.takes();
    assert.deepEqual(folder.lines('master'), ['begin']);
    await baton.says(/promotion-timeout VI_1 takes its addresses although notify_master/);
    const alarm = (await baton.status()).events.find(({ name }) => name === 'promotion-timeout');
    assert.equal(alarm?.level, 'alarm');
    writeFileSync(folder.out('go'), '');
    await baton.until('the other hook', () => folder.lines('any').at(-1) === 'MASTER');
  });

  it('gives way to a better advert meanwhile, and tells the hooks so', async (t) => {
    const { a, b } = startHosts(t);
    const folder = new Folder();
    const baton = startBaton(t, a, folder, promoting(folder, '60s'));
    const sender = await Sender.open(t, b);
    await baton.until('the hook', () => folder.lines('master').includes('begin'));
    const stop = sender.repeat(advert({ priority: 200 }));
    t.after(stop);
    await baton.says('VI_1 gives its promotion up');
    writeFileSync(folder.out('go'), '');
    await baton.until('the hooks', () => folder.lines('any').filter((one) => one === 'BACKUP').length === 2);
    assert.ok(!holds(a, VIRTUAL));
    assert.equal((await baton.view()).isPromoting, false);
    stop();
    await takes(() => holds(a, VIRTUAL), 20_000);
    assert.deepEqual(folder.lines('master'), ['begin', 'end', 'begin', 'end']);
  });
});
