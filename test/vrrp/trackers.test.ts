// The trackers of `baton vrrp` on real scripts, interfaces, processes and files (vrrp.md §1.11). The Redis tracker is in
// redis-tracker.test.ts.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { LINK, startHosts } from '../os/hosts.ts';
import { advert, type Baton, Folder, instance, isAlive, Sender, startBaton, VIRTUAL } from './baton.ts';
import { holds, skip } from './routers.ts';

const tracks = (kind: string, ...lines: string[]) => `track_${kind} {\n ${lines.join('\n ')}\n }`;
const has = (baton: Baton, priority: number) =>
  baton.until(`priority ${priority}`, async () => (await baton.view()).effectivePriority === priority);
const is = (baton: Baton, state: string) =>
  baton.until(`state ${state}`, async () => (await baton.view()).state === state);

describe('the trackers of baton vrrp', { skip, concurrency: 4 }, () => {
  it('run a script: its user, rise and fall, its verdict a fault or a weight', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const check = (name: string) =>
      folder.script(`check-${name}`, `echo "$(id -un)" >> "$out/${name}"; exec test -e "$out/good-${name}"`);
    const script = (name: string, ...lines: string[]) =>
      `vrrp_script ${name} {\n script "${check(name)}"\n interval 0.2\n timeout 5\n user nobody\n ${lines.join('\n ')}\n}\n`;
    const good = (name: string) => writeFileSync(folder.out(`good-${name}`), '');
    const bad = (name: string) => rmSync(folder.out(`good-${name}`));
    const text =
      script('fault', 'rise 2', 'fall 3', 'init_fail') +
      script('bonus', 'weight 20') +
      script('malus', 'weight -60', 'rise 2') +
      script('inline', 'weight 3') +
      instance('VI_1', 51, 100, tracks('script', 'fault', 'bonus', 'malus', 'inline weight -7 reverse'));
    good('fault');
    good('malus');
    const baton = startBaton(t, a, folder, text);
    const runs = (name: string) => folder.lines(name).length;
    // Begins as failed, so it takes two successes.
    await is(baton, 'backup');
    assert.ok(runs('fault') >= 2);
    await baton.says(/VI_1 is fault, not initialize any more[^]*VI_1 is backup, not fault any more/);
    assert.deepEqual(new Set(folder.lines('fault')), new Set(['nobody']));
    // `inline` fails: with reverse, its malus turns into a bonus.
    await has(baton, 107);
    good('bonus');
    await has(baton, 127);
    bad('malus');
    await has(baton, 67);
    good('inline');
    await has(baton, 60);
    good('malus');
    await has(baton, 120);
    await baton.takes();
    const before = runs('fault');
    bad('fault');
    await is(baton, 'fault');
    assert.ok(!holds(a, VIRTUAL));
    assert.ok(runs('fault') - before >= 3, 'it fell before its third failure');
    good('fault');
    await baton.takes();
  });

  it('end a script that takes too long, with all it started, and skip runs meanwhile', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const check = folder.script(
      'check',
      `if [ -e "$out/hang" ]; then
        trap '' TERM; sleep 300 & echo "$$ $!" >> "$out/pids"; while :; do sleep 1; done
      fi`,
    );
    const text =
      `vrrp_script slow {\n script "${check}"\n interval 0.2\n timeout 2\n user nobody\n}\n` +
      `vrrp_script gone {\n script "${check}"\n interval 60\n weight 5\n user nobody\n}\n` +
      instance('VI_1', 51, 100, tracks('script', 'slow', 'gone'));
    const baton = startBaton(t, a, folder, text);
    await baton.takes();
    writeFileSync(folder.out('hang'), '');
    await baton.until('it to hang', () => folder.lines('pids').length === 1);
    const [pids = ''] = folder.lines('pids');
    // Counted only once it is gone (vrrp.md §1.11): it ignores SIGTERM, so SIGKILL has to follow.
    await baton.says('slow is down: it took too long');
    for (const pid of pids.split(' ')) await baton.until(`the end of ${pid}`, () => !isAlive(Number(pid)));
    await is(baton, 'fault');
    rmSync(folder.out('hang'));
    await baton.takes();
    const runs = folder.lines('pids').length;
    assert.ok(runs <= 2, `${runs} runs hung, though each must wait for the one before`);
  });

  it('follow an interface, the own and another one', async (t) => {
    const { a, b } = startHosts(t);
    const folder = new Folder();
    const link = (...words: string[]) => a.run('ip', 'link', ...words);
    link('add', 'side0', 'type', 'veth', 'peer', 'name', 'side1');
    link('set', 'side0', 'up');
    link('set', 'side1', 'up');
    link('add', 'must0', 'type', 'veth', 'peer', 'name', 'must1');
    link('set', 'must0', 'up');
    link('set', 'must1', 'up');
    const text = instance('VI_1', 51, 100, tracks('interface', 'side0 weight -30', 'must0'));
    const baton = startBaton(t, a, folder, text);
    await baton.takes();
    // Its carrier goes.
    link('set', 'side1', 'down');
    await has(baton, 70);
    link('set', 'side1', 'up');
    await has(baton, 100);
    link('delete', 'must0');
    await is(baton, 'fault');
    assert.match((await baton.view()).faults.join(), /interface must0 is down/);
    link('add', 'must0', 'type', 'veth', 'peer', 'name', 'must1');
    link('set', 'must0', 'up');
    link('set', 'must1', 'up');
    await baton.takes();
    b.run('ip', 'link', 'set', LINK, 'down');
    await is(baton, 'fault');
    assert.match((await baton.view()).faults.join(), /the link of eth0 is down/);
  });

  it('count processes', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const name = `bt${process.pid}`;
    copyFileSync('/bin/sleep', folder.in(name));
    a.run('chmod', '755', folder.in(name));
    const start = (...words: string[]) => {
      const child = spawn(folder.in(name), words, { stdio: 'ignore' });
      t.after(() => void child.kill('SIGKILL'));
      return child;
    };
    const text =
      `vrrp_track_process any {\n process ${name}\n weight 10\n quorum 2\n}\n` +
      `vrrp_track_process one {\n process ${folder.in(name)} 301\n full_command\n param_match initial\n}\n` +
      instance('VI_1', 51, 100, tracks('process', 'any', 'one'));
    const first = start('301');
    const baton = startBaton(t, a, folder, text);
    await baton.takes();
    assert.equal((await baton.view()).effectivePriority, 100);
    const second = start('302');
    await has(baton, 110);
    second.kill('SIGKILL');
    await has(baton, 100);
    first.kill('SIGKILL');
    await is(baton, 'fault');
    assert.match((await baton.view()).faults.join(), /process one is down/);
    start('301');
    await baton.takes();
  });

  it('read numbers from files, made with a first value where that is asked for', async (t) => {
    const { a, b } = startHosts(t);
    const folder = new Folder();
    writeFileSync(folder.out('kept'), '4\n');
    const file = (name: string, ...lines: string[]) =>
      `vrrp_track_file ${name} {\n file ${folder.out(name)}\n ${lines.join('\n ')}\n}\n`;
    const text =
      file('kept', 'init_file 9', 'weight 2') +
      file('made', 'init_file 7 overwrite', 'weight -1') +
      file('drain', 'weight 0') +
      file('big', 'weight 100') +
      instance('VI_1', 51, 100, tracks('file', 'kept', 'made', 'drain', 'big'));
    const baton = startBaton(t, a, folder, text);
    await has(baton, 101);
    assert.equal(readFileSync(folder.out('made'), 'latin1'), '7\n');
    await baton.takes();
    writeFileSync(folder.out('kept'), '-12');
    await has(baton, 69);
    // Replaced by another file, as editors do.
    writeFileSync(folder.out('kept.new'), '1\n');
    renameSync(folder.out('kept.new'), folder.out('kept'));
    await has(baton, 95);
    writeFileSync(folder.out('kept'), 'nonsense');
    await has(baton, 93);
    // The peer takes over from what is now the lesser one.
    const sender = await Sender.open(t, b);
    const stop = sender.repeat(advert({ priority: 94 }));
    t.after(stop);
    await baton.drops();
    writeFileSync(folder.out('kept'), '4');
    await baton.takes();
    stop();
    writeFileSync(folder.out('drain'), '1');
    await is(baton, 'fault');
    rmSync(folder.out('drain'));
    await baton.takes();
    // A product of -254 or less is a fault whatever the sum (vrrp.md §1.11).
    writeFileSync(folder.out('big'), '-3');
    await is(baton, 'fault');
    assert.ok(!existsSync(folder.out('drain')));
  });
});
