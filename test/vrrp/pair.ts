// The two hosts of examples/keepalived-pair, each with a Redis and a daemon, on a switch; clients are on neither. The
// example's files are used as they are, but for the folder they lie in, the log, and the network's addresses.

import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { type ServerFiles, environmentFor } from '../../src/redis/server-files.ts';
import { serverFiles } from '../harness/fleet.ts';
import { Network } from '../harness/namespaces.ts';
import { writeRedisCli } from '../harness/redis-cli.ts';
import { until } from '../harness/wait.ts';
import { infoFields } from '../harness/wire.ts';
import { type Cleanup, Host } from '../os/hosts.ts';
import { type Router, holds, startCommand, startKeepalived } from './routers.ts';

const EXAMPLE = 'examples/keepalived-pair';
const PORT = 6379;
const FLOATING = '10.77.0.100';
/** The scripts sleep for 10 and 15 s, one after the other. */
const PATIENCE_MS = 90_000;
/** Ten pairs start theirs at the same time. */
const CLI_MS_MAX = 30_000;

const run = promisify(execFile);

export type Daemon = 'baton' | 'keepalived';

export interface PairOptions {
  /** Which of the example's two ways. */
  readonly way: 'preempting' | 'nopreempt';
  /** Whether Redis on host b is host a's replica from the start, as the README wants it. */
  readonly bFollowsA: boolean;
  /** Whether Redis keeps its data on disk. */
  readonly isPersistent: boolean;
  readonly daemonOf: Readonly<Record<'a' | 'b', Daemon>>;
}

/** One host. Nothing runs on it until it is started. */
export class PairHost {
  readonly host: Host;
  readonly address: string;
  readonly redis: ManagedServer;
  readonly #test: Cleanup;
  /** Holds the file, the scripts and their log, and redis-cli. */
  readonly #folder: string;
  readonly #kind: Daemon;
  readonly #files: ServerFiles;
  /** The newest run of it. */
  daemon: Router | null = null;

  constructor(test: Cleanup, network: Network, name: 'a' | 'b', files: ServerFiles, options: PairOptions) {
    const index = name === 'a' ? 0 : 1;
    const { host: address, wrapper } = network.machine(index);
    this.#test = test;
    this.#files = files;
    this.#kind = options.daemonOf[name];
    this.#folder = mkdtempSync(join(tmpdir(), 'baton-pair-'));
    this.address = address;
    this.host = new Host(network.namespace(index));
    const isReplica = name === 'b' && options.bFollowsA;
    this.redis = new ManagedServer({
      files,
      port: PORT,
      host: '0.0.0.0',
      wrapper,
      name: `redis-${name}`,
      readyOutput: /Ready to accept connections/,
      directives: [
        'protected-mode no',
        `appendonly ${options.isPersistent ? 'yes' : 'no'}`,
        'repl-diskless-sync-delay 0',
        ...(isReplica ? [`replicaof ${network.machine(0).host} ${PORT}`] : []),
      ],
    });
    this.#install(join(EXAMPLE, options.way, `host-${name}.conf`));
  }

  startDaemon(): void {
    const path = `${join(this.#folder, 'bin')}:${process.env['PATH'] ?? ''}`;
    const environment = ['env', `PATH=${path}`, `RUNTIME_DIRECTORY=${this.#folder}`];
    const file = join(this.#folder, 'keepalived.conf');
    const baton = [process.execPath, resolve('bin/baton'), 'vrrp', '-n', '-l', '-D', '-f', file];
    this.daemon =
      this.#kind === 'baton'
        ? startCommand(this.#test, this.host, [...environment, ...baton])
        : startKeepalived(this.#test, this.host, readFileSync(file, 'latin1'), ...environment);
  }

  /** SIGKILL to the daemon, or what else ends it; its exit code. */
  async endDaemon(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    this.daemon?.process.kill(signal);
    return (await this.daemon?.ended) ?? null;
  }

  /** Kills whatever runs here. */
  async killAll(): Promise<void> {
    killAllIn(this.host.namespace);
    await Promise.all([this.redis.kill(), this.endDaemon('SIGKILL')]);
  }

  /** What the scripts wrote. */
  get log(): string {
    return readFileSync(join(this.#folder, 'state.log'), 'latin1');
  }

  /** The states in it, in order. */
  get states(): string {
    return [...this.log.matchAll(/^\[(\w+)\] \w/gm)].map(([, state]) => state).join(' ');
  }

  /** No script is under way: the last has had its last answer. */
  get isQuiet(): boolean {
    return /^(?:OK|\[fault\]|\[stop\])/.test(this.log.trimEnd().split('\n').at(-1) ?? '');
  }

  get holdsAddress(): boolean {
    return holds(this.host, FLOATING);
  }

  /** Asks the Redis here, whoever has the address. */
  ask(...words: readonly string[]): Promise<string> {
    return redisCli(this.#files, this.host.namespace, '127.0.0.1', words);
  }

  async replication(): Promise<Record<string, string>> {
    return infoFields(await this.ask('INFO', 'replication'));
  }

  /** Kills whatever runs here and removes its files; those of Redis remove themselves at exit. */
  clear(): void {
    killAllIn(this.host.namespace);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #install(conf: string): void {
    const scripts = join(this.#folder, 'scripts');
    const bin = join(this.#folder, 'bin');
    mkdirSync(scripts);
    mkdirSync(bin);
    const copy = (from: string, to: string, mode: number): void => {
      const text = readFileSync(from, 'utf8')
        .replaceAll('/etc/keepalived/scripts', scripts)
        .replaceAll('/var/log/keepalived-redis-state.log', join(this.#folder, 'state.log'))
        .replaceAll('10.0.0.', '10.77.0.');
      writeFileSync(to, text, { mode });
    };
    copy(conf, join(this.#folder, 'keepalived.conf'), 0o644);
    for (const name of readdirSync(join(EXAMPLE, 'scripts'))) {
      copy(join(EXAMPLE, 'scripts', name), join(scripts, name), 0o755);
    }
    writeFileSync(join(this.#folder, 'state.log'), '');
    writeRedisCli(bin, this.#files);
  }
}

export class Pair {
  readonly network: Network;
  readonly a: PairHost;
  readonly b: PairHost;
  readonly #files: ServerFiles;

  constructor(network: Network, files: ServerFiles, a: PairHost, b: PairHost) {
    this.network = network;
    this.#files = files;
    this.a = a;
    this.b = b;
  }

  /** As a client that knows the floating address alone. */
  ask(...words: readonly string[]): Promise<string> {
    return redisCli(this.#files, this.network.hub, FLOATING, words);
  }

  /** {@link ask}, several commands over one connection; a line for each answer. */
  async converse(commands: readonly string[]): Promise<string[]> {
    const answers = await redisCli(this.#files, this.network.hub, FLOATING, [], commands.join('\n'));
    return answers.split('\n');
  }

  /** Waits until `primary` has the address and is the other's primary, and no script waits. */
  settled(primary: PairHost): Promise<boolean> {
    const replica = primary === this.a ? this.b : this.a;
    return this.until('the address at the primary, and a replica of it', async () => {
      if (!primary.holdsAddress || replica.holdsAddress || !primary.isQuiet || !replica.isQuiet) return false;
      const [above, below] = [await primary.replication(), await replica.replication()];
      const isLinked = below['master_host'] === primary.address && below['master_link_status'] === 'up';
      return above['role'] === 'master' && isLinked;
    });
  }

  until(what: string, probe: () => Promise<boolean> | boolean): Promise<boolean> {
    return until(what, probe, this.story, PATIENCE_MS);
  }

  readonly story = (): string =>
    [this.a, this.b]
      .map(({ log, daemon, redis }) => `${log}\n${daemon?.output}\n${redis.output.slice(-1_500)}`)
      .join('\n--------\n');
}

let count = 0;

/** Makes the hosts, which are gone after the test. */
export async function makePair(test: Cleanup, options: PairOptions): Promise<Pair> {
  const files = await serverFiles('redis');
  const network = Network.make(`baton-${process.pid}-${++count}`, 2);
  const hosts: PairHost[] = [];
  const remove = (): void => {
    for (const host of hosts) host.clear();
    network.remove();
  };
  // Also when the runner ends a file that takes too long.
  process.on('exit', remove);
  test.after(async () => {
    for (const host of hosts) await Promise.all([host.redis.dispose(), host.endDaemon('SIGKILL')]);
    remove();
    process.off('exit', remove);
  });
  const add = (name: 'a' | 'b'): PairHost => {
    const host = new PairHost(test, network, name, files, options);
    hosts.push(host);
    return host;
  };
  const [a, b] = [add('a'), add('b')];
  return new Pair(network, files, a, b);
}

/** Without words it reads commands from `input`. */
async function redisCli(
  files: ServerFiles,
  namespace: string,
  address: string,
  words: readonly string[],
  input = '',
): Promise<string> {
  const args = ['netns', 'exec', namespace, files.cli ?? '', '-h', address, '-p', `${PORT}`, ...words];
  const running = run('ip', args, { env: environmentFor(files), timeout: CLI_MS_MAX });
  // It may end before it has read anything.
  running.child.stdin?.on('error', () => undefined).end(input);
  return (await running).stdout.trimEnd();
}

/** SIGKILL to every process in a namespace of ours. */
function killAllIn(namespace: string): void {
  const { stdout } = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'latin1' });
  for (const pid of (stdout ?? '').split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
}
