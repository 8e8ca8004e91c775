// Sync groups of `baton vrrp`: their members change state together, or not at all (vrrp.md §1.10).

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { startHosts } from '../os/hosts.ts';
import { advert, type Baton, Folder, instance, Sender, startBaton, VIRTUAL } from './baton.ts';
import { holds, skip } from './routers.ts';

const OTHER = '10.77.0.101';

/** Two instances in a group; a file puts the second one in FAULT. */
function pair(folder: Folder, ...lines: string[]): string {
  const hook = folder.script('hook', 'echo "$*" >> "$out/calls"');
  const own = (state: string) => `notify_${state} "${hook} own ${state}" nobody`;
  return `track_file drain {
  file ${folder.out('drain')}
  weight 0
  init_file 0 overwrite
}
vrrp_sync_group G {
  group {
    VI_1
    VI_2
  }
  ${['master', 'backup', 'fault', 'stop'].map(own).join('\n  ')}
  notify "${hook} any" nobody
  ${lines.join('\n  ')}
}
${instance('VI_1', 51, 150, `notify "${hook} member" nobody`)}
${instance('VI_2', 52, 150, 'track_file {\n drain\n }')}`;
}

const both = async (baton: Baton) => {
  await baton.takes(VIRTUAL);
  await baton.takes(OTHER);
};

describe('a sync group', { skip, concurrency: 2 }, () => {
  it('fails, recovers and stops as one, and tells its own hooks', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const baton = startBaton(t, a, folder, pair(folder));
    const calls = () => folder.lines('calls').filter((line) => !line.startsWith('member'));
    const last = (line: string) => baton.until(line, () => calls().at(-1) === line);
    await both(baton);
    await last('any GROUP G MASTER 0');
    writeFileSync(folder.out('drain'), '1\n');
    await last('any GROUP G FAULT 0');
    assert.ok(!holds(a, VIRTUAL) && !holds(a, OTHER), 'one kept its address');
    const states = (await baton.status()).snapshot.routers.map(({ state }) => state);
    assert.deepEqual(states, ['fault', 'fault']);
    assert.match((await baton.view('VI_1')).faults.join(), /VI_2 of its group: file drain says 1/);
    writeFileSync(folder.out('drain'), '0\n');
    await both(baton);
    await last('any GROUP G MASTER 0');
    assert.equal(await baton.stop(), 0);
    const steps = ['BACKUP', 'MASTER', 'FAULT', 'BACKUP', 'MASTER', 'STOP'];
    const expected = steps.flatMap((state) => [`own ${state.toLowerCase()}`, `any GROUP G ${state} 0`]);
    assert.deepEqual(calls(), expected);
    const member = folder.lines('calls').filter((line) => line.startsWith('member'));
    assert.deepEqual(member.at(-1), 'member INSTANCE VI_1 STOP 150');
  });

  it('takes over all or nothing, and steps down as one', async (t) => {
    const { a, b } = startHosts(t);
    const folder = new Folder();
    const sender = await Sender.open(t, b);
    // Somebody better holds the second.
    const stop = sender.repeat(advert({ virtualRouterId: 52, priority: 200, addresses: [OTHER] }));
    t.after(stop);
    const baton = startBaton(t, a, folder, pair(folder));
    await baton.says('VI_1 waits to be active until all of G can');
    assert.ok(!holds(a, VIRTUAL) && !holds(a, OTHER));
    stop();
    await both(baton);
    // A better advert for one of the two takes both away.
    await sender.send(advert({ priority: 200 }));
    await baton.says(/VI_2 is backup, not active any more: .*VI_1/);
    await baton.until('none held', () => !holds(a, VIRTUAL) && !holds(a, OTHER));
    await both(baton);
  });
});
