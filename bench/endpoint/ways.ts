// The ways to Redis that are compared, each in a network of three machines: the client, the proxy or gateway, and Redis.

import { execFileSync, spawnSync } from 'node:child_process';
import { environmentFor, type ServerFiles } from '../../src/redis/server-files.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import type { Target } from '../../src/endpoint/route.ts';
import type { Network } from '../../test/harness/namespaces.ts';
import { until } from '../../test/harness/wait.ts';
import { Baton, startHaproxy } from '../shared/endpoint-daemons.ts';
import { BenchCgroup } from './bench-cgroup.ts';

export const MACHINE_COUNT = 3;
export const [CLIENT, PROXY, REDIS] = [0, 1, 2] as const;
const REDIS_PORT = 6379;
const PORTS = {
  socket: 7001,
  nat: 7002,
  gateway: 7003,
  relay: 7004,
  transparent: 7005,
  haproxy: 7006,
  idle: 7007,
};

export const WAY_NAMES = [
  'direct',
  'socket',
  'nat',
  'nat-gateway',
  'relay',
  'transparent',
  'haproxy',
] as const;
export type WayName = (typeof WAY_NAMES)[number];

export interface Way {
  readonly name: WayName;
  readonly target: Target;
  /** Puts a client where this way starts. */
  readonly wrapper: readonly string[];
  /** What must stand only while it is measured, since rules and conntrack cost everybody; else null. */
  readonly open: (() => Promise<() => Promise<void>>) | null;
}

/** The network with Redis in it, and what stands between. */
export class World {
  readonly ways: Way[] = [];
  readonly redis: Target;
  readonly network: Network;
  readonly files: ServerFiles;
  readonly #ends: (() => Promise<void>)[] = [];

  private constructor(network: Network, files: ServerFiles) {
    this.network = network;
    this.files = files;
    this.redis = { host: network.machine(REDIS).host, port: REDIS_PORT };
  }

  static async make(network: Network, files: ServerFiles, names: readonly WayName[]): Promise<World> {
    const world = new World(network, files);
    try {
      const server = await ManagedServer.start({
        files,
        port: REDIS_PORT,
        host: world.redis.host,
        wrapper: world.on(REDIS),
        directives: ['protected-mode no', 'maxclients 15000'],
        readyOutput: /Ready to accept connections/,
      });
      world.#ends.push(() => server.dispose());
      for (const name of names) world.ways.push(await world.#way(name));
    } catch (error) {
      await world.dispose();
      throw error;
    }
    return world;
  }

  /**
   * Words that run a program on a machine. Not `ip netns exec`, which hides the cgroup folders from what it runs.
   */
  on(machine: number): readonly string[] {
    return ['nsenter', `--net=/run/netns/${this.network.namespace(machine)}`];
  }

  /** A relay of its own on the proxy's machine, for connections that do nothing. */
  async idleRelay(): Promise<{ readonly target: Target; readonly pid: number; end(): Promise<void> }> {
    const target = this.#at(PROXY, PORTS.idle);
    const baton = await this.#relay(target);
    return { target, pid: baton.process.pid ?? 0, end: () => baton.process.dispose() };
  }

  /** Of Redis's clients, those that a client on this way is to Redis: whose addresses it sees. */
  addressSeenBy(way: Way): string {
    const list = this.#cli(way.wrapper, way.target, 'CLIENT', 'INFO');
    return /\baddr=([\d.]+):/.exec(list)?.[1] ?? 'nobody';
  }

  /** Connections that netfilter follows on the client's machine; null: the kernel does not say. */
  followedOnClient(): number | null {
    const file = '/proc/sys/net/netfilter/nf_conntrack_count';
    const { status, stdout } = spawnSync('nsenter', [...this.on(CLIENT).slice(1), 'cat', file], {
      encoding: 'latin1',
    });
    return status === 0 ? Number(stdout) : null;
  }

  async dispose(): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) await end();
  }

  async #way(name: WayName): Promise<Way> {
    const wrapper = this.on(CLIENT);
    switch (name) {
      case 'direct':
        return { name, wrapper, target: this.redis, open: null };
      case 'socket': {
        const cgroup = BenchCgroup.make();
        const target = { host: '127.0.0.1', port: PORTS.socket };
        await this.#baton(CLIENT, target, '--path', 'socket', '--cgroup', cgroup.folder);
        return { name, wrapper: [...cgroup.wrapper, ...wrapper], target, open: null };
      }
      case 'nat':
        return this.#natWay(name, REDIS, PORTS.nat);
      case 'nat-gateway':
        execFileSync('nsenter', [
          ...this.on(PROXY).slice(1),
          'sh',
          '-c',
          'echo 1 > /proc/sys/net/ipv4/ip_forward',
        ]);
        return this.#natWay(name, PROXY, PORTS.gateway);
      case 'relay': {
        const target = this.#at(PROXY, PORTS.relay);
        const baton = await this.#relay(target);
        this.#ends.push(() => baton.process.dispose());
        return { name, wrapper, target, open: null };
      }
      case 'transparent': {
        const target = this.#at(PROXY, PORTS.transparent);
        await this.#baton(PROXY, target, '--path', 'relay', '--transparent');
        return { name, wrapper, target, open: null };
      }
      case 'haproxy': {
        const target = this.#at(PROXY, PORTS.haproxy);
        const haproxy = await startHaproxy({
          listen: target,
          servers: [this.redis],
          wrapper: this.on(PROXY),
          isReady: () => Promise.resolve(this.#cli(wrapper, target, 'PING').startsWith('PONG')),
        });
        this.#ends.push(() => haproxy.dispose());
        return { name, wrapper, target, open: null };
      }
    }
  }

  #natWay(name: WayName, machine: number, port: number): Way {
    const target = this.#at(machine, port);
    const wrapper = this.on(CLIENT);
    const open = async (): Promise<() => Promise<void>> => {
      const baton = await this.#start(machine, target, '--path', 'nat');
      await until(
        `${name} leads to Redis`,
        () => this.#cli(wrapper, target, 'PING').startsWith('PONG'),
        () => baton.process.output,
      );
      return async () => {
        // It takes its rules back itself.
        await baton.process.stop();
        await baton.process.dispose();
      };
    };
    return { name, wrapper, target, open };
  }

  #at(machine: number, port: number): Target {
    return { host: this.network.machine(machine).host, port };
  }

  #relay(target: Target): Promise<Baton> {
    return this.#start(PROXY, target, '--path', 'relay');
  }

  async #baton(machine: number, listen: Target, ...args: readonly string[]): Promise<void> {
    const baton = await this.#start(machine, listen, ...args);
    this.#ends.push(() => baton.process.dispose());
  }

  #start(machine: number, listen: Target, ...args: readonly string[]): Promise<Baton> {
    const servers = `${this.redis.host}:${this.redis.port}`;
    const words = ['--servers', servers, '--listen', `${listen.host}:${listen.port}`, ...args];
    return Baton.start(words, this.on(machine));
  }

  #cli(wrapper: readonly string[], { host, port }: Target, ...words: readonly string[]): string {
    const [command = '', ...args] = [...wrapper, this.files.cli ?? '', '-h', host, '-p', `${port}`, ...words];
    const { stdout } = spawnSync(command, args, {
      encoding: 'latin1',
      timeout: 3_000,
      env: environmentFor(this.files),
    });
    return stdout;
  }
}
