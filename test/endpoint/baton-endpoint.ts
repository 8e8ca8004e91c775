// `baton endpoint` as a process of its own, and writers that count what became of their writes.

import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { EndpointStatus } from '../../src/daemon/endpoint/endpoint-daemon.ts';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { until } from '../harness/wait.ts';
import { Wire, type Target } from '../harness/wire.ts';

export const BATON = join(process.cwd(), 'bin/baton');

/** What a test's context must have. */
export interface Cleanup {
  after(fn: () => Promise<void>): void;
}

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

export class BatonEndpoint {
  readonly process: ManagedProcess;

  private constructor(process: ManagedProcess) {
    this.process = process;
  }

  /** Starts it with these arguments, and waits until it listens. */
  static start(test: Cleanup, ...args: readonly string[]): Promise<BatonEndpoint> {
    return BatonEndpoint.startBy([], test, ...args);
  }

  /** The same, started by a command that takes the rest as its arguments. */
  static async startBy(
    wrapper: readonly string[],
    test: Cleanup,
    ...args: readonly string[]
  ): Promise<BatonEndpoint> {
    const daemon: ManagedProcess = new ManagedProcess({
      name: 'baton-endpoint',
      environment: { ...process.env, RUNTIME_DIRECTORY: '' },
      command: (folder) => [
        'env',
        `RUNTIME_DIRECTORY=${folder}`,
        ...wrapper,
        process.execPath,
        BATON,
        'endpoint',
        ...args,
      ],
      isReady: (output) => output.includes(' listens on '),
    });
    test.after(() => daemon.dispose());
    await daemon.restart();
    return new BatonEndpoint(daemon);
  }

  /** A command for it, run to its end. */
  order(...args: readonly string[]): Ended {
    return runBaton(this.process.folder, ...args);
  }

  /** The same, while the test goes on. */
  orderMeanwhile(...args: readonly string[]): Promise<Ended> {
    const command = spawn(process.execPath, [BATON, 'endpoint', ...args], {
      timeout: 60_000,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, RUNTIME_DIRECTORY: this.process.folder },
    });
    let output = '';
    const hear = (bytes: Buffer): void => {
      output += bytes.toString();
    };
    command.stdout.on('data', hear);
    command.stderr.on('data', hear);
    return new Promise((resolve) => command.once('close', (code) => resolve({ code, output })));
  }

  status(): EndpointStatus {
    const { code, output } = this.order('status', '--json');
    if (code !== 0) throw new Error(`status ended with ${code}: ${output}`);
    return JSON.parse(output) as EndpointStatus;
  }

  /** Where a frontend's backend leads. */
  leadsTo(name = 'primary'): readonly string[] {
    return this.status().snapshot.backends.find((one) => one.name === name)?.leadsTo ?? [];
  }

  async leads(to: readonly string[], name = 'primary'): Promise<void> {
    await until(
      `${name} leads to ${to.join(', ')}`,
      () => JSON.stringify(this.leadsTo(name)) === JSON.stringify(to),
      () => this.process.output,
    );
  }
}

/** `baton endpoint ARGS`, run to its end. */
export function runBaton(runtimeFolder: string, ...args: readonly string[]): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BATON, 'endpoint', ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, RUNTIME_DIRECTORY: runtimeFolder },
  });
  return { code: status, output: `${stdout}${stderr}` };
}

/**
 * One plain client that counts up, one INCR after the other, and connects again whenever it must; it stops behind the
 * test at the latest, so that a failing one does not keep its file alive.
 */
export class Counter {
  readonly key: string;
  acknowledged = 0;
  /** What it was told instead, and connections that ended. */
  readonly errors: string[] = [];
  readonly #target: Target;
  #isStopping = false;
  readonly #running: Promise<void>;

  constructor(test: Cleanup, target: Target, key: string) {
    this.#target = target;
    this.key = key;
    this.#running = this.#run();
    test.after(() => this.stop());
  }

  /** Resolves once it has its last answer; may be called again. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    let wire: Wire | null = null;
    while (!this.#isStopping) {
      try {
        wire ??= await Wire.open(this.#target, 10_000);
        await wire.call('INCR', this.key);
        this.acknowledged += 1;
      } catch (error) {
        this.errors.push((error as Error).message);
        wire?.close();
        wire = null;
        await new Promise((done) => setTimeout(done, 20));
      }
    }
    wire?.close();
  }
}
