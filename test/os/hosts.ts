// Hosts in network namespaces of their own, two of them joined by a cable, and processes inside them that a test
// directs.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';
import { build } from 'esbuild';
import { lacksNetworkNamespaces } from '../harness/requirements.ts';
import { pause, until } from '../harness/wait.ts';

/** What {@link startHosts} and {@link startAgent} need of a test's context. */
export interface Cleanup {
  after(fn: () => void | Promise<void>): void;
}

/** What an agent tells without being asked. */
export interface AgentEvent {
  readonly event: string;
  readonly [key: string]: unknown;
}

export class AgentError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** `false`, or why such tests can't run. */
export const skip = lacksNetworkNamespaces();

/** The interface of each host, and what is on it. */
export const LINK = 'eth0';
export const HOSTS = {
  a: { ipv4: '10.77.0.1', ipv6: 'fd77::1', mac: '02:00:00:00:77:01' },
  b: { ipv4: '10.77.0.2', ipv6: 'fd77::2', mac: '02:00:00:00:77:02' },
  /** Only on a network of three, see lan.ts. */
  c: { ipv4: '10.77.0.3', ipv6: 'fd77::3', mac: '02:00:00:00:77:03' },
} as const;

/** Runs a program to its end; its output, or an exception with it. */
export function run(...words: readonly string[]): string {
  const [command = '', ...args] = words;
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'latin1' });
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

/** One network namespace. */
export class Host {
  readonly namespace: string;
  readonly linkIndex: number;

  constructor(namespace: string) {
    this.namespace = namespace;
    this.linkIndex = Number(/^(\d+):/.exec(this.run('ip', '-o', 'link', 'show', 'dev', LINK))?.[1]);
  }

  get link(): { name: string; index: number } {
    return { name: LINK, index: this.linkIndex };
  }

  run(...words: readonly string[]): string {
    return run('ip', 'netns', 'exec', this.namespace, ...words);
  }

  /** A process inside, see inside.ts. */
  agent(test: Cleanup, ...wrapper: readonly string[]): Promise<Agent> {
    return startAgent(test, ['ip', 'netns', 'exec', this.namespace, ...wrapper]);
  }
}

let count = 0;

/** A name for a test's namespaces that no other test has. */
export const uniqueName = (): string => `baton-${process.pid}-${++count}`;

export function startHosts(test: Cleanup): { a: Host; b: Host } {
  const id = uniqueName();
  const [a, b] = [`${id}-a`, `${id}-b`];
  addNamespaces(test, a, b);
  run('ip', '-n', a, 'link', 'add', LINK, 'type', 'veth', 'peer', 'name', LINK, 'netns', b);
  return { a: settleHost(a, HOSTS.a), b: settleHost(b, HOSTS.b) };
}

/** Makes namespaces that go with the test. */
export function addNamespaces(test: Cleanup, ...namespaces: readonly string[]): void {
  test.after(() => {
    for (const namespace of namespaces) spawnSync('ip', ['netns', 'delete', namespace]);
  });
  for (const namespace of namespaces) {
    run('ip', 'netns', 'add', namespace);
    // IPv6 addresses are usable at once.
    const dadOff = 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad';
    run('ip', 'netns', 'exec', namespace, 'sh', '-c', dadOff);
  }
}

/** Gives a namespace that has its end of a cable its addresses. */
export function settleHost(namespace: string, { ipv4, ipv6, mac }: (typeof HOSTS)[keyof typeof HOSTS]): Host {
  run('ip', '-n', namespace, 'link', 'set', LINK, 'address', mac);
  run('ip', '-n', namespace, 'address', 'add', `${ipv4}/24`, 'dev', LINK);
  run('ip', '-n', namespace, 'address', 'add', `${ipv6}/64`, 'dev', LINK, 'nodad');
  run('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
  run('ip', '-n', namespace, 'link', 'set', LINK, 'up');
  return new Host(namespace);
}

/** A process that a test directs. */
export class Agent {
  readonly process: ChildProcess;
  readonly events: AgentEvent[] = [];
  /** Resolves to what it ended with. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  errorOutput = '';
  readonly #waiting = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >();
  #count = 0;

  constructor(child: ChildProcess) {
    this.process = child;
    child.stderr?.setEncoding('latin1').on('data', (text: string) => (this.errorOutput += text));
    child.stdin?.on('error', () => {});
    this.ended = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        for (const { reject } of this.#waiting.values()) reject(new AgentError('ENDED', this.errorOutput));
        resolve({ code, signal });
      });
    });
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
    }
  }

  /** Has it do one of inside.ts's operations. Rejects with an {@link AgentError}. */
  ask<T>(call: string, ...args: readonly unknown[]): Promise<T> {
    const id = ++this.#count;
    this.process.stdin?.write(`${JSON.stringify({ id, call, args })}\n`);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
    });
  }

  /** Events of one kind so far. */
  told(event: string): AgentEvent[] {
    return this.events.filter((told) => told.event === event);
  }

  /** Waits for an event that satisfies `isIt`. */
  tells(what: string, isIt: (event: AgentEvent) => boolean): Promise<AgentEvent> {
    return until(
      what,
      () => this.events.find(isIt),
      () =>
        this.events
          .slice(-20)
          .map((event) => JSON.stringify(event))
          .join('\n'),
      10_000,
    );
  }

  /** Waits until whatever is on its way has surely arrived. */
  async quiet(): Promise<void> {
    await pause(100);
  }

  #hear(line: string): void {
    const message = JSON.parse(line) as AgentEvent & {
      id?: number;
      result?: unknown;
      error?: { code?: string; message: string };
    };
    if (message.id === undefined) {
      this.events.push(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.result);
    else waiting?.reject(new AgentError(message.error.code ?? '', message.error.message));
  }
}

const bundles = new Map<string, Promise<string>>();

/**
 * Starts a program that obeys (obey.ts), by default inside.ts, behind `wrapper` (a program and arguments that take a
 * command).
 */
export async function startAgent(
  test: Cleanup,
  wrapper: readonly string[],
  entry = 'test/os/inside.ts',
): Promise<Agent> {
  const bundle = bundles.get(entry) ?? bundled(entry);
  bundles.set(entry, bundle);
  const [command, ...args] = [...wrapper, process.execPath, '--expose-gc', await bundle];
  const agent = new Agent(spawn(command, args, { stdio: 'pipe' }));
  test.after(async () => {
    agent.process.kill('SIGKILL');
    await agent.ended;
  });
  return agent;
}

async function bundled(entry: string): Promise<string> {
  const outfile = resolve('.cache/tests/os', `${entry.replaceAll(/\W/g, '-')}-${process.pid}.mjs`);
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  return outfile;
}
