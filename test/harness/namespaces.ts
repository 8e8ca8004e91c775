// A network of our own: machines, each a network namespace with one cable to a bridge in another namespace, the hub.
// A test that uses it runs inside the hub itself, from where it reaches every machine, and where cables are pulled.

import { execFileSync, spawn } from 'node:child_process';
import type { Place } from './fleet.ts';

/** Names the network to the process that runs inside its hub. */
const INSIDE = 'BATON_TEST_NETWORK';

/** Machines 0 to `size` - 1, at 10.77.0.1 and up. */
export class Network {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
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

  /** Where a fleet's processes run on machine `index`. */
  readonly machine = (index: number): Place => ({
    host: `10.77.0.${index + 1}`,
    wrapper: ['ip', 'netns', 'exec', `${this.#name}-${index}`],
  });

  /** Pulls the cable of a machine: nothing is refused or reset, there is silence. Only inside the hub. */
  cut(index: number): void {
    ip('link', 'set', Network.cable(index), 'down');
  }

  /** Plugs it in again. */
  join(index: number): void {
    ip('link', 'set', Network.cable(index), 'up');
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
  const name = `baton-${process.pid}`;
  const hub = `${name}-hub`;
  const made: string[] = [];
  const remove = (): void => {
    for (const namespace of made.splice(0)) {
      for (const pid of ip('netns', 'pids', namespace).split('\n').filter(Boolean)) endProcess(Number(pid));
      ip('netns', 'delete', namespace);
    }
  };
  // The test runner ends a file that takes too long with SIGTERM, a person a bench with Ctrl-C; neither runs anything
  // of ours by itself.
  process.on('exit', remove);
  process.once('SIGTERM', () => process.exit(1));
  process.once('SIGINT', () => process.exit(130));
  const add = (namespace: string): void => {
    ip('netns', 'add', namespace);
    made.push(namespace);
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
  };
  try {
    add(hub);
    ip('-n', hub, 'link', 'add', 'bridge0', 'type', 'bridge');
    ip('-n', hub, 'address', 'add', '10.77.0.254/24', 'dev', 'bridge0');
    ip('-n', hub, 'link', 'set', 'bridge0', 'up');
    for (let index = 0; index < size; index += 1) {
      const machine = `${name}-${index}`;
      const end = Network.cable(index);
      add(machine);
      ip('-n', hub, 'link', 'add', end, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', machine);
      ip('-n', hub, 'link', 'set', end, 'master', 'bridge0', 'up');
      ip('-n', machine, 'address', 'add', `10.77.0.${index + 1}/24`, 'dev', 'eth0');
      ip('-n', machine, 'link', 'set', 'eth0', 'up');
    }
    await runAgainIn(hub, name, options.isShown === true);
  } finally {
    remove();
  }
}

function runAgainIn(hub: string, name: string, isShown: boolean): Promise<void> {
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
