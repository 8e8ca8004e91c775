// The nat path between four machines on one network, each a network namespace: a client, a gateway that has the endpoint's
// addresses, and two with a Redis each. The `conntrack` tool is the judge of what is tracked.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type TestContext, after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Target } from '../../src/endpoint/route.ts';
import { findNft } from '../../src/os/nft.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { serverFiles } from '../harness/fleet.ts';
import { pause, until } from '../harness/wait.ts';
import { type Agent, type AgentError, run, skip as lacksNamespaces, startAgent } from '../os/hosts.ts';
import type { RouteOrder } from './inside.ts';

const ENTRY = 'test/endpoint/inside.ts';
const TABLE = 'baton_test';
const PORT = 6400;
const ENDPOINT: Target[] = ['10.77.0.100', 'fd77::100'].map((host) => ({ host, port: PORT }));
const LEASE_MS = 1_500;
/** A retransmission takes 0.2 s; a client that ignores resets would take until the connection times out. */
const RESET_MS_MAX = 30_000;
const id = `baton-${process.pid}`;
const [gateway, client, one, two] = ['gateway', 'client', 'one', 'two'].map((name) => `${id}-${name}`) as [
  string,
  string,
  string,
  string,
];

function lacksNat(): string | false {
  if (lacksNamespaces !== false) return lacksNamespaces;
  if (findNft() === null) return 'needs nftables';
  if (spawnSync('conntrack', ['--version']).status !== 0) return 'needs conntrack';
  const probe = `${id}-probe`;
  run('ip', 'netns', 'add', probe);
  try {
    const rule = 'add table inet t; add chain inet t c { type nat hook output priority -100; }';
    const able = spawnSync('ip', ['netns', 'exec', probe, 'nft', rule]).status === 0;
    return able ? false : 'kernel: no NAT by nftables';
  } finally {
    run('ip', 'netns', 'delete', probe);
  }
}

interface Connected {
  readonly redis: number;
}

interface Clients {
  readonly remote: Agent;
  readonly local: Agent;
}

interface Deaf {
  readonly daemon: Agent;
  readonly led: { readonly agent: Agent; readonly name: string }[];
  /** Without servers: to the deaf ones. */
  readonly lead: (generation: number, servers?: readonly ManagedServer[]) => Promise<void>;
}

/** Whether the kernel shows packets that it bridges to nftables, as on hosts of containers: they take other ways then. */
const BRIDGE_FILTERS = existsSync('/proc/sys/net/bridge')
  ? ['1', '0'].map((value) => ({
      words: `bridged packets ${value === '1' ? '' : 'not '}being filtered`,
      settings: ['iptables', 'ip6tables'].map((name) => `net.bridge.bridge-nf-call-${name}=${value}`),
    }))
  : [{ words: 'no br_netfilter being there', settings: [] }];

describe('the nat path', { skip: lacksNat() }, () => {
  let first: ManagedServer;
  let second: ManagedServer;
  const at = (namespace: string, ...words: readonly string[]): string =>
    run('ip', 'netns', 'exec', namespace, ...words);

  before(async () => {
    for (const namespace of [gateway, client, one, two]) {
      run('ip', 'netns', 'add', namespace);
      // IPv6 addresses are usable at once.
      at(namespace, 'sh', '-c', 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad');
      run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
    }
    at(gateway, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    run('ip', '-n', gateway, 'link', 'add', 'bridge0', 'type', 'bridge');
    run('ip', '-n', gateway, 'link', 'set', 'bridge0', 'up');
    for (const address of ['10.77.0.254/24', '10.77.0.100/32', 'fd77::254/64', 'fd77::100/128']) {
      run('ip', '-n', gateway, 'address', 'add', address, 'dev', 'bridge0');
    }
    for (const [index, namespace] of [
      [1, one],
      [2, two],
      [3, client],
    ] as const) {
      const end = `port${index}`;
      run(
        'ip',
        '-n',
        gateway,
        'link',
        'add',
        end,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        namespace,
      );
      run('ip', '-n', gateway, 'link', 'set', end, 'master', 'bridge0', 'up');
      run('ip', '-n', namespace, 'address', 'add', `10.77.0.${index}/24`, 'dev', 'eth0');
      run('ip', '-n', namespace, 'address', 'add', `fd77::${index + 10}/64`, 'dev', 'eth0');
      run('ip', '-n', namespace, 'link', 'set', 'eth0', 'up');
    }
    const files = await serverFiles('redis');
    const start = (namespace: string, index: number, port: number): Promise<ManagedServer> =>
      ManagedServer.start({
        files,
        port,
        host: `10.77.0.${index}`,
        directives: [`bind 10.77.0.${index} fd77::${index + 10}`, 'protected-mode no'],
        wrapper: ['ip', 'netns', 'exec', namespace],
        readyOutput: /Ready to accept connections/,
      });
    first = await start(one, 1, 7_001);
    second = await start(two, 2, 7_002);
  });

  after(async () => {
    await first.dispose();
    await second.dispose();
    for (const namespace of [gateway, client, one, two]) run('ip', 'netns', 'delete', namespace);
  });

  const inside = (t: TestContext, namespace: string): Promise<Agent> =>
    startAgent(t, ['ip', 'netns', 'exec', namespace], ENTRY);

  /** To both addresses of a server. */
  const route = (generation: number, over: Partial<RouteOrder>, ...servers: ManagedServer[]): RouteOrder => ({
    endpoint: 'main',
    generation,
    servers: servers.flatMap(({ name, host, port }) =>
      [host, host === '10.77.0.1' ? 'fd77::11' : 'fd77::12'].map((address) => ({
        name,
        host: address,
        port,
        weight: 1,
        connectionsMax: null,
      })),
    ),
    balance: 'roundrobin',
    standsMs: null,
    endsOthers: true,
    because: 'the test says so',
    ...over,
  });

  const open = async (t: TestContext): Promise<Agent> => {
    const daemon = await inside(t, gateway);
    // What a killed one left behind would be in the way of the next test, not of this daemon.
    t.after(() => spawnSync('ip', ['netns', 'exec', gateway, 'nft', `delete table inet ${TABLE}`]));
    assert.equal(
      await daemon.ask('openNatPath', { table: TABLE, masquerade: 'auto' }, [['main', ENDPOINT]]),
      null,
    );
    return daemon;
  };

  const connect = (agent: Agent, name: string, host = '10.77.0.100', port = PORT): Promise<Connected> =>
    agent.ask('connect', name, host, port);
  const isRefused = (agent: Agent, host?: string): Promise<void> =>
    assert.rejects(connect(agent, 'refused', host), (error: AgentError) => error.code === 'ECONNREFUSED');
  const leadsTo = (agent: Agent, server: ManagedServer, host = '10.77.0.100'): Promise<true> =>
    until(
      `clients of ${host} are led to ${server.name}`,
      async () => (await connect(agent, 'probe', host)).redis === server.port,
    );
  const isClosed = (agent: Agent, name: string): Promise<true> =>
    until(`${name} is closed`, () => agent.told('closed').some((event) => event['name'] === name));

  it('leads remote and local clients, IPv4 and IPv6, and ends what leads to the old server at a switch', async (t) => {
    const foreign = 'add table inet foreign; add chain inet foreign c { type filter hook input priority 0; }';
    at(gateway, 'nft', foreign);
    t.after(() => at(gateway, 'nft', 'delete table inet foreign'));
    const before = at(gateway, 'nft', 'list table inet foreign');
    const [daemon, remote, local] = [await open(t), await inside(t, client), await inside(t, gateway)];
    await isRefused(remote);
    await isRefused(remote, 'fd77::100');
    await isRefused(local);
    await daemon.ask('apply', route(1, { standsMs: 60_000 }, first));
    await leadsTo(remote, first);
    for (const [agent, name] of [
      [remote, 'remote'],
      [local, 'local'],
    ] as const) {
      assert.equal((await connect(agent, `${name} 4`)).redis, first.port);
      assert.equal((await connect(agent, `${name} 6`, 'fd77::100')).redis, first.port);
    }
    await remote.ask('connect', 'direct', first.host, first.port);

    // Nobody sends a byte: the old server is asked to close them.
    await daemon.ask('apply', route(2, { standsMs: 60_000 }, second));
    for (const name of ['remote 4', 'remote 6']) await isClosed(remote, name);
    for (const name of ['local 4', 'local 6']) await isClosed(local, name);
    assert.equal((await connect(remote, 'new')).redis, second.port);
    assert.equal((await connect(remote, 'new 6', 'fd77::100')).redis, second.port);
    assert.equal(await remote.ask('ping', 'direct'), 'PONG');
    // A datagram for the same address and port is none of our business.
    assert.deepEqual(await local.ask('datagram', '10.77.0.100', PORT), {
      peer: `10.77.0.100 ${PORT}`,
      text: 'hello',
    });
    assert.deepEqual(daemon.told('warning'), []);
    const { sentences } = await daemon.ask<{ sentences: string[] }>('status');
    assert.doesNotMatch(sentences.join(' '), /This host does not have/);

    // Everything is taken back, and nothing else.
    await daemon.ask('close');
    await isClosed(remote, 'new');
    assert.doesNotMatch(at(gateway, 'nft', 'list tables'), new RegExp(TABLE));
    assert.equal(at(gateway, 'nft', 'list table inet foreign'), before);
    assert.equal(
      at(gateway, 'conntrack', '-L', '-d', '10.77.0.100', '-p', 'tcp', '--state', 'ESTABLISHED'),
      '',
    );
    await isRefused(remote);
    assert.equal(await remote.ask('ping', 'direct'), 'PONG');
  });

  it('leaves connections alone where a change is for new clients only, and deals clients evenly', async (t) => {
    const [daemon, remote] = [await open(t), await inside(t, client)];
    await daemon.ask('apply', route(1, {}, first, second));
    await until('it leads', () => connect(remote, 'probe').then(() => true));
    assert.deepEqual(await remote.ask('count', '10.77.0.100', PORT, 24), {
      [first.port]: 12,
      [second.port]: 12,
    });
    // One client, one server.
    await daemon.ask('apply', route(2, { balance: 'source' }, first, second));
    const sticky = (): Promise<Record<string, number>> => remote.ask('count', '10.77.0.100', PORT, 12);
    await until('all go to one', async () => Object.keys(await sticky()).length === 1);
    // The list is one that can be read.
    assert.match(at(gateway, 'nft', 'list', 'table', 'inet', TABLE), /jhash ip saddr mod 12/);

    await daemon.ask('apply', route(3, {}, first));
    await leadsTo(remote, first);
    await connect(remote, 'kept');
    await daemon.ask('apply', route(4, { endsOthers: false }, second));
    await leadsTo(remote, second);
    assert.equal(await remote.ask('ping', 'kept'), 'PONG');
    // One that gets no new clients may keep those that it has.
    const kept = { host: first.host, port: first.port };
    await daemon.ask('apply', route(5, { keeps: [kept] }, second));
    await leadsTo(remote, second);
    await connect(remote, 'new');
    assert.equal(await remote.ask('ping', 'kept'), 'PONG');
    // By order, the clients of one server are closed, and no others.
    await daemon.ask('endSessions', ['other'], kept);
    await daemon.ask('endSessions', ['main'], kept);
    await isClosed(remote, 'kept');
    assert.equal(await remote.ask('ping', 'new'), 'PONG');
    await daemon.ask('apply', route(6, {}));
    await isClosed(remote, 'new');
    await isRefused(remote);
  });

  /** A client here and one elsewhere, and servers that close nobody, here and elsewhere. */
  const startDeaf = async (t: TestContext): Promise<Clients> => {
    const [elsewhere, remote, local] = [
      await inside(t, two),
      await inside(t, client),
      await inside(t, gateway),
    ];
    for (const host of ['10.77.0.2', 'fd77::12']) await elsewhere.ask('listen', host, 7_003);
    for (const host of ['10.77.0.254', 'fd77::254']) await local.ask('listen', host, 7_003);
    return { remote, local };
  };

  /** A daemon whose endpoints lead to these servers, and each client connected to each, by IPv4 and IPv6. */
  const leadToDeaf = async (
    t: TestContext,
    { remote, local }: Clients,
    standsMs: number | null,
  ): Promise<Deaf> => {
    const ports = { main: PORT, own: PORT + 1 };
    const listens = Object.entries(ports).map(([name, port]) => [
      name,
      ENDPOINT.map(({ host }) => ({ host, port })),
    ]);
    const daemon = await inside(t, gateway);
    t.after(() => spawnSync('ip', ['netns', 'exec', gateway, 'nft', `delete table inet ${TABLE}`]));
    assert.equal(await daemon.ask('openNatPath', { table: TABLE, masquerade: 'auto' }, listens), null);
    const lead = async (generation: number, servers: readonly ManagedServer[] = []): Promise<void> => {
      const own = { main: ['10.77.0.2', 'fd77::12'], own: ['10.77.0.254', 'fd77::254'] };
      for (const endpoint of ['main', 'own'] as const) {
        const deaf = own[endpoint].map((host) => ({
          name: 'deaf',
          host,
          port: 7_003,
          weight: 1,
          connectionsMax: null,
        }));
        const order = route(generation, { endpoint, standsMs }, ...servers);
        await daemon.ask('apply', servers.length === 0 ? { ...order, servers: deaf } : order);
      }
    };
    await lead(1);
    const led: Deaf['led'] = [];
    for (const [endpoint, port] of Object.entries(ports)) {
      for (const { host } of ENDPOINT) {
        for (const agent of [remote, local]) {
          const name = `${endpoint} ${host}`;
          await until(`${name} leads`, () =>
            agent.ask('connect', name, host, port).then(
              () => true,
              () => false,
            ),
          );
          led.push({ agent, name });
        }
      }
    }
    return { daemon, lead, led };
  };

  /** Each is reset at its first packet from now on: a second would be counted too. */
  const areResetAtNextPacket = async (
    led: Deaf['led'],
    // A rule for each endpoint and family; a client here and one elsewhere.
    packets: readonly string[] = ['2', '2', '2', '2'],
  ): Promise<void> => {
    for (const { agent, name } of led) {
      const patience = new AbortController();
      const silence = setTimeout(RESET_MS_MAX, null, { signal: patience.signal }).then(() =>
        assert.fail(`${name} hears nothing`),
      );
      const asked = agent.ask('ping', name);
      await assert.rejects(
        Promise.race([asked, silence]),
        (error: AgentError) => error.code === 'ECONNRESET',
        name,
      );
      patience.abort();
    }
    const counts = [...at(gateway, 'nft', `list chain inet ${TABLE} guard`).matchAll(/packets (\d+)/g)];
    assert.deepEqual(
      counts.map(([, count]) => count),
      packets,
    );
  };

  for (const filters of BRIDGE_FILTERS) {
    it(`resets a client at its next packet after a switch, and after its daemon was killed, ${filters.words}`, async (t) => {
      for (const name of filters.settings) at(gateway, 'sysctl', '-qw', name);
      const clients = await startDeaf(t);
      const { remote } = clients;
      const switched = await leadToDeaf(t, clients, null);
      await switched.lead(2, [first]);
      // Not by connecting: one that still comes to the old server would be reset, and counted, too.
      await until('it is written', () => !at(gateway, 'nft', `list table inet ${TABLE}`).includes(' . 7003'));
      await areResetAtNextPacket(switched.led);
      await switched.daemon.ask('close');

      // Refreshed for longer than it stands.
      const { daemon, lead, led } = await leadToDeaf(t, clients, LEASE_MS);
      const endAtMs = performance.now() + LEASE_MS + 500;
      while (performance.now() < endAtMs) {
        await lead(1);
        await pause(200);
      }
      for (const { agent, name } of led) assert.equal(await agent.ask('ping', name), 'PONG');
      // Two that send nothing by themselves, but see every second whether anybody is there.
      for (const { host } of ENDPOINT) await connect(remote, `idle ${host}`, host);
      for (const { host } of ENDPOINT) await remote.ask('keepAlive', `idle ${host}`);
      daemon.process.kill('SIGKILL');
      await daemon.ended;
      // Who comes before that is led, and would be reset, and counted, too.
      await pause(LEASE_MS);
      await until('new clients are refused', () => isRefused(remote).then(() => true));
      await isRefused(remote, 'fd77::100');
      for (const { host } of ENDPOINT) await isClosed(remote, `idle ${host}`);
      await areResetAtNextPacket(led, ['3', '3', '2', '2']);

      // What it left is no obstacle.
      const successor = await open(t);
      await successor.ask('apply', route(1, {}, second));
      await leadsTo(remote, second);
    });
  }

  it('restores its rules when somebody deletes them, some or all', async (t) => {
    const [daemon, remote] = [await open(t), await inside(t, client)];
    await daemon.ask('apply', route(1, {}, first));
    await leadsTo(remote, first);
    for (const [count, command] of [
      `delete table inet ${TABLE}`,
      `flush chain inet ${TABLE} lead`,
      'flush ruleset',
    ].entries()) {
      at(gateway, 'nft', command);
      await until('it says so', () => daemon.told('warning').length > count);
      await leadsTo(remote, first);
    }
    assert.ok(
      daemon
        .told('warning')
        .every(
          ({ sentence }) => sentence === `Somebody changed the nftables table inet ${TABLE}: it is restored.`,
        ),
    );
    assert.equal((await daemon.ask<{ restored: number }>('status')).restored, daemon.told('warning').length);
  });

  it("follows this machine's addresses, and leaves alone one that a server of its own is at", async (t) => {
    const [daemon, remote] = [await inside(t, gateway), await inside(t, client)];
    t.after(() => spawnSync('ip', ['netns', 'exec', gateway, 'nft', `delete table inet ${TABLE}`]));
    const listens = [
      ['main', [{ host: '*', port: PORT }]],
      ['other', [{ host: '10.77.0.100', port: PORT + 1 }]],
    ];
    assert.equal(await daemon.ask('openNatPath', { table: TABLE, masquerade: 'auto' }, listens), null);
    for (const endpoint of ['main', 'other']) await daemon.ask('apply', route(1, { endpoint }, first));
    for (const host of ['10.77.0.100', '10.77.0.254']) await leadsTo(remote, first, host);
    await connect(remote, 'kept');

    // One more, which is a server's later on; and then no more.
    const added = (verb: string): string =>
      run('ip', '-n', gateway, 'address', verb, '10.77.0.101/24', 'dev', 'bridge0');
    added('add');
    t.after(() => spawnSync('ip', ['-n', gateway, 'address', 'delete', '10.77.0.101/24', 'dev', 'bridge0']));
    const leads = (): Promise<true> =>
      until('it leads', () => leadsTo(remote, first, '10.77.0.101').catch(() => false));
    await leads();
    await connect(remote, 'early', '10.77.0.101');
    await daemon.ask('avoid', 'main', [{ host: '10.77.0.101', port: PORT }]);
    await isClosed(remote, 'early');
    await until('whoever asks for it gets what is there', () =>
      isRefused(remote, '10.77.0.101').then(
        () => !at(gateway, 'nft', 'list ruleset').includes('10.77.0.101'),
      ),
    );
    assert.deepEqual(
      daemon.told('warning').map(({ sentence }) => sentence),
      [
        `main: its own server 10.77.0.101:${PORT} listens at an address that clients are to be led from: whoever asks for it gets that server, primary or not; choose another port, or name the addresses of this host that clients use.`,
      ],
    );
    await daemon.ask('avoid', 'main', []);
    await leads();
    await connect(remote, 'late', '10.77.0.101');
    added('delete');
    await until('it is left', () => !at(gateway, 'nft', 'list ruleset').includes('10.77.0.101'));

    // A link that is down for a moment keeps its addresses, and its connections.
    at(gateway, 'sysctl', '-qw', 'net.ipv6.conf.bridge0.keep_addr_on_down=1');
    for (const state of ['down', 'up']) run('ip', '-n', gateway, 'link', 'set', 'bridge0', state);
    await pause(500);
    assert.equal(await remote.ask('ping', 'kept'), 'PONG');

    // One endpoint goes, the other stays.
    await connect(remote, 'other', '10.77.0.100', PORT + 1);
    await daemon.ask('drop', ['main']);
    await isClosed(remote, 'kept');
    assert.doesNotMatch(at(gateway, 'nft', 'list ruleset'), new RegExp(`dport ${PORT} `));
    await isRefused(remote);
    assert.equal(await remote.ask('ping', 'other'), 'PONG');
    assert.equal((await connect(remote, 'more', '10.77.0.100', PORT + 1)).redis, first.port);
    assert.equal(daemon.told('warning').length, 1);
  });

  it('sends a client whose SYN got no answer to the new server', async (t) => {
    const [daemon, remote] = [await open(t), await inside(t, client)];
    t.after(() => run('ip', '-n', one, 'link', 'set', 'eth0', 'up'));
    await daemon.ask('apply', route(1, {}, first));
    await leadsTo(remote, first);
    // Silence, and a neighbour who is known, so that nobody says that it is unreachable.
    const mac = /link\/ether (\S+)/.exec(run('ip', '-n', one, 'link', 'show', 'eth0'))?.[1] ?? '';
    run('ip', '-n', gateway, 'neighbour', 'replace', '10.77.0.1', 'lladdr', mac, 'dev', 'bridge0');
    run('ip', '-n', one, 'link', 'set', 'eth0', 'down');
    const pending = connect(remote, 'pending');
    const halfOpen = (): string => at(gateway, 'conntrack', '-L', '-p', 'tcp', '--state', 'SYN_SENT');
    await until('it is half-open', () => halfOpen().includes('dst=10.77.0.100'));
    await daemon.ask('apply', route(2, {}, second));
    assert.equal((await pending).redis, second.port);
  });

  it('says what is missing: nft, the permission, forwarding, or an address that can be led from', async (t) => {
    const daemon = await inside(t, gateway);
    const refusal = (listens: unknown, options: object = {}): Promise<string> =>
      daemon.ask('openNatPath', { table: TABLE, masquerade: 'auto', ...options }, [['main', listens]]);
    assert.equal(
      await refusal(ENDPOINT, { nftFile: null }),
      'nft is not installed: apt-get install nftables',
    );
    assert.equal(
      await refusal([{ host: '127.0.0.1', port: PORT }]),
      `127.0.0.1:${PORT} is a loopback address, which nat cannot lead clients from: name an address of this machine, or use --path socket or --path relay`,
    );
    assert.match(await refusal([{ host: 'fe80::1', port: PORT }]), /is a link-local address/);

    at(gateway, 'sysctl', '-qw', 'net.ipv4.ip_forward=0');
    t.after(() => at(gateway, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'));
    const still = await open(t);
    for (const generation of [1, 2]) await still.ask('apply', route(generation, {}, first));
    await until('it says so', () => still.told('warning').length > 0);
    assert.deepEqual(
      still.told('warning').map(({ sentence }) => sentence),
      [
        'Clients of other machines cannot reach 10.77.0.1:7001: this machine does not forward IPv4: sysctl -w net.ipv4.ip_forward=1, and a line in /etc/sysctl.d/ to keep it.',
      ],
    );
    // A firewall's policy, as Docker sets it: it is said, and left alone.
    const firewall = 'add table ip filter; add chain ip filter FORWARD';
    at(gateway, 'nft', `${firewall} { type filter hook forward priority 0; policy drop; }`);
    t.after(() => spawnSync('ip', ['netns', 'exec', gateway, 'nft', 'delete table ip filter']));
    const asSet = at(gateway, 'nft', 'list table ip filter');
    for (const generation of [3, 4]) await still.ask('apply', route(generation, {}, first));
    await until('it says that, too', () => still.told('warning').length > 1);
    assert.match(
      String(still.told('warning')[1]?.['sentence']),
      /^Clients of other machines may not reach 10\.77\.0\.1:7001: chain FORWARD of the nftables table ip filter drops .*iptables -I FORWARD/,
    );
    assert.equal(still.told('warning').length, 2);
    assert.equal(at(gateway, 'nft', 'list table ip filter'), asSet);
    await still.ask('close');
    // With a rule as advised, of that chain nothing more is said; both are looked at together.
    at(gateway, 'nft', 'add table ip other; add chain ip other fw');
    t.after(() => spawnSync('ip', ['netns', 'exec', gateway, 'nft', 'delete table ip other']));
    at(gateway, 'nft', 'add chain ip other late { type filter hook forward priority 1; policy drop; }');
    at(gateway, 'nft', 'insert rule ip filter FORWARD counter ct status dnat accept');
    const advised = await open(t);
    await advised.ask('apply', route(1, {}, first));
    const said = (): string => JSON.stringify(advised.told('warning'));
    await until('it says so of the other', () => /chain late of the nftables table ip other/.test(said()));
    assert.doesNotMatch(said(), /chain FORWARD/);
    at(gateway, 'nft', 'delete table ip other');
    await advised.ask('close');

    // What is nobody's here may still be routed through here.
    const routed = { host: '10.77.0.200', port: PORT };
    assert.equal(
      await still.ask('openNatPath', { table: TABLE, masquerade: 'auto' }, [['main', [routed]]]),
      null,
    );
    const { sentences } = await still.ask<{ sentences: string[] }>('status');
    assert.match(
      sentences.join(' '),
      /This host does not have 10\.77\.0\.200:6400: it leads those clients whose/,
    );
    await still.ask('close');

    const caps = '+dac_read_search';
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const wrapper = [
      'ip',
      'netns',
      'exec',
      gateway,
      ...nobody,
      `--inh-caps=${caps}`,
      `--ambient-caps=${caps}`,
    ];
    const powerless = await startAgent(t, wrapper, ENTRY);
    const options = { table: TABLE, masquerade: 'auto' };
    assert.match(
      await powerless.ask('openNatPath', options, [['main', ENDPOINT]]),
      /^nft refused: .*not permitted.*needs CAP_NET_ADMIN: run as root/s,
    );
  });
});
