// `baton endpoint` with a haproxy.cfg on the kernel paths, as a daemon: it gives root's rights up and goes on, and reads
// its file anew. nat in a network namespace of its own, the connect hook in a cgroup folder of its own.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, after, describe, it } from 'node:test';
import { socketPathProblem } from '../../src/daemon/endpoint/socket-path.ts';
import { findNft } from '../../src/os/nft.ts';
import { cgroupFolder } from '../../src/os/cgroup.ts';
import { freePorts } from '../../src/redis/free-port.ts';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { serverFiles } from '../harness/fleet.ts';
import { intoCgroup } from '../harness/into-cgroup.ts';
import { pause, until } from '../harness/wait.ts';
import {
  type Agent,
  type AgentError,
  addNamespaces,
  run,
  skip as lacksNamespaces,
  startAgent,
  uniqueName,
} from '../os/hosts.ts';
import { BATON } from './baton-endpoint.ts';

const ENTRY = 'test/endpoint/inside.ts';
/** Of a decision that is not renewed. */
const LEASE_MS = 3_000;
const NOBODY = 65_534;
/** Of the user `checker`; clients need none. */
const PASSWORD = 'secret';

interface Place {
  /** Program and arguments that take a command. */
  readonly wrapper: readonly string[];
  readonly host: string;
  readonly redis: ManagedServer;
}

/** Frontends by name, and the ports where they listen. */
type Frontends = Readonly<Record<string, number>>;

const cfgOf = ({ host, redis }: Place, frontends: Frontends, password: string): string => `global
    user nobody
    group nogroup

defaults
    mode tcp
    timeout connect 1s

${Object.entries(frontends)
  .map(([name, port]) => `frontend ${name}\n    bind ${host}:${port}\n    default_backend redis`)
  .join('\n')}

backend redis
    option tcp-check
    tcp-check connect
    tcp-check send AUTH\\ checker\\ ${password}\\r\\n
    tcp-check expect string +OK
    tcp-check send info\\ replication\\r\\n
    tcp-check expect string role:master
    server R1 ${redis.host}:${redis.port} check inter 500ms
`;

/** Starts a daemon, and rewrites its file with SIGHUP. */
async function startDaemon(
  t: TestContext,
  place: Place,
  args: readonly string[],
  frontends: Frontends,
): Promise<{ daemon: ManagedProcess; reload: (now: Frontends, password?: string) => Promise<void> }> {
  const daemon: ManagedProcess = new ManagedProcess({
    name: 'baton-endpoint',
    environment: { ...process.env, RUNTIME_DIRECTORY: '' },
    command: (folder) => [
      ...place.wrapper,
      'env',
      `RUNTIME_DIRECTORY=${folder}`,
      process.execPath,
      BATON,
      'endpoint',
      'haproxy.cfg',
      ...args,
    ],
    isReady: (output) => output.includes(' listens on '),
  });
  t.after(() => daemon.dispose());
  // Whom it becomes reads it again.
  chmodSync(daemon.folder, 0o755);
  const write = (now: Frontends, password: string): void =>
    writeFileSync(join(daemon.folder, 'haproxy.cfg'), cfgOf(place, now, password));
  write(frontends, PASSWORD);
  await daemon.restart();
  let reloads = 0;
  return {
    daemon,
    async reload(now, password = PASSWORD) {
      write(now, password);
      assert.ok(daemon.pid !== null);
      process.kill(daemon.pid, 'SIGHUP');
      reloads += 1;
      await until(
        'it is read anew',
        () => daemon.output.split('the configuration was read anew').length > reloads,
        () => daemon.output,
      );
    },
  };
}

/** What /proc says of a process: its user, and its rights as hexadecimal numbers. */
function rightsOf(pid: number): { uid: number; effective: string; permitted: string } {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const [, uid, effective, permitted] =
    /^Uid:\s+\d+\s+(\d+)[^]*^CapPrm:\s+(\w+)\s+CapEff:\s+(\w+)/m.exec(status) ?? [];
  return { uid: Number(uid), effective: effective ?? '', permitted: permitted ?? '' };
}

/** Whether a process gave up root's rights, and has these instead. */
function rightsAre(pid: number, rights: string): boolean {
  const { uid, effective, permitted } = rightsOf(pid);
  return uid === NOBODY && effective === rights && permitted === rights;
}

async function startRedis(
  t: TestContext,
  host: string,
  port: number,
  wrapper: readonly string[] = [],
): Promise<ManagedServer> {
  const redis = await ManagedServer.start({
    files: await serverFiles('redis'),
    port,
    host,
    wrapper,
    directives: ['protected-mode no', `user checker on +@all ~* >${PASSWORD}`],
    readyOutput: /Ready to accept connections/,
  });
  t.after(() => redis.dispose());
  return redis;
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);

describe('a daemon of the kernel paths', { skip: lacksNamespaces }, () => {
  /** Of a cgroup. */
  const folders: string[] = [];
  // Its processes are gone a moment after they were killed.
  after(() =>
    until('the cgroup is empty', () => {
      for (const folder of folders) rmdirSync(folder);
      return true;
    }),
  );

  const leads = (agent: Agent, { host, redis }: Place, port: number, name = 'probe'): Promise<true> =>
    until(
      `port ${port} leads`,
      async () => (await agent.ask<{ redis: number }>('connect', name, host, port)).redis === redis.port,
    );
  const isRefused = (agent: Agent, { host }: Place, port: number): Promise<void> =>
    assert.rejects(
      agent.ask('connect', 'refused', host, port),
      (error: AgentError) => error.code === 'ECONNREFUSED',
    );

  /** Through its reloads, each of which moves, adds or takes away an endpoint, while one stays. */
  const readsAnew = async (
    client: Agent,
    place: Place,
    reload: (now: Frontends, password?: string) => Promise<void>,
    [one, two, three]: readonly [number, number, number],
  ): Promise<void> => {
    await leads(client, place, one, 'stays');
    await reload({ first: one, second: two });
    await leads(client, place, two, 'moved');
    // A new password, which whoever asks for connections to be closed must know.
    const changed = await client.ask('command', 'stays', 'ACL SETUSER checker resetpass >another');
    assert.equal(changed, 'OK');
    await reload({ first: one, second: three }, 'another');
    await leads(client, place, three, 'removed');
    await until('who came by the old port is gone', () =>
      client.told('closed').some(({ name }) => name === 'moved'),
    );
    await isRefused(client, place, two);
    await reload({ first: one }, 'another');
    await until('and who came by an endpoint that is no more', () =>
      client.told('closed').some(({ name }) => name === 'removed'),
    );
    await isRefused(client, place, three);
    assert.equal(await client.ask('ping', 'stays'), 'PONG');
  };

  it('keeps what nat needs as an ordinary user, lends it to nft, and reads its file anew', async (t) => {
    if (findNft() === null) return t.skip('needs nftables');
    const namespace = uniqueName();
    addNamespaces(t, namespace);
    run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
    run('ip', '-n', namespace, 'link', 'add', 'bridge0', 'type', 'bridge');
    run('ip', '-n', namespace, 'link', 'set', 'bridge0', 'up');
    for (const last of [1, 2]) {
      run('ip', '-n', namespace, 'address', 'add', `10.79.0.${last}/24`, 'dev', 'bridge0');
    }
    const wrapper = ['ip', 'netns', 'exec', namespace];
    const redis = await startRedis(t, '10.79.0.2', 7_001, wrapper);
    const place = { wrapper, host: '10.79.0.1', redis };
    const { daemon, reload } = await startDaemon(t, place, ['--path', 'nat'], {
      first: 6_401,
      second: 6_402,
    });
    const client = await startAgent(t, wrapper, ENTRY);
    await leads(client, place, 6_401);
    assert.ok(daemon.pid !== null);
    // CAP_NET_ADMIN, and nothing else.
    const own = '0000000000001000';
    await until('it is an ordinary user', () => rightsAre(daemon.pid ?? 0, own));

    // The nft that root started is replaced by one that has the same right; nobody else that is started has any.
    for (const child of childrenOf(daemon.pid)) process.kill(child, 'SIGKILL');
    await until('nft is started again, with the same right', () => {
      const children = childrenOf(daemon.pid ?? 0);
      return children.length > 0 && children.every((child) => rightsAre(child, own));
    });
    await pause(LEASE_MS + 500);
    await leads(client, place, 6_401);

    await readsAnew(client, place, reload, [6_401, 6_402, 6_403]);
    await daemon.stop();
    assert.doesNotMatch(daemon.output, /needs CAP_|refused|cannot|did not close/);
    assert.equal(run(...wrapper, 'nft', 'list', 'tables'), '');
    assert.doesNotMatch(daemon.output, /Unexpected failure/);
  });

  it('keeps what the connect hook needs as an ordinary user, and reads its file anew', async (t) => {
    const problem = socketPathProblem({ cgroup: null, coversAllNamespaces: false });
    if (problem !== null) return t.skip(`kernel: ${problem}`);
    const mount = cgroupFolder(null);
    assert.ok(mount.ok);
    const folder = join(mount.value, uniqueName());
    mkdirSync(folder);
    folders.push(folder);
    const [port = 0, ...ports] = await freePorts(4);
    const place = { wrapper: [], host: '127.0.0.1', redis: await startRedis(t, '127.0.0.1', port) };
    const [one = 0, two = 0, three = 0] = ports;
    const args = ['--path', 'socket', '--cgroup', folder];
    const { daemon, reload } = await startDaemon(t, place, args, { first: one, second: two });
    const inside = intoCgroup(folder);
    const client = await startAgent(t, inside, ENTRY);
    await leads(client, place, one);
    assert.ok(daemon.pid !== null);
    // CAP_NET_ADMIN and CAP_BPF.
    await until('it is an ordinary user', () => rightsAre(daemon.pid ?? 0, '0000008000001000'));
    await pause(LEASE_MS + 500);
    await leads(client, place, one);
    await readsAnew(client, place, reload, [one, two, three]);
    await daemon.stop();
    assert.doesNotMatch(daemon.output, /needs CAP_|refused|cannot|did not close/);
    assert.doesNotMatch(daemon.output, /Unexpected failure/);
  });
});
