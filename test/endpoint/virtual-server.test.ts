// keepalived's virtual servers by `baton vrrp` beside a real virtual router: two Redis servers and one that says sorry on
// host b, clients there too, and everything that is told of who lives and who dies (vrrp.md §2.3).

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { askDaemon } from '../../src/cli/control-client.ts';
import type { KeepalivedStatus } from '../../src/daemon/keepalived-daemon.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { serverFiles } from '../harness/fleet.ts';
import { writeRedisCli } from '../harness/redis-cli.ts';
import { skip as lacksNamespaces, startHosts, HOSTS, LINK, type Cleanup, type Host } from '../os/hosts.ts';
import { type Baton, Folder, instance, startBaton, VIRTUAL } from '../vrrp/baton.ts';
import { bundleProcess, startCommand } from '../vrrp/routers.ts';

const [A, B, SORRY] = [7001, 7002, 7003];
const SERVERS = HOSTS.b.ipv4;

async function startRedis(test: Cleanup, host: Host, port: number): Promise<ManagedServer> {
  const server = await ManagedServer.start({
    files: await serverFiles('redis'),
    host: SERVERS,
    port,
    wrapper: ['ip', 'netns', 'exec', host.namespace],
    readyOutput: /Ready to accept connections/,
    directives: ['protected-mode no'],
  });
  test.after(() => server.dispose());
  return server;
}

const realServer = (folder: Folder, port: number): string => `real_server ${SERVERS} ${port} {
    notify_up "${folder.in('hook')} real up ${port}"
    notify_down "${folder.in('hook')} real down ${port}"
    TCP_CHECK {
      connect_timeout 2
      retry 1
      delay_before_retry 0.1
    }
  }`;

const virtualServer = (folder: Folder, address: string, port: number, ...more: string[]): string =>
  `virtual_server ${address} ${port} {
  delay_loop 0.3
  lb_algo rr
  lb_kind NAT
  ${more.join('\n  ')}
  ${realServer(folder, A)}
  ${realServer(folder, B)}
}
`;

/** Asks a Redis through an address of host a: which of the servers is it? Whatever goes wrong is an answer, too. */
function ask(client: Host, cli: string, address: string, port: number): string {
  try {
    return (
      client
        .run('timeout', '5', cli, '-h', address, '-p', `${port}`, 'CONFIG', 'GET', 'port')
        .split('\n')[1] ?? ''
    );
  } catch {
    return 'nobody';
  }
}

/** Who answers several times in a row. */
const answering = (client: Host, cli: string, port = 6379): string[] =>
  [...new Set([1, 2, 3, 4].map(() => ask(client, cli, VIRTUAL, port)))].toSorted();

async function statusOf(baton: Baton): Promise<KeepalivedStatus> {
  const answer = await askDaemon(baton.folder.in('run/vrrp-keepalived.sock'), '/status');
  assert.ok(answer.ok, answer.ok ? '' : answer.problem.sentence);
  return answer.value as KeepalivedStatus;
}

describe('virtual servers of baton vrrp', { skip: lacksNamespaces }, () => {
  it('follow life and death of their servers, tell them in order, and are reloaded under way', async (t) => {
    const { a, b } = startHosts(t);
    const folder = new Folder();
    const cli = writeRedisCli(folder.path, await serverFiles('redis'));
    folder.script('hook', 'echo "$@" >> "$out/told"');
    folder.script('reader', 'exec cat "$1" >> "$out/fifo"');
    const [first, second] = [
      await startRedis(t, b, A),
      await startRedis(t, b, B),
      await startRedis(t, b, SORRY),
    ];
    const globals = `global_defs {
  script_user root
  router_id lb1
  smtp_server ${HOSTS.b.ipv4}
  notification_email {
    ops@example.org
  }
  lvs_notify_fifo ${folder.in('fifo')}
  lvs_notify_fifo_script "${folder.in('reader')}"
}
`;
    const bundle = await bundleProcess('smtp-relay-process');
    const mail = startCommand(t, b, [process.execPath, bundle, HOSTS.b.ipv4, '25']);
    await mail.says('listening');
    const quorum = [
      'omega',
      `quorum_up "${folder.in('hook')} quorum up"`,
      `quorum_down "${folder.in('hook')} quorum down"`,
      `sorry_server ${SERVERS} ${SORRY}`,
    ];
    const text = globals + instance('VI_1', 51, 100) + virtualServer(folder, VIRTUAL, 6379, ...quorum);
    const baton = startBaton(t, a, folder, text);
    const told = (owner: string): string[] =>
      folder
        .lines('told')
        .filter((line) => line.startsWith(owner))
        .map((line) => line.slice(owner.length + 1));
    const leadsTo = (...ports: number[]): Promise<boolean> =>
      baton.until(`clients to be led to ${ports.join(' and ')}`, () => {
        const wanted = ports.map(String).toSorted();
        return JSON.stringify(answering(b, cli)) === JSON.stringify(wanted);
      });

    // The port was open before the address was there.
    await baton.takes();
    await leadsTo(A, B);
    await baton.until('the quorum to be told', () => told('quorum').length === 1);
    assert.deepEqual(told('real'), [], 'without alpha a server that lives is no news');

    await first.kill();
    await leadsTo(B);
    await baton.until('its death to be told', () => told('real').length === 1);
    await second.kill();
    await leadsTo(SORRY);
    for (const port of [A, B]) {
      await mail.says(
        `[lb1] Realserver [${SERVERS}]:tcp:${port} of virtual server [${VIRTUAL}]:tcp:6379 - DOWN`,
      );
    }
    await baton.until('the quorum to be told', () => told('quorum').length === 2);
    const { snapshot, servers } = await statusOf(baton);
    assert.equal(snapshot?.routers[0]?.state, 'active');
    assert.equal(servers?.snapshot.backends[0]?.hasQuorum, false);
    await first.restart();
    await leadsTo(A);
    await second.restart();
    await leadsTo(A, B);
    await baton.until('both to be told', () => told('real').length === 4);
    assert.deepEqual(told('real'), [`down ${A}`, `down ${B}`, `up ${A}`, `up ${B}`]);
    assert.deepEqual(told('quorum'), ['up', 'down', 'up']);
    // The server is told before what its death means, each time.
    const service = `[${VIRTUAL}]:tcp:6379`;
    const real = (port: number): string => `RS [${SERVERS}]:tcp:${port} ${service}`;
    const inOrder = [
      `VS ${service} UP`,
      `${real(A)} DOWN`,
      `${real(B)} DOWN`,
      `VS ${service} DOWN`,
      `${real(A)} UP`,
      `VS ${service} UP`,
      `${real(B)} UP`,
    ];
    await baton.until('the FIFO to be read', () => folder.lines('fifo').length === inOrder.length);
    assert.deepEqual(folder.lines('fifo'), inOrder);

    // A client of what stays does not notice a reload that adds a virtual server and takes it away again.
    const subscriber = startCommand(t, b, [cli, '-h', VIRTUAL, '-p', '6379', 'SUBSCRIBE', 'news']);
    await subscriber.says('subscribe');
    const other = virtualServer(folder, VIRTUAL, 6380);
    folder.write('keepalived.conf', text + other);
    baton.signal('SIGHUP');
    await baton.until('the new port', () => /700[12]/.test(ask(b, cli, VIRTUAL, 6380)));
    folder.write('keepalived.conf', text);
    baton.signal('SIGHUP');
    await baton.until('the new port to be closed', () => ask(b, cli, VIRTUAL, 6380) === 'nobody');
    for (const port of [A, B]) b.run(cli, '-h', SERVERS, '-p', `${port}`, 'PUBLISH', 'news', 'still here');
    await subscriber.says('still here');
    // A file that can't be used changes nothing.
    folder.write('keepalived.conf', text.replace('lb_algo rr', 'lb_algo rr\n  protocol UDP'));
    baton.signal('SIGHUP');
    await baton.says(/keepalived\.conf:\d+:\d+: protocol UDP is not served/);
    await leadsTo(A, B);

    // Without its instance the file has only virtual servers left, and the address is let go.
    folder.write('keepalived.conf', globals + virtualServer(folder, VIRTUAL, 6379, ...quorum));
    baton.signal('SIGHUP');
    await baton.drops();
    assert.equal(await baton.stop(), 0);
    assert.deepEqual(told('real').slice(4).toSorted(), [`down ${A}`, `down ${B}`]);
    assert.deepEqual(told('quorum').slice(3), ['down'], 'omega');
    assert.equal(ask(b, cli, SERVERS, A), String(A), 'the servers live on');
  });

  it('run alone and without any capability with -C, before their address is there', async (t) => {
    const { a, b } = startHosts(t);
    const folder = new Folder();
    const cli = writeRedisCli(folder.path, await serverFiles('redis'));
    await startRedis(t, b, A);
    await startRedis(t, b, B);
    // 2 is weight 0: no new clients, and those that are there stay.
    folder.script('weight', 'exit "$(cat "$out/code-$1")"');
    const sayWeight = (port: number, weight: number): void =>
      writeFileSync(folder.out(`code-${port}`), `${weight + 2}\n`);
    const servers = [A, B].map((port) => {
      sayWeight(port, 1);
      const check = `MISC_CHECK {\nmisc_path "${folder.in('weight')} ${port}"\nmisc_dynamic\n}`;
      return `real_server ${SERVERS} ${port} {\n${check}\n}`;
    });
    const text = `${instance('VI_1', 51, 100)}virtual_server ${VIRTUAL} 6379 {
      delay_loop 0.3
      persistence_timeout 50
      ${servers.join('\n')}
    }`;
    const wrapper = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
    const baton = startBaton(t, a, folder, text, { args: ['-C'], wrapper });
    await baton.says('leads to');
    assert.equal(ask(b, cli, VIRTUAL, 6379), 'nobody');
    a.run('ip', 'address', 'add', `${VIRTUAL}/32`, 'dev', LINK);
    await baton.until('a server', () => /700[12]/.test(ask(b, cli, VIRTUAL, 6379)));
    const [own = '', ...more] = answering(b, cli);
    assert.deepEqual(more, [], 'one client, one server');
    const subscriber = startCommand(t, b, [cli, '-h', VIRTUAL, '-p', '6379', 'SUBSCRIBE', 'news']);
    await subscriber.says('subscribe');
    sayWeight(Number(own), 0);
    const other = own === String(A) ? B : A;
    await baton.until('the other server', () => ask(b, cli, VIRTUAL, 6379) === String(other));
    b.run(cli, '-h', SERVERS, '-p', own, 'PUBLISH', 'news', 'still here');
    await subscriber.says('still here');
    const status = await statusOf(baton);
    assert.equal(status.snapshot, null, 'no virtual router runs');
    assert.deepEqual(
      status.servers?.snapshot.frontends.map(({ name }) => name),
      [`${VIRTUAL}:6379`],
    );
    assert.equal(await baton.stop(), 0);
  });
});
