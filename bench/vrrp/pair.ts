// Two machines that share a floating address, each with a Redis and a daemon: both keepalived's, or both ours, from the
// same file. What can go wrong with the active one, and making it whole again: it comes back as the other's backup.

import { execFileSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { bootClockMs } from '../../src/os/boot-clock.ts';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { environmentFor, type ServerFiles } from '../../src/redis/server-files.ts';
import { Network } from '../../test/harness/namespaces.ts';
import { writeRedisCli } from '../../test/harness/redis-cli.ts';
import { pause } from '../../test/harness/wait.ts';
import { ask } from '../../test/harness/wire.ts';
import { AdvertCapture, type CapturedAdvert } from './capture.ts';
import { NAME_KEY, REDIS_PORT } from './client.ts';
import { startHeard } from '../shared/parts.ts';

export type Contender = 'keepalived' | 'Baton';

/** How adverts are sent. */
export interface Timing {
  readonly name: string;
  readonly version: 2 | 3;
  readonly advertIntervalMs: number;
}

const LINK = 'eth0';
/** As far apart as they must be, so that whoever takes over waits about as long. */
const PRIORITIES = [101, 100] as const;
const PATIENCE_MS = 30_000;

/** One virtual router with the script of the tutorials, or more without it. */
export function keepalivedConf(
  timing: Timing,
  priority: number,
  routers: readonly { readonly id: number; readonly address: string }[],
  redisCli: string | null,
): string {
  const script =
    redisCli === null
      ? ''
      : `vrrp_script redis {
  script "${redisCli} -h 127.0.0.1 -p ${REDIS_PORT} ping"
  interval 1
  fall 2
}
`;
  const instances = routers.map(
    ({ id, address }) => `vrrp_instance VI_${id} {
  state BACKUP
  nopreempt
  interface ${LINK}
  virtual_router_id ${id}
  priority ${priority}
  version ${timing.version}
  advert_int ${timing.advertIntervalMs / 1_000}
  virtual_ipaddress {
    ${address}/24
  }
${redisCli === null ? '' : '  track_script {\n    redis\n  }\n'}}
`,
  );
  return `global_defs {\n  script_user root\n}\n${script}${instances.join('')}`;
}

export interface DaemonOptions {
  readonly contender: Contender;
  readonly wrapper: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly conf: string;
}

/** keepalived or ours, with a file of its own. */
export class Daemon extends ManagedProcess {
  readonly #contender: Contender;

  constructor({ contender, wrapper, environment, conf }: DaemonOptions) {
    super({
      name: contender,
      // Our control socket goes there.
      environment,
      command: (folder) => [
        ...wrapper,
        ...(contender === 'keepalived'
          ? ['keepalived', '-n', '-l', '-D', '-P', '-G', '-p', 'pid', '-r', 'vrrp.pid', '-c', 'none.pid']
          : ['env', `RUNTIME_DIRECTORY=${folder}`, process.execPath, resolve('bin/baton'), 'vrrp', '-l']),
        '-f',
        join(folder, 'keepalived.conf'),
      ],
      isReady: (output) => /Entering BACKUP STATE|is backup, not/.test(output),
    });
    this.#contender = contender;
    writeFileSync(join(this.folder, 'keepalived.conf'), conf);
  }

  /** SIGKILL for all of it at once: keepalived's parent would start its child again, or the child leave in order. */
  async killWhole(): Promise<void> {
    const pidFiles = ['pid', 'vrrp.pid'].map((name) => join(this.folder, name));
    if (this.#contender === 'keepalived' && this.isRunning) {
      this.freeze();
      for (const file of pidFiles.toReversed()) process.kill(Number(readFileSync(file, 'latin1')), 'SIGKILL');
    }
    await this.kill();
    // Left behind, they keep the next keepalived from starting while the dead one is a zombie.
    for (const file of pidFiles) rmSync(file, { force: true });
  }
}

/** Whether a machine has the address, and when that last changed; the kernel tells. */
class AddressMonitor {
  readonly #child: ChildProcess;
  has = false;
  /** Boot clock. */
  changedAtMs = -Infinity;

  constructor(wrapper: readonly string[], address: string) {
    const words = [...wrapper, 'ip', '-o', '-4', 'monitor', 'address'];
    this.#child = startHeard(words, (line) => {
      if (!line.includes(` ${address}/`)) return;
      const has = !line.startsWith('Deleted');
      if (has !== this.has) this.changedAtMs = bootClockMs();
      this.has = has;
    });
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}

interface Member {
  readonly machine: number;
  readonly priority: number;
  readonly redis: ManagedServer;
  readonly daemon: Daemon;
  readonly capture: AdvertCapture;
  readonly address: AddressMonitor;
}

export interface PairOptions {
  readonly contender: Contender;
  readonly timing: Timing;
  readonly network: Network;
  readonly machines: readonly [number, number];
  readonly virtualRouterId: number;
  readonly address: string;
  readonly files: ServerFiles;
}

export class Pair {
  readonly options: PairOptions;
  readonly members: readonly Member[];

  private constructor(options: PairOptions, members: readonly Member[]) {
    this.options = options;
    this.members = members;
  }

  /** Starts both; resolves when one is active and the other hears it. */
  static async start(options: PairOptions): Promise<Pair> {
    const members: Member[] = [];
    const pair = new Pair(options, members);
    try {
      for (const [index, machine] of options.machines.entries()) {
        members.push(await startMember(options, machine, PRIORITIES[index] ?? 100));
      }
      for (const member of members) await member.daemon.restart();
      await pair.settled();
      return pair;
    } catch (error) {
      await pair.dispose();
      throw error;
    }
  }

  /** The member heard last. */
  get active(): Member {
    const last = ({ capture }: Member): number => capture.adverts.at(-1)?.atMs ?? -Infinity;
    const [first, second] = this.members as readonly [Member, Member];
    return last(first) > last(second) ? first : second;
  }

  otherThan(member: Member): Member {
    return this.members.find((one) => one !== member) as Member;
  }

  /** Waits until exactly one is active, has its address, and has just been heard by the other. */
  async settled(): Promise<void> {
    await this.soon('one active router', () => {
      const { active } = this;
      return active.address.has && !this.otherThan(active).address.has && active.daemon.isRunning;
    });
    const { capture } = this.active;
    const heard = capture.adverts.length;
    await this.soon('another advert', () => capture.adverts.length > heard);
  }

  /** The first advert of `member` since its `mark`-th. */
  async firstAdvert(member: Member, mark: number): Promise<CapturedAdvert> {
    await this.soon("the successor's advert", () => member.capture.adverts.length > mark);
    return member.capture.adverts[mark] as CapturedAdvert;
  }

  cut(member: Member): void {
    this.options.network.cut(member.machine);
  }

  /** After any fault: everything of it runs again, and it is the other's backup. */
  async restore(member: Member): Promise<void> {
    const { machine, daemon, redis } = member;
    await daemon.killWhole();
    // keepalived does so when it starts, too; here it must not answer for the address until then.
    const { network, address } = this.options;
    if (member.address.has) runOn(network, machine, 'ip', 'address', 'del', `${address}/24`, 'dev', LINK);
    network.join(machine);
    if (!redis.isRunning) await startRedis(redis, machine);
    await daemon.restart();
    await this.settled();
  }

  async dispose(): Promise<void> {
    for (const { daemon, redis, capture, address } of this.members) {
      await daemon.killWhole();
      capture.close();
      address.close();
      await daemon.dispose();
      await redis.dispose();
    }
  }

  /** Polls; throws, with the ends of the logs, when it takes too long. */
  async soon(what: string, isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!isSo()) {
      if (performance.now() > deadline) {
        const logs = this.members.map(({ daemon }) => daemon.output.slice(-2_000));
        throw new Error(`${this.options.contender}: waited in vain for ${what}\n${logs.join('\n---\n')}`);
      }
      await pause(2);
    }
  }
}

/** Runs a program on a machine to its end. */
export function runOn(network: Network, machine: number, ...words: readonly string[]): void {
  const [command = '', ...args] = [...network.machine(machine).wrapper, ...words];
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function startMember(options: PairOptions, machine: number, priority: number): Promise<Member> {
  const { contender, timing, network, files, address, virtualRouterId: id } = options;
  const { host, wrapper } = network.machine(machine);
  const cli = writeRedisCli(mkdtempSync(join(tmpdir(), 'baton-cli-')), files);
  const conf = keepalivedConf(timing, priority, [{ id, address }], cli);
  const member: Member = {
    machine,
    priority,
    redis: new ManagedServer({
      files,
      host,
      port: REDIS_PORT,
      wrapper,
      // Also for who asks the floating address.
      directives: ['bind 0.0.0.0', 'protected-mode no'],
    }),
    daemon: new Daemon({ contender, wrapper, conf, environment: environmentFor(files) }),
    capture: new AdvertCapture(linkIndexOf(machine)),
    address: new AddressMonitor(wrapper, address),
  };
  await startRedis(member.redis, machine);
  return member;
}

async function startRedis(redis: ManagedServer, machine: number): Promise<void> {
  await redis.restart();
  await ask({ host: redis.host, port: REDIS_PORT }, ['SET', NAME_KEY, String(machine)]);
}

/** Of the hub's end of a machine's cable. */
export function linkIndexOf(machine: number): number {
  return Number(readFileSync(`/sys/class/net/${Network.cable(machine)}/ifindex`, 'latin1'));
}
