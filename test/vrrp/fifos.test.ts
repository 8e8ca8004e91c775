// The FIFOs of `baton vrrp` and what reads them (vrrp.md §3.1).

import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { describe, it } from 'node:test';
import { run, startHosts } from '../os/hosts.ts';
import { advert, Folder, instance, isAlive, Sender, startBaton } from './baton.ts';
import { skip } from './routers.ts';

/** Fills a FIFO to the brim. */
function fill(fd: number): void {
  for (const size of [4096, 1]) {
    try {
      for (;;) writeSync(fd, Buffer.alloc(size, 'x'));
    } catch {
      // It is full.
    }
  }
}

describe('the FIFOs', { skip, concurrency: 2 }, () => {
  it('tell each state and priority in order, to a script that gets their path last', async (t) => {
    const { a, b } = startHosts(t);
    const folder = new Folder();
    const reader = folder.script(
      'reader',
      `echo $$ > "$out/reader"; echo "$(id -un) $*" > "$out/args"; exec cat "$2" >> "$out/lines"`,
    );
    const text =
      `global_defs {
        vrrp_notify_fifo ${folder.in('fifo')}
        vrrp_notify_fifo_script "${reader} own" nobody
        vrrp_notify_priority_changes
      }
      vrrp_sync_group G {\n group {\n VI_1\n }\n sync_group_tracking_weight\n}
      track_file weigh {\n file ${folder.out('weigh')}\n init_file 0 overwrite\n}
      ` + instance('VI_1', 51, 150, 'track_file {\n weigh\n }');
    const baton = startBaton(t, a, folder, text);
    const says = (line: string) => baton.until(line, () => folder.lines('lines').at(-1) === line);
    await says('GROUP "G" MASTER 0');
    writeFileSync(folder.out('weigh'), '20\n');
    await says('INSTANCE "VI_1" MASTER_PRIORITY 170');
    const sender = await Sender.open(t, b);
    await sender.send(advert({ priority: 120 }));
    await says('INSTANCE "VI_1" MASTER_RX_LOWER_PRI 170');
    await sender.send(advert({ priority: 200 }));
    await says('GROUP "G" BACKUP 0');
    assert.equal(statSync(folder.in('fifo')).mode & 0o7777, 0o644);
    assert.deepEqual(folder.lines('args'), [`nobody own ${folder.in('fifo')}`]);
    const pid = Number(folder.text('reader'));
    assert.ok(isAlive(pid));
    assert.equal(await baton.stop(), 0);
    assert.ok(!existsSync(folder.in('fifo')), 'it was left behind');
    await baton.until('the reader to end', () => !isAlive(pid));
    const lines = folder.lines('lines');
    assert.deepEqual(lines.slice(0, 4), [
      'INSTANCE "VI_1" BACKUP 150',
      'GROUP "G" BACKUP 0',
      'INSTANCE "VI_1" MASTER 150',
      'GROUP "G" MASTER 0',
    ]);
  });

  it('that nobody reads lose what does not fit, and hold nothing up', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    run('mkfifo', folder.in('full'));
    const fd = openSync(folder.in('full'), constants.O_RDWR | constants.O_NONBLOCK);
    t.after(() => closeSync(fd));
    fill(fd);
    const text = `global_defs {
      notify_fifo ${folder.in('full')}
      vrrp_notify_fifo ${folder.in('empty')}
    }\n`;
    const baton = startBaton(t, a, folder, text + instance('VI_1', 51, 150));
    await baton.takes();
    // The other one kept everything for whoever comes.
    const late = openSync(folder.in('empty'), constants.O_RDONLY | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(4096);
    const length = readSync(late, buffer);
    closeSync(late);
    assert.equal(
      buffer.toString('latin1', 0, length),
      'INSTANCE "VI_1" BACKUP 150\nINSTANCE "VI_1" MASTER 150\n',
    );
    assert.equal(await baton.stop(), 0);
    const whole = Buffer.alloc(1024 * 1024);
    assert.ok(!whole.toString('latin1', 0, readSync(fd, whole)).includes('INSTANCE'));
    assert.ok(existsSync(folder.in('full')), 'it took away what it had not made');
  });
});
