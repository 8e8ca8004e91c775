// `baton vrrp FILE` on one of the hosts of test/os/hosts.ts, with a folder of its own for its file, its hooks and what
// they write down; and adverts of every kind to throw at it.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { askDaemon } from '../../src/cli/control-client.ts';
import type { VrrpStatus } from '../../src/daemon/vrrp-daemon.ts';
import { encodeAdvert, type AdvertContent } from '../../src/vrrp/advert.ts';
import type { RouterSnapshot } from '../../src/vrrp/snapshot.ts';
import { until } from '../harness/wait.ts';
import { HOSTS, LINK, type Agent, type Cleanup, type Host } from '../os/hosts.ts';
import { holds, startCommand, temporaryFolder, type Router } from './routers.ts';

export const VIRTUAL = '10.77.0.100';
export const BATON = [process.execPath, resolve('bin/baton'), 'vrrp'];
const GROUP = '224.0.0.18';
const PATIENCE_MS = 20_000;

/** A folder that root owns and everybody may enter, with `out` in it, where everybody may write. */
export class Folder {
  readonly path: string;

  constructor() {
    this.path = temporaryFolder();
    chmodSync(this.path, 0o755);
    mkdirSync(this.out(''));
    chmodSync(this.out(''), 0o777);
  }

  in(name: string): string {
    return join(this.path, name);
  }

  out(name: string): string {
    return join(this.path, 'out', name);
  }

  write(name: string, text: string): string {
    writeFileSync(this.in(name), text);
    return this.in(name);
  }

  /** An executable; `$out` is where it may write. Its path. */
  script(name: string, text: string): string {
    writeFileSync(this.in(name), `#!/bin/sh\nout=${this.out('')}\n${text}\n`, { mode: 0o755 });
    return this.in(name);
  }

  /** The lines of what a script wrote; none if it wrote nothing yet. */
  lines(name: string): string[] {
    return this.text(name).split('\n').slice(0, -1);
  }

  text(name: string): string {
    try {
      return readFileSync(this.out(name), 'latin1');
    } catch {
      return '';
    }
  }
}

/** An instance whose adverts come every half second, in short. `more`: further lines. */
export function instance(name: string, virtualRouterId: number, priority: number, ...more: string[]): string {
  const address = `10.77.0.${100 + ((virtualRouterId - 51) % 100)}`;
  return `vrrp_instance ${name} {
  state BACKUP
  interface ${LINK}
  virtual_router_id ${virtualRouterId}
  priority ${priority}
  ${more.some((line) => line.startsWith('version ')) ? '' : 'version 3'}
  advert_int 0.5
  garp_master_repeat 1
  virtual_ipaddress {
    ${address}
  }
  ${more.join('\n  ')}
}
`;
}

export interface BatonOptions {
  readonly args?: readonly string[];
  /** `NAME=value` for its environment. */
  readonly environment?: readonly string[];
  /** A program that takes a command, before it. */
  readonly wrapper?: readonly string[];
}

/** A running `baton vrrp`. */
export class Baton {
  readonly router: Router;
  readonly host: Host;
  readonly folder: Folder;

  constructor(router: Router, host: Host, folder: Folder) {
    this.router = router;
    this.host = host;
    this.folder = folder;
  }

  get output(): string {
    return this.router.output;
  }

  says(what: string | RegExp): Promise<boolean> {
    return this.router.says(what, PATIENCE_MS);
  }

  signal(signal: NodeJS.Signals): void {
    this.router.process.kill(signal);
  }

  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null> {
    this.signal('SIGTERM');
    return this.router.ended;
  }

  /** Asked of its control socket; `baton vrrp status` does no more, but takes a process for it. */
  async status(): Promise<VrrpStatus> {
    const answer = await askDaemon(this.folder.in('run/vrrp-keepalived.sock'), '/status');
    if (!answer.ok) throw new Error(answer.problem.sentence);
    return answer.value as VrrpStatus;
  }

  /** What status says of one virtual router. */
  async view(name = 'VI_1'): Promise<RouterSnapshot> {
    const { snapshot } = await this.status();
    const found = snapshot.routers.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no instance ${name}`);
    return found;
  }

  /** Waits until `probe` holds; on failure shows the log. */
  until(what: string, probe: () => boolean | Promise<boolean>): Promise<boolean> {
    return until(what, probe, () => this.output, PATIENCE_MS);
  }

  takes(address = VIRTUAL): Promise<boolean> {
    return this.until(`${address} to be held`, () => holds(this.host, address));
  }

  drops(address = VIRTUAL): Promise<boolean> {
    return this.until(`${address} to be dropped`, () => !holds(this.host, address));
  }
}

/** Starts it with `text` as its file. */
export function startBaton(
  test: Cleanup,
  host: Host,
  folder: Folder,
  text: string,
  { args = [], environment = [], wrapper = [] }: BatonOptions = {},
): Baton {
  const file = folder.write('keepalived.conf', text);
  const variables = [`RUNTIME_DIRECTORY=${folder.in('run')}`, ...environment];
  const words = [...wrapper, 'env', ...variables, ...BATON, '-n', '-l', '-D', ...args, '-f', file];
  let router: Router | null = null;
  // Before it is killed: its hooks end with it only when it is asked to leave.
  test.after(async () => {
    if (router?.process.exitCode !== null || router.process.signalCode !== null) return;
    router.process.kill('SIGCONT');
    router.process.kill('SIGTERM');
    await Promise.race([router.ended, new Promise((done) => setTimeout(done, 3_000))]);
  });
  router = startCommand(test, host, words);
  return new Baton(router, host, folder);
}

/** A zombie that its new parent has not asked for yet is dead. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

export interface Ended {
  readonly status: number | null;
  readonly output: string;
}

/** Runs `baton vrrp` with these arguments to its end: of a check, or of a start that is refused. */
export function runBaton(host: Host, args: readonly string[], wrapper: readonly string[] = []): Ended {
  const words = ['netns', 'exec', host.namespace, ...wrapper, ...BATON, ...args];
  const { status, stdout, stderr } = spawnSync('ip', words, { encoding: 'latin1', timeout: 30_000 });
  return { status, output: stdout + stderr };
}

/** Who sends adverts from host b: to the group, with TTL 255 or another. */
export class Sender {
  readonly #agent: Agent;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  static async open(test: Cleanup, host: Host, ...hops: readonly number[]): Promise<Sender> {
    const agent = await host.agent(test);
    for (const ttl of hops.length === 0 ? [255] : hops) {
      const options = { link: host.link, source: HOSTS.b.ipv4, group: GROUP, hops: ttl };
      await agent.ask('open', String(ttl), options);
    }
    return new Sender(agent);
  }

  send(bytes: Uint8Array, ttl = 255): Promise<unknown> {
    return this.#agent.ask('send', String(ttl), GROUP, Buffer.from(bytes).toString('hex'));
  }

  /** Sends an advert every so often until the returned function is called. */
  repeat(bytes: Uint8Array, everyMs = 100): () => void {
    const timer = setInterval(() => void this.send(bytes).catch(() => undefined), everyMs);
    return () => clearInterval(timer);
  }
}

/** An advert of host b's for the instance that {@link instance} makes with VRID 51. */
export function advert(more: Partial<AdvertContent> = {}): Uint8Array {
  const content: AdvertContent = {
    version: 3,
    family: 'ipv4',
    virtualRouterId: 51,
    priority: 100,
    intervalMs: 500,
    addresses: [VIRTUAL],
    password: null,
    checksum: 'pseudo-header',
    ...more,
  };
  return encodeAdvert(content, { source: HOSTS.b.ipv4, destination: GROUP });
}
