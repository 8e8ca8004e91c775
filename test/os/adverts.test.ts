// Adverts between two network namespaces, as they are on the wire.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../harness/wait.ts';
import { findNft } from '../../src/os/nft.ts';
import { HOSTS, LINK, type AgentError, skip, startHosts } from './hosts.ts';

/** A VRRPv2 advert; for IPv6 the kernel fills its checksum in, at the same place. */
const ADVERT = '21336401000170030a6300640000000000000000';
const IPV6_ADVERT = '3133640100640000fe800000000000000000000000000001';
const lacksNft = findNft() === null ? 'needs nftables' : false;
const GROUP = { ipv4: '224.0.0.18', ipv6: 'ff02::12' } as const;

describe('adverts between two hosts', { skip }, () => {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const hex = family === 'ipv4' ? ADVERT : IPV6_ADVERT;
    const group = GROUP[family];

    it(`go to the group from the chosen source with 255 hops left, over ${family} (vrrp.md 1.5)`, async (t) => {
      const { a, b } = startHosts(t);
      // A second address, so that the kernel's own choice would be another.
      const source = family === 'ipv4' ? '10.77.0.9' : 'fd77::9';
      a.run('ip', 'address', 'add', `${source}/${family === 'ipv4' ? 24 : 64}`, 'dev', LINK);
      const sender = await a.agent(t);
      const receiver = await b.agent(t);
      await sender.ask('open', 's', { link: a.link, source, group, hops: 255 });
      await receiver.ask('open', 'r', { link: b.link, source: HOSTS.b[family], group, hops: 255 });
      await sender.ask('send', 's', group, hex);

      const packet = await receiver.tells('an advert', ({ event }) => event === 'packet');
      assert.equal(packet['source'], source);
      assert.equal(packet['destination'], group);
      assert.equal(packet['hops'], 255);
      if (family === 'ipv4') assert.equal(packet['bytes'], hex);
      else {
        assert.equal((packet['bytes'] as string).length, hex.length);
        assert.notEqual(
          (packet['bytes'] as string).slice(12, 16),
          '0000',
          'the kernel filled no checksum in',
        );
      }
      await sender.quiet();
      assert.deepEqual(sender.events, [], 'our own adverts came back to us');
    });

    it(`go to a peer, from a source that need not be there yet, over ${family}`, async (t) => {
      const { a, b } = startHosts(t);
      const [sender, receiver] = [await a.agent(t), await b.agent(t)];
      const missing = family === 'ipv4' ? '10.77.0.50' : 'fd77::50';
      await sender.ask('open', 'early', { link: a.link, source: missing, group: null, hops: 255 });
      await sender.ask('open', 's', { link: a.link, source: HOSTS.a[family], group: null, hops: 64 });
      await receiver.ask('open', 'r', { link: b.link, source: HOSTS.b[family], group: null, hops: 255 });
      await receiver.ask('open', 'of the group', {
        link: b.link,
        source: HOSTS.b[family],
        group,
        hops: 255,
      });
      await sender.ask('send', 's', HOSTS.b[family], hex);
      await receiver.ask('send', 'r', HOSTS.a[family], hex);

      const there = await receiver.tells('the advert', ({ event }) => event === 'packet');
      assert.deepEqual(
        [there['name'], there['source'], there['destination'], there['hops']],
        ['r', HOSTS.a[family], HOSTS.b[family], 64],
      );
      const back = await sender.tells('the answer', ({ event }) => event === 'packet');
      assert.deepEqual([back['name'], back['source'], back['hops']], ['s', HOSTS.b[family], 255]);
      await receiver.quiet();
      assert.equal(receiver.events.length, 1, 'a unicast advert came to a socket of the group');
    });

    it(`refuse a source that is not there for multicast, over ${family}`, async (t) => {
      const { a } = startHosts(t);
      const sender = await a.agent(t);
      const source = family === 'ipv4' ? '10.77.0.50' : 'fd77::50';
      await assert.rejects(
        sender.ask('open', 's', { link: a.link, source, group, hops: 255 }),
        (error: AgentError) =>
          error.code === 'EADDRNOTAVAIL' && error.message.includes(`on ${LINK} for ${source}`),
      );
    });

    it(`arrive though their receiver was busy, more than one batch of them, over ${family}`, async (t) => {
      const { a, b } = startHosts(t);
      const [sender, receiver] = [await a.agent(t), await b.agent(t)];
      await sender.ask('open', 's', { link: a.link, source: HOSTS.a[family], group, hops: 255 });
      await receiver.ask('open', 'r', { link: b.link, source: HOSTS.b[family], group, hops: 255 });
      const frozen = receiver.ask('freeze', 300);
      await sender.ask('send', 's', group, hex, 150);
      await frozen;
      await receiver.tells('the last', () => receiver.told('packet').length === 150);
    });
  }

  it('go between link-local addresses, the usual source of IPv6 adverts', async (t) => {
    const { a, b } = startHosts(t);
    // Of the MAC addresses in hosts.ts (RFC 4291 appendix A).
    const [ours, theirs] = ['fe80::ff:fe00:7701', 'fe80::ff:fe00:7702'];
    const [sender, receiver] = [await a.agent(t), await b.agent(t)];
    await sender.ask('open', 'm', { link: a.link, source: ours, group: GROUP.ipv6, hops: 255 });
    await sender.ask('open', 'u', { link: a.link, source: ours, group: null, hops: 255 });
    await receiver.ask('open', 'm', { link: b.link, source: theirs, group: GROUP.ipv6, hops: 255 });
    await receiver.ask('open', 'u', { link: b.link, source: theirs, group: null, hops: 255 });
    await sender.ask('send', 'm', GROUP.ipv6, IPV6_ADVERT);
    await sender.ask('send', 'u', theirs, IPV6_ADVERT);
    await receiver.tells('the second', ({ event, name }) => event === 'packet' && name === 'u');
    await receiver.quiet();
    const came = receiver
      .told('packet')
      .map(({ name, source, destination }) => [name, source, destination].join(' '));
    assert.deepEqual(came.sort(), [`m ${ours} ${GROUP.ipv6}`, `u ${ours} ${theirs}`]);
  });

  it('stay quiet when the interface vanishes under them', async (t) => {
    const { b } = startHosts(t);
    const receiver = await b.agent(t);
    for (const family of ['ipv4', 'ipv6'] as const) {
      const options = { link: b.link, source: HOSTS.b[family], hops: 255 };
      await receiver.ask('open', `${family} group`, { ...options, group: GROUP[family] });
      await receiver.ask('open', `${family} peers`, { ...options, group: null });
    }
    b.run('ip', 'link', 'delete', LINK);
    await receiver.quiet();
    const before = await receiver.ask<number>('cpuMs');
    await receiver.quiet();
    assert.ok((await receiver.ask<number>('cpuMs')) - before < 50, 'it is spinning');
    assert.deepEqual(receiver.events, []);
  });

  it('fail when their IPv4 source was removed', async (t) => {
    const { a } = startHosts(t);
    const sender = await a.agent(t);
    await sender.ask('open', 's', { link: a.link, source: HOSTS.a.ipv4, group: GROUP.ipv4, hops: 255 });
    a.run('ip', 'address', 'delete', `${HOSTS.a.ipv4}/24`, 'dev', LINK);
    await assert.rejects(sender.ask('send', 's', GROUP.ipv4, ADVERT), (error: AgentError) => {
      assert.equal(error.code, 'ENETUNREACH');
      assert.match(error.message, /from 10\.77\.0\.1 .* does it still have the source address/);
      return true;
    });
  });

  it('arrive again when the interface was down, without opening anything anew', async (t) => {
    const { a, b } = startHosts(t);
    const [sender, receiver] = [await a.agent(t), await b.agent(t)];
    for (const family of ['ipv4', 'ipv6'] as const) {
      const source = family === 'ipv4' ? HOSTS.b.ipv4 : 'fe80::ff:fe00:7702';
      const from = family === 'ipv4' ? HOSTS.a.ipv4 : 'fe80::ff:fe00:7701';
      await sender.ask('open', family, { link: a.link, source: from, group: GROUP[family], hops: 255 });
      await receiver.ask('open', family, { link: b.link, source, group: GROUP[family], hops: 255 });
    }
    b.run('ip', 'link', 'set', LINK, 'down');
    b.run('ip', 'link', 'set', LINK, 'up');
    for (const family of ['ipv4', 'ipv6'] as const) {
      await until(`an advert over ${family}`, async () => {
        const hex = family === 'ipv4' ? ADVERT : IPV6_ADVERT;
        // Refused until the cable is up on our side too.
        await sender.ask('send', family, GROUP[family], hex).catch(() => {});
        return receiver.told('packet').some(({ name }) => name === family);
      });
    }
  });

  it(
    'carry the mark of network control and may be fragmented, as an IPv4 header says',
    { skip: lacksNft },
    async (t) => {
      const { a, b } = startHosts(t);
      const sender = await a.agent(t);
      await sender.ask('open', 's', { link: a.link, source: HOSTS.a.ipv4, group: GROUP.ipv4, hops: 255 });
      const counted = await b.agent(t);
      const rules = [
        'add table netdev t',
        `add chain netdev t c { type filter hook ingress device ${LINK} priority 0; }`,
        'add rule netdev t c ip protocol 112 ip dscp cs6 ip frag-off & 0x4000 == 0 ip ttl 255 counter',
      ];
      const loaded = await counted.ask<{ ok: boolean }>('nft', rules);
      if (!loaded.ok) {
        t.skip('kernel: no netdev tables');
        return;
      }
      await sender.ask('send', 's', GROUP.ipv4, ADVERT, 3);
      await counted.quiet();
      assert.match(b.run('nft', 'list', 'table', 'netdev', 't'), /counter packets 3 /);
    },
  );

  it(
    "say that it was the machine's own firewall that dropped one (vrrp.md 1.5)",
    { skip: lacksNft },
    async (t) => {
      const { a } = startHosts(t);
      const sender = await a.agent(t);
      const rules = [
        'add table inet t',
        'add chain inet t c { type filter hook output priority 0; }',
        'add rule inet t c meta l4proto 112 drop',
      ];
      if (!(await sender.ask<{ ok: boolean }>('nft', rules)).ok) {
        t.skip('kernel: no inet tables');
        return;
      }
      await sender.ask('open', 's', { link: a.link, source: HOSTS.a.ipv4, group: GROUP.ipv4, hops: 255 });
      await assert.rejects(sender.ask('send', 's', GROUP.ipv4, ADVERT), (error: AgentError) => {
        assert.equal(error.code, 'EPERM');
        assert.match(error.message, /firewall drops it: let it out \(for VRRP: IP protocol 112/);
        return true;
      });
    },
  );

  it('fail with the reason when the interface is down, and when it is gone', async (t) => {
    const { a } = startHosts(t);
    const sender = await a.agent(t);
    await sender.ask('open', 's', { link: a.link, source: HOSTS.a.ipv4, group: GROUP.ipv4, hops: 255 });
    a.run('ip', 'link', 'set', LINK, 'down');
    await assert.rejects(
      sender.ask('send', 's', GROUP.ipv4, ADVERT),
      (error: AgentError) => error.code === 'ENETDOWN' || error.code === 'ENETUNREACH',
    );
    a.run('ip', 'link', 'delete', LINK);
    await assert.rejects(
      sender.ask('send', 's', GROUP.ipv4, ADVERT),
      (error: AgentError) =>
        error.code === 'ENODEV' || error.code === 'ENXIO' || error.code === 'ENETUNREACH',
    );
    await assert.rejects(
      sender.ask('open', 'again', { link: a.link, source: HOSTS.a.ipv4, group: GROUP.ipv4, hops: 255 }),
      (error: AgentError) => error.code === 'ENODEV' && error.message.includes('no such interface'),
    );
  });
});
