// A keepalived pair on a network of three hosts: one keepalived.conf for both sides, told apart by `@a` and `@b` lines
// alone, so that either side can be played by keepalived or by `baton vrrp`, and neither can tell.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { VrrpStatus } from '../../src/daemon/vrrp-daemon.ts';
import { PRIORITY_OWNER } from '../../src/vrrp/router-conf.ts';
import type { RouterSnapshot } from '../../src/vrrp/snapshot.ts';
import { until } from '../harness/wait.ts';
import { AddressLedger, Lan } from '../os/lan.ts';
import { HOSTS, LINK, type Cleanup } from '../os/hosts.ts';
import { startCommand, startKeepalivedOn, temporaryFolder, type Keepalived, type Router } from './routers.ts';

export type Side = 'a' | 'b';
export const otherSide = (side: Side): Side => (side === 'a' ? 'b' : 'a');

export const VIRTUAL = '10.77.0.100';
export const VIRTUAL_IPV6 = 'fd77::100';

/** How long the machine may be too busy for anything to happen. */
const PATIENCE_MS = 40_000;

export interface InstanceText {
  readonly name?: string;
  readonly virtualRouterId?: number;
  /** Of `a`, of `b`. */
  readonly versions?: readonly [2 | 3, 2 | 3];
  /** Seconds. */
  readonly interval?: number;
  readonly addresses?: readonly string[];
  /** Of `a`, of `b`. */
  readonly priorities?: readonly [number, number];
  /** More lines of the block. */
  readonly lines?: string;
}

/** One vrrp_instance. */
export function instanceText(given: InstanceText = {}): string {
  const [a, b] = given.priorities ?? [150, 100];
  const [versionA, versionB] = given.versions ?? [3, 3];
  // An owner that begins as a backup waits for its turn in keepalived 2.2.7.
  const stateOf = (priority: number): string => (priority === PRIORITY_OWNER ? 'MASTER' : 'BACKUP');
  return `
vrrp_instance ${given.name ?? 'VI_1'} {
  @a state ${stateOf(a)}
  @b state ${stateOf(b)}
  interface ${LINK}
  virtual_router_id ${given.virtualRouterId ?? 51}
  @a version ${versionA}
  @b version ${versionB}
  @a priority ${a}
  @b priority ${b}
  advert_int ${given.interval ?? 0.3}
  ${given.lines ?? ''}
  virtual_ipaddress {
    ${(given.addresses ?? [VIRTUAL]).join('\n    ')}
  }
}
`;
}

/** Lines that make an instance speak to the other side only. */
export function unicastLines(family: 'ipv4' | 'ipv6'): string {
  const [a, b] = [HOSTS.a[family], HOSTS.b[family]];
  return `
  @a unicast_src_ip ${a}
  @b unicast_src_ip ${b}
  unicast_peer {
    @a ${b}
    @b ${a}
  }`;
}

export class Pair {
  readonly lan: Lan;
  /** What both sides read. */
  readonly file: string;
  readonly ledgers: Readonly<Record<Side, AddressLedger>>;
  readonly #test: Cleanup;
  readonly #folder: string;
  readonly #routers: Router[] = [];

  private constructor(test: Cleanup, lan: Lan, ledgers: Readonly<Record<Side, AddressLedger>>) {
    this.#test = test;
    this.lan = lan;
    this.ledgers = ledgers;
    this.#folder = temporaryFolder();
    this.file = join(this.#folder, 'keepalived.conf');
  }

  static async make(test: Cleanup, text: string): Promise<Pair> {
    const lan = new Lan(test);
    const [a, b] = await Promise.all([AddressLedger.keep(test, lan.a), AddressLedger.keep(test, lan.b)]);
    const pair = new Pair(test, lan, { a, b });
    pair.write(text);
    return pair;
  }

  /** Changes the file of both sides; they do not read it by themselves. */
  write(text: string): void {
    writeFileSync(this.file, text);
  }

  baton(side: Side): Router {
    const words = this.#baton(side, '-l', '-D', '-i', side, '-f', this.file);
    return this.#keep(startCommand(this.#test, this.lan[side], words));
  }

  keepalived(side: Side): Keepalived {
    return this.#keep(startKeepalivedOn(this.#test, this.lan[side], this.file, side));
  }

  /** Starts whichever daemon plays this side. */
  play(side: Side, ours: Side): Router | Keepalived {
    return side === ours ? this.baton(side) : this.keepalived(side);
  }

  /** What our side knows of the only (or the named) instance. */
  status(side: Side, name?: string): RouterSnapshot {
    const answer = this.lan[side].run(...this.#baton(side, 'status', '--json'));
    const { routers } = (JSON.parse(answer) as VrrpStatus).snapshot;
    const found = name === undefined ? routers[0] : routers.find((router) => router.name === name);
    assert.ok(found, answer);
    return found;
  }

  isHolder(side: Side, address = VIRTUAL): boolean {
    return this.ledgers[side].holds(address) && !this.ledgers[otherSide(side)].holds(address);
  }

  /**
   * Waits until `side` alone holds the address, and has been left alone for `steadyMs`. Longer than a down time, that
   * can only be if the other side hears it, or is not there.
   */
  async settles(side: Side, { address = VIRTUAL, steadyMs = 0 } = {}): Promise<void> {
    const { a, b } = this.ledgers;
    await until(
      `${side} to hold ${address} alone for ${steadyMs} ms`,
      () =>
        this.isHolder(side, address) && performance.now() - Math.max(a.changedAt, b.changedAt) >= steadyMs,
      () => this.#context(),
      PATIENCE_MS,
    );
  }

  /** Waits until both hold it, and have for `steadyMs`: neither hears (or believes) the other. */
  async isShared({ address = VIRTUAL, steadyMs = 0 } = {}): Promise<void> {
    const { a, b } = this.ledgers;
    await until(
      `both to hold ${address} for ${steadyMs} ms`,
      () =>
        a.holds(address) &&
        b.holds(address) &&
        performance.now() - Math.max(a.changedAt, b.changedAt) >= steadyMs,
      () => this.#context(),
      PATIENCE_MS,
    );
  }

  /** Waits for any condition, with all that was said when it never comes. */
  async sees(what: string, probe: () => boolean): Promise<void> {
    await until(what, probe, () => this.#context(), PATIENCE_MS);
  }

  #keep<One extends Router>(router: One): One {
    this.#routers.push(router);
    return router;
  }

  #baton(side: Side, ...args: readonly string[]): string[] {
    const environment = `RUNTIME_DIRECTORY=${this.#folder}/${side}`;
    return ['env', environment, process.execPath, resolve('bin/baton'), 'vrrp', ...args];
  }

  #context(): string {
    const ends = this.#routers.map(({ output }) => output.slice(-3000));
    return [String(this.ledgers.a), String(this.ledgers.b), ...ends].join('\n---\n');
  }
}

/** Either daemon's word for having become a backup. */
export const IS_BACKUP = /is backup|Entering BACKUP STATE/;

/** SIGTERM, and the end. */
export async function stop(router: Router): Promise<void> {
  router.process.kill('SIGTERM');
  await router.ended;
}

/** The third host, which uses an address without ceasing, so that it knows a neighbour for it. */
export class Visitor {
  readonly #lan: Lan;
  readonly #address: string;
  #replies = 0;

  constructor(test: Cleanup, lan: Lan, address = VIRTUAL) {
    this.#lan = lan;
    this.#address = address;
    const ping = spawn('ip', ['netns', 'exec', lan.c.namespace, 'ping', '-n', '-i', '0.05', address], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    test.after(() => void ping.kill('SIGKILL'));
    ping.stdout.setEncoding('latin1').on('data', (text: string) => {
      this.#replies += text.match(/bytes from/g)?.length ?? 0;
    });
  }

  /** Waits until `side` answers it: its packets go there, and come back. */
  async reaches(side: Side): Promise<void> {
    const lan = this.#lan;
    const neighbour = (): string =>
      lan.c.run('ip', 'neighbour', 'show', 'to', this.#address, 'dev', LINK).trim();
    await until(
      `${this.#address} to be answered by ${side}`,
      async () => {
        if (!neighbour().includes(HOSTS[side].mac)) return false;
        const before = this.#replies;
        await until('a reply', () => this.#replies > before + 1, undefined, 2_000);
        return neighbour().includes(HOSTS[side].mac);
      },
      neighbour,
      PATIENCE_MS,
    );
  }
}
