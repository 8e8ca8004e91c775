// A network of our own: machines, each a network namespace with one cable to a bridge in another namespace, the hub.
// A test that uses it runs inside the hub itself, from where it reaches every machine, and where cables are pulled.

import { execFileSync, spawn } from 'node:child_process';
import type { Place } from './fleet.ts';

/** Names the network to the process that runs inside its hub. */
const INSIDE = 'BATON_TEST_NETWORK';

/** The hub's own address, for clients that are on none of the machines. */
const HUB_ADDRESS = '10.77.0.254';

/** Machines 0 to `size` - 1, at 10.77.0.1 and up. */
export class Network {
  readonly name: string;
  readonly #made: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** Makes one; `remove` it in the end. Throws, with nothing left behind, if that failed. */
  static make(name: string, size: number): Network {
    const network = new Network(name);
    const { hub } = network;
    try {
      network.#add(hub);
      ip('-n', hub, 'link', 'add', 'bridge0', 'type', 'bridge');
      ip('-n', hub, 'address', 'add', `${HUB_ADDRESS}/24`, 'dev', 'bridge0');
      ip('-n', hub, 'link', 'set', 'bridge0', 'up');
      for (let index = 0; index < size; index += 1) {
        const machine = network.namespace(index);
        const end = Network.cable(index);
        network.#add(machine);
        ip('-n', hub, 'link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', machine);
        ip('-n', hub, 'link', 'set', end, 'master', 'bridge0', 'up');
        ip('-n', machine, 'address', 'add', `${network.machine(index).host}/24`, 'dev', 'eth0');
        ip('-n', machine, 'link', 'set', 'eth0', 'up');
      }
    } catch (error) {
      network.remove();
      throw error;
    }
    return network;
  }

  /** The network this process runs in the hub of, or null when it is an ordinary process. */
  static around(): Network | null {
    const name = process.env[INSIDE];
    return name === undefined ? null : new Network(name);
  }

  /** The hub's end of a machine's cable. */
  static cable(index: number): string {
    return `machine${index}`;
  }

  /** The namespace of the bridge. */
  get hub(): string {
    return `${this.name}-hub`;
  }

  /** That of machine `index`. */
  namespace(index: number): string {
    return `${this.name}-${index}`;
  }

  /** Where a fleet's processes run on machine `index`. */
  readonly machine = (index: number): Place => ({
    host: `10.77.0.${index + 1}`,
    wrapper: ['ip', 'netns', 'exec', this.namespace(index)],
  });

  /** Pulls the cable of a machine: nothing is refused or reset, there is silence. */
  cut(index: number): void {
    this.#setEnd(index, 'down');
  }

  /** Plugs it in again. */
  join(index: number): void {
    this.#setEnd(index, 'up');
  }

  /** As {@link cut}, but the machine still sees a carrier: what runs there can't tell. */
  silence(index: number): void {
    this.#setEnd(index, 'nomaster');
  }

  /** The end of {@link silence}. */
  unsilence(index: number): void {
    this.#setEnd(index, 'master', 'bridge0');
  }

  /** Removes what {@link make} made, with whatever still runs there; a second time, nothing. */
  remove(): void {
    for (const namespace of this.#made.splice(0)) {
      for (const pid of ip('netns', 'pids', namespace).split('\n').filter(Boolean)) endProcess(Number(pid));
      ip('netns', 'delete', namespace);
    }
  }

  #add(namespace: string): void {
    ip('netns', 'add', namespace);
    this.#made.push(namespace);
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }

  #setEnd(index: number, ...how: readonly string[]): void {
    ip('-n', this.hub, 'link', 'set', Network.cable(index), ...how);
  }
}

export interface InsideOptions {
  /** What the run says goes where ours does, and it gets our arguments: a bench, not a test. */
  readonly isShown?: boolean;
}

/**
 * Makes a network of `size` machines, runs this very file inside its hub, and removes it, with whatever still runs
 * there. Throws if the run failed, with all that it said unless that was shown.
 */
export async function runInsideNetwork(size: number, options: InsideOptions = {}): Promise<void> {
  const network = Network.make(`baton-${process.pid}`, size);
  const remove = (): void => network.remove();
  // The test runner ends a file that takes too long with SIGTERM, a person a bench with Ctrl-C; neither runs anything
  // of ours by itself.
  process.on('exit', remove);
  process.once('SIGTERM', () => process.exit(1));
  process.once('SIGINT', () => process.exit(130));
  try {
    await runAgainIn(network, options.isShown === true);
  } finally {
    remove();
  }
}

function runAgainIn({ hub, name }: Network, isShown: boolean): Promise<void> {
  const [, file = ''] = process.argv;
  // Without this variable the other process reports to people, not to the test runner that started us.
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  return new Promise((resolve, reject) => {
    const words = [process.execPath, '--enable-source-maps', file, ...(isShown ? process.argv.slice(2) : [])];
    const child = spawn('ip', ['netns', 'exec', hub, ...words], {
      env: { ...environment, [INSIDE]: name },
      stdio: isShown ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    process.on('exit', () => child.kill('SIGTERM'));
    let said = '';
    const collect = (chunk: Buffer): void => {
      said += chunk.toString('utf8');
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve();
      else reject(new Error(`the run inside ${hub} ended with ${status}:\n${said}`));
    });
  });
}

function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { stdio: 'pipe', encoding: 'latin1' });
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}
