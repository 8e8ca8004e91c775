// What befalls a VRRP daemon on a real interface, and what it makes of it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { routerConf, virtualAddress, vrrpConf } from '../../src/vrrp/test-conf.ts';
import { pause } from '../harness/wait.ts';
import { LINK, startHosts } from '../os/hosts.ts';
import { holds, skip, startOurs, takes } from './routers.ts';

const VIRTUAL = '10.77.0.100';

const conf = (priority: number) =>
  vrrpConf([
    routerConf({
      interface: LINK,
      priority,
      version: 3,
      advertIntervalMs: 500,
      addresses: [virtualAddress(VIRTUAL, { interface: LINK })],
      addressLifetimeSeconds: 1,
    }),
  ]);

describe('a VRRP daemon', { skip }, () => {
  it('that was frozen has lost its address to the kernel, and steps down when it wakes', async (t) => {
    const { a, b } = startHosts(t);
    const first = await startOurs(t, a, conf(200));
    await takes(() => holds(a, VIRTUAL));
    const second = await startOurs(t, b, conf(100));
    await second.says('is backup');
    first.process.kill('SIGSTOP');
    await takes(() => holds(b, VIRTUAL));
    assert.ok(!holds(a, VIRTUAL), 'two hold it');
    first.process.kill('SIGCONT');
    await first.says('is backup, not active any more');
    // It is the better one, so it takes over again in its own time.
    await takes(() => holds(a, VIRTUAL) && !holds(b, VIRTUAL));
  });

  it('gives up an address that somebody deleted, and takes it again after its skew (vrrp.md §1.8)', async (t) => {
    const { a } = startHosts(t);
    const router = await startOurs(t, a, conf(200));
    await takes(() => holds(a, VIRTUAL));
    a.run('ip', 'address', 'delete', `${VIRTUAL}/32`, 'dev', LINK);
    await router.says(/somebody deleted 10\.77\.0\.100/);
    await takes(() => holds(a, VIRTUAL));
    await router.says('is backup, not active any more');
  });

  it('removes what an earlier run left, at any prefix length', async (t) => {
    const { a } = startHosts(t);
    a.run('ip', 'address', 'add', `${VIRTUAL}/24`, 'dev', LINK);
    const router = await startOurs(t, a, conf(200));
    await router.says(`removed ${VIRTUAL}/24 from ${LINK}`);
    await takes(() => a.run('ip', '-o', 'address', 'show', 'dev', LINK).includes(` ${VIRTUAL}/32 `));
  });

  it('is in fault while its interface is gone, and comes back with it', async (t) => {
    const { a, b } = startHosts(t);
    const router = await startOurs(t, a, conf(200));
    await takes(() => holds(a, VIRTUAL));
    b.run('ip', 'link', 'set', LINK, 'down');
    await router.says('is fault, not active any more');
    assert.ok(!holds(a, VIRTUAL));
    b.run('ip', 'link', 'set', LINK, 'up');
    await takes(() => holds(a, VIRTUAL));
    a.run('ip', 'link', 'delete', LINK);
    await pause(300);
    a.run('ip', 'link', 'add', LINK, 'type', 'veth', 'peer', 'name', 'cable');
    a.run('ip', 'link', 'set', 'cable', 'up');
    a.run('ip', 'address', 'add', '10.77.0.1/24', 'dev', LINK);
    a.run('ip', 'link', 'set', LINK, 'up');
    await takes(() => holds(a, VIRTUAL));
  });
});
