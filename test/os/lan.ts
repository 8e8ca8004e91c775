// Three hosts on one bridge, in network namespaces of their own: two that may share an address, and a third that uses
// it. The bridge has a namespace to itself, the hub, where cables are pulled and everything can be listened to.

import { spawn } from 'node:child_process';
import { pause, until } from '../harness/wait.ts';
import { addNamespaces, HOSTS, LINK, run, settleHost, uniqueName, type Cleanup, type Host } from './hosts.ts';

export type HostName = keyof typeof HOSTS;

/** The hub's interface that hears everything. */
export const BRIDGE = 'bridge0';
/** States of a port as the spanning tree protocol numbers them. */
const PORT_DISABLED = '0';
const PORT_FORWARDING = '3';

/** The hub's end of a host's cable. */
const portOf = (name: HostName): string => `to-${name}`;

export class Lan {
  readonly a: Host;
  readonly b: Host;
  readonly c: Host;
  readonly hub: string;

  constructor(test: Cleanup) {
    const id = uniqueName();
    this.hub = `${id}-hub`;
    const names = ['a', 'b', 'c'] as const;
    addNamespaces(test, this.hub, ...names.map((name) => `${id}-${name}`));
    // What passes a group on to those only who joined it is not what is tested.
    const bridge = ['link', 'add', BRIDGE, 'type', 'bridge', 'mcast_snooping', '0'];
    run('ip', '-n', this.hub, ...bridge);
    run('ip', '-n', this.hub, 'link', 'set', BRIDGE, 'up');
    const plugIn = (name: HostName): Host => {
      const namespace = `${id}-${name}`;
      const cable = ['link', 'add', portOf(name), 'type', 'veth', 'peer', 'name', LINK, 'netns', namespace];
      run('ip', '-n', this.hub, ...cable);
      run('ip', '-n', this.hub, 'link', 'set', portOf(name), 'master', BRIDGE, 'up');
      return settleHost(namespace, HOSTS[name]);
    };
    this.a = plugIn('a');
    this.b = plugIn('b');
    this.c = plugIn('c');
    // It forgets no neighbour by itself: whom it reaches is what it was told last.
    for (const family of ['ipv4', 'ipv6']) {
      const path = `/proc/sys/net/${family}/neigh/${LINK}/delay_first_probe_time`;
      this.c.run('sh', '-c', `echo 3600 > ${path}`);
    }
  }

  /** Pulls a host's cable: it sees its link go down. */
  pull(name: HostName): void {
    run('ip', '-n', this.hub, 'link', 'set', portOf(name), 'down');
  }

  plugIn(name: HostName): void {
    run('ip', '-n', this.hub, 'link', 'set', portOf(name), 'up');
  }

  /** The bridge passes nothing on from and to a host, whose link stays up. */
  isolate(name: HostName): void {
    this.#setPort(name, PORT_DISABLED);
  }

  rejoin(name: HostName): void {
    this.#setPort(name, PORT_FORWARDING);
  }

  #setPort(name: HostName, state: string): void {
    run('bridge', '-n', this.hub, 'link', 'set', 'dev', portOf(name), 'state', state);
  }
}

/** What a host has had on its interface, told by its kernel as it changes. A refresh is no change. */
export class AddressLedger {
  readonly #host: Host;
  readonly #held = new Set<string>();
  readonly #losses = new Map<string, number>();
  readonly #changes = new Map<string, number>();
  /** When anything last changed, in milliseconds of `performance.now()`. */
  changedAt = performance.now();

  private constructor(host: Host) {
    this.#host = host;
  }

  static async keep(test: Cleanup, host: Host): Promise<AddressLedger> {
    const ledger = new AddressLedger(host);
    const monitor = spawn('ip', ['-n', host.namespace, '-o', '-ts', 'monitor', 'address'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    test.after(() => void monitor.kill('SIGKILL'));
    let rest = '';
    monitor.stdout.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) ledger.#read(line);
    });
    // It does not say when it has begun to listen.
    const probe = '127.0.0.99';
    await until('the monitor of addresses to listen', async () => {
      run('ip', '-n', host.namespace, 'address', 'replace', `${probe}/32`, 'dev', 'lo');
      await pause(20);
      return ledger.holds(probe);
    });
    return ledger;
  }

  holds(address: string): boolean {
    return this.#held.has(address);
  }

  /** How often the address was taken off the interface, by whomever. */
  losses(address: string): number {
    return this.#losses.get(address) ?? 0;
  }

  /** When the address last came or went by the kernel's word; milliseconds, to be compared among ledgers. */
  lastChangeAt(address: string): number {
    return this.#changes.get(address) ?? 0;
  }

  toString(): string {
    return `${this.#host.namespace} holds [${[...this.#held].join(', ')}]`;
  }

  #read(line: string): void {
    const [, at = '', deleted, address = ''] =
      /^\[(\S+)\] (Deleted )?\d+: \S+\s+inet6? ([^\s/]+)/.exec(line) ?? [];
    if (address === '') return;
    if (deleted === undefined) {
      if (this.#held.has(address)) return;
      this.#held.add(address);
    } else {
      this.#held.delete(address);
      this.#losses.set(address, this.losses(address) + 1);
    }
    this.#changes.set(address, Date.parse(`${at.slice(0, 23)}Z`));
    this.changedAt = performance.now();
  }
}
