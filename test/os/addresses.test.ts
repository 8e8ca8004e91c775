// Addresses and links of a network namespace through rtnetlink: what the kernel makes of what we ask for, and that it
// takes an address away when its holder no longer refreshes it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pause, until } from '../harness/wait.ts';
import {
  type Agent,
  type AgentError,
  type AgentEvent,
  HOSTS,
  type Host,
  LINK,
  skip,
  startHosts,
} from './hosts.ts';

/** How much later than asked the kernel may take an address away (proxy.md 3.6). */
const EXPIRY_SLACK_MS = 500;

const VIRTUAL = { ipv4: '10.77.0.100', ipv6: 'fd77::100' } as const;

/** As the floating address is set: for `validSeconds`. */
function setting(host: Host, family: 'ipv4' | 'ipv6', validSeconds: number | null): Record<string, unknown> {
  return {
    linkIndex: host.linkIndex,
    address: VIRTUAL[family],
    prefixLength: family === 'ipv4' ? 32 : 128,
    peer: null,
    validSeconds,
    preferredSeconds: family === 'ipv4' ? validSeconds : 0,
    scope: 0,
    label: null,
    broadcast: null,
    flags: family === 'ipv4' ? [] : ['nodad'],
  };
}

const shown = (host: Host, address: string): string =>
  host
    .run('ip', '-o', 'address', 'show', 'dev', LINK)
    .split('\n')
    .filter((line) => line.includes(` ${address}/`) || line.includes(` ${address} peer `))
    .join('\n');

const changeOf = (event: AgentEvent): { kind?: string; address?: { address: string } } => event as never;
const isAbout = (kind: string, address: string) => (event: AgentEvent) =>
  changeOf(event).kind === kind && changeOf(event).address?.address === address;

describe('addresses of an interface', { skip }, () => {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const virtual = VIRTUAL[family];
    const hostLength = family === 'ipv4' ? 32 : 128;

    it(`leave within half a second of their lifetime when the holder is killed, over ${family}`, async (t) => {
      const { a } = startHosts(t);
      const [holder, observer] = [await a.agent(t), await a.agent(t)];
      await observer.ask('watch');
      await holder.ask('hold', setting(a, family, 1), 250);
      // Twice its lifetime.
      await pause(2_000);
      assert.notEqual(shown(a, virtual), '', 'refreshing did not keep it');
      assert.deepEqual(observer.events.filter(isAbout('address-gone', virtual)), []);

      holder.process.kill('SIGKILL');
      const killedAtMs = performance.now();
      await observer.tells('it is gone', isAbout('address-gone', virtual));
      const tookMs = performance.now() - killedAtMs;
      // 100 ms for the news to get here.
      assert.ok(tookMs <= 1_000 + EXPIRY_SLACK_MS + 100, `gone after ${tookMs} ms`);
      assert.equal(shown(a, virtual), '');
      t.diagnostic(`gone ${Math.round(tookMs)} ms after the kill`);
    });

    it(`leave a frozen holder too, and it learns so before it refreshes again, over ${family}`, async (t) => {
      const { a } = startHosts(t);
      const holder = await a.agent(t);
      await holder.ask('watch');
      await holder.ask('set', setting(a, family, 1));
      await holder.tells('it is there', isAbout('address', virtual));
      const asked = [
        holder.ask('freeze', 1_700),
        holder.ask('readWatch'),
        holder.ask('set', setting(a, family, 1)),
      ];
      await Promise.all(asked);
      await until('it is there again', () => holder.events.filter(isAbout('address', virtual)).length === 2);
      const story = holder.events.filter(
        (event) => isAbout('address', virtual)(event) || isAbout('address-gone', virtual)(event),
      );
      assert.deepEqual(
        story.map((event) => changeOf(event).kind),
        ['address', 'address-gone', 'address'],
      );
    });

    it(`keep open connections when they are refreshed, over ${family}`, async (t) => {
      const { a, b } = startHosts(t);
      const [holder, client] = [await a.agent(t), await b.agent(t)];
      // Before the address is there.
      await holder.ask('listen', virtual, 7_777);
      await holder.ask('hold', setting(a, family, 1), 200);
      await client.ask('connect', virtual, 7_777);
      await pause(2_500);
      const echoed = await client.ask<number>('echoed');
      assert.ok(echoed > 60, `${echoed} of about 120 bytes came back`);
      assert.deepEqual(client.told('connection-closed'), []);
    });

    it(`are removed at any prefix length, ours and leftovers, over ${family}`, async (t) => {
      const { a } = startHosts(t);
      const agent = await a.agent(t);
      const leftover = family === 'ipv4' ? 24 : 64;
      await agent.ask('set', { ...setting(a, family, null), prefixLength: leftover });
      if (family === 'ipv4') await agent.ask('set', setting(a, family, 5));
      const removed = await agent.ask<{ prefixLength: number }[]>(
        'removeAll',
        virtual.replace('::', ':0::'),
        null,
      );
      assert.deepEqual(
        removed.map(({ prefixLength }) => prefixLength).sort((x, y) => x - y),
        family === 'ipv4' ? [24, 32] : [64],
      );
      assert.equal(shown(a, virtual), '');
      assert.notEqual(shown(a, HOSTS.a[family]), '', 'another address went too');
      assert.deepEqual(await agent.ask('removeAll', virtual, null), []);
      assert.equal(
        await agent.ask('remove', { ...setting(a, family, null), prefixLength: hostLength }),
        false,
      );
    });
  }

  it('carry what was asked of them, as `ip address` shows it (vrrp.md 5)', async (t) => {
    const { a } = startHosts(t);
    const agent = await a.agent(t);
    await agent.ask('set', {
      ...setting(a, 'ipv4', null),
      address: '10.8.0.1',
      prefixLength: 24,
      scope: 253,
      label: `${LINK}:vip`,
      broadcast: '10.8.0.255',
      flags: ['noprefixroute'],
    });
    const ipv4 = shown(a, '10.8.0.1');
    assert.match(ipv4, /10\.8\.0\.1\/24 brd 10\.8\.0\.255 scope link noprefixroute eth0:vip/);
    assert.match(ipv4, /valid_lft forever preferred_lft forever/);

    await agent.ask('set', { ...setting(a, 'ipv4', null), address: '10.9.0.1', peer: '10.9.0.2' });
    assert.match(shown(a, '10.9.0.1'), /10\.9\.0\.1 peer 10\.9\.0\.2\/32/);
    assert.equal(
      (await agent.ask<unknown[]>('removeAll', '10.9.0.1', a.linkIndex)).length,
      1,
      'an address with another end was not removed',
    );

    await agent.ask('set', setting(a, 'ipv6', 3));
    await agent.ask('set', setting(a, 'ipv6', 3));
    const ipv6 = shown(a, VIRTUAL.ipv6);
    assert.match(ipv6, /fd77::100\/128 scope global nodad deprecated/);
    assert.match(ipv6, /valid_lft [23]sec preferred_lft 0sec/);
    assert.doesNotMatch(ipv6, /tentative/);
  });

  it('are refused in the words of the kernel', async (t) => {
    const { a } = startHosts(t);
    const agent = await a.agent(t);
    await assert.rejects(
      agent.ask('set', { ...setting(a, 'ipv4', null), prefixLength: 33 }),
      (error: AgentError) =>
        error.code === 'EINVAL' &&
        /cannot set 10\.77\.0\.100\/33 on interface \d+: .*Invalid prefix length/.test(error.message),
    );
    await assert.rejects(
      agent.ask('set', { ...setting(a, 'ipv4', null), linkIndex: 9_999 }),
      (error: AgentError) => error.code === 'ENODEV' && error.message.includes('no such interface'),
    );
  });

  it('are listed, and so are the interfaces', async (t) => {
    const { a } = startHosts(t);
    const agent = await a.agent(t);
    const links =
      await agent.ask<{ name: string; mac: string; isRunning: boolean; isEthernet: boolean }[]>('links');
    const link = links.find(({ name }) => name === LINK);
    assert.deepEqual([link?.mac, link?.isRunning, link?.isEthernet], [HOSTS.a.mac, true, true]);
    assert.equal(links.find(({ name }) => name === 'lo')?.isEthernet, false);
    const addresses = await agent.ask<{ address: string; prefixLength: number }[]>('addresses');
    const found = addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
    assert.ok(found.includes(`${HOSTS.a.ipv4}/24`) && found.includes(`${HOSTS.a.ipv6}/64`), String(found));
  });

  it('are listed whole where there are many', async (t) => {
    const { a } = startHosts(t);
    const agent = await a.agent(t);
    for (let count = 0; count < 2_000; count++) {
      const address = `10.78.${count >> 8}.${count & 255}`;
      await agent.ask('set', { ...setting(a, 'ipv4', null), address });
    }
    const addresses = await agent.ask<{ address: string }[]>('addresses');
    assert.equal(addresses.filter(({ address }) => address.startsWith('10.78.')).length, 2_000);
  });
});

describe('a watch of addresses and links', { skip }, () => {
  const linkTold = (
    agent: Agent,
    kind: string,
    isIt: (link: { name: string; isRunning: boolean }) => boolean,
  ) =>
    agent.tells(`${kind} of ${LINK}`, (event) => {
      const { kind: told, link } = event as unknown as {
        kind: string;
        link?: { name: string; isRunning: boolean };
      };
      return told === kind && link !== undefined && isIt(link);
    });

  it('tells what others do to an address', async (t) => {
    const { a } = startHosts(t);
    const agent = await a.agent(t);
    await agent.ask('watch');
    a.run('ip', 'address', 'add', '10.77.0.60/24', 'dev', LINK);
    await agent.tells('the new one', isAbout('address', '10.77.0.60'));
    a.run('ip', 'address', 'delete', '10.77.0.60/24', 'dev', LINK);
    await agent.tells('that it is gone', isAbout('address-gone', '10.77.0.60'));
  });

  it('tells of a cable pulled and put back, and that IPv6 addresses went with it', async (t) => {
    const { a, b } = startHosts(t);
    const agent = await a.agent(t);
    await agent.ask('watch');
    b.run('ip', 'link', 'set', LINK, 'down');
    await linkTold(agent, 'link', ({ name, isRunning }) => name === LINK && !isRunning);
    const before = agent.events.length;
    b.run('ip', 'link', 'set', LINK, 'up');
    await until('it runs again', () =>
      agent.events.slice(before).some((event) => {
        const { link } = event as unknown as { link?: { name: string; isRunning: boolean } };
        return link?.name === LINK && link.isRunning;
      }),
    );
    a.run('ip', 'link', 'set', LINK, 'down');
    await agent.tells('that the IPv6 address is gone', isAbout('address-gone', HOSTS.a.ipv6));
  });

  it('tells of an interface that vanishes, with its addresses', async (t) => {
    const { a } = startHosts(t);
    const agent = await a.agent(t);
    await agent.ask('watch');
    a.run('ip', 'link', 'delete', LINK);
    await linkTold(agent, 'link-gone', ({ name }) => name === LINK);
    await agent.tells('that the address is gone', isAbout('address-gone', HOSTS.a.ipv4));
  });

  it('does not take a link that leaves a bridge for one that is gone', async (t) => {
    const { a } = startHosts(t);
    const agent = await a.agent(t);
    a.run('ip', 'link', 'add', 'bridge0', 'type', 'bridge');
    a.run('ip', 'link', 'set', LINK, 'master', 'bridge0');
    await agent.ask('watch');
    a.run('ip', 'link', 'set', LINK, 'nomaster');
    a.run('ip', 'address', 'add', '10.77.0.60/24', 'dev', LINK);
    await agent.tells('what happened last', isAbout('address', '10.77.0.60'));
    assert.deepEqual(
      agent.events.filter((event) => changeOf(event).kind === 'link-gone'),
      [],
    );
  });

  it('says so when more happened than it could keep', async (t) => {
    const { a } = startHosts(t);
    const [agent, other] = [await a.agent(t), await a.agent(t)];
    await agent.ask('watch');
    const frozen = agent.ask('freeze', 4_000);
    const changes = Array.from({ length: 4_000 }, () => other.ask('set', setting(a, 'ipv4', 5)));
    await Promise.all(changes);
    await frozen;
    await agent.tells('that some is lost', (event) => changeOf(event).kind === 'lost');
    // And goes on.
    a.run('ip', 'address', 'add', '10.77.0.60/24', 'dev', LINK);
    await agent.tells('the news after', isAbout('address', '10.77.0.60'));
  });
});
