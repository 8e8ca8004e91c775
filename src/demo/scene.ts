// The actors of the demo: real servers, real members and a real endpoint, all children of this process, all on loopback.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { freePort, freePorts } from '../redis/free-port.ts';
import { ManagedProcess } from '../redis/managed-process.ts';
import { ManagedServer } from '../redis/managed-server.ts';
import { type ServerFiles, environmentFor } from '../redis/server-files.ts';
import { askControlSocket } from './ask.ts';

/** The group's name in the members' files. */
export const GROUP = 'demo';

/** Silence for this long is down. A process that provably ended is down at once, with `fastCrash`. */
export const DOWN_AFTER_MS = 1_000;

/** A failover not done after this is tried again (by twice of it). Short, since everything is on one machine. */
const FAILOVER_TIMEOUT_MS = 10_000;

export interface SceneOptions {
  readonly files: ServerFiles;
  /** What was started as `baton`, to start members and the endpoint with: an absolute path. */
  readonly program: string;
  readonly nodes: number;
  readonly members: number;
  readonly fastCrash: boolean;
}

/** One data node: a Redis or Valkey server. */
export interface SceneNode {
  readonly name: string;
  readonly port: number;
  readonly server: ManagedServer;
  /** What was done to it last. */
  state: 'starting' | 'running' | 'frozen' | 'stopped';
}

/** One member: a `baton sentinel`. */
export interface SceneMember {
  readonly name: string;
  readonly port: number;
  readonly process: ManagedProcess;
  readonly socketPath: string;
}

/** The endpoint: a `baton endpoint`, by relay. Its port is all that the writer knows. */
export interface SceneEndpoint {
  readonly name: string;
  readonly port: number;
  readonly process: ManagedProcess;
  readonly socketPath: string;
}

/** See the file's head. Whatever happens while it starts, `dispose` ends all of it. */
export class Scene {
  readonly options: SceneOptions;
  /** The first starts as the primary. */
  nodes: readonly SceneNode[] = [];
  members: readonly SceneMember[] = [];
  /** null: not made yet. */
  endpoint: SceneEndpoint | null = null;
  #isDisposed = false;

  constructor(options: SceneOptions) {
    this.options = options;
  }

  /** How many members must agree that the primary is down: a majority. */
  get quorum(): number {
    return Math.floor(this.options.members / 2) + 1;
  }

  /** Starts everything. Throws, with what the program said, if something does not start. */
  async start(): Promise<void> {
    const { files, nodes, members, fastCrash } = this.options;
    const nodePorts = await freePorts(nodes);
    const memberPorts = await freePorts(members);
    const endpointPort = await freePort();
    const [primaryPort] = nodePorts;
    assert(primaryPort !== undefined, 'a demo has a primary');

    this.nodes = nodePorts.map((port, index) => {
      const name = `${files.flavor}-${index + 1}`;
      const directives = [
        // As in production: who comes back after a crash has its data, and can be compared.
        'appendonly yes',
        'repl-diskless-sync-delay 0',
        ...(port === primaryPort ? [] : [`replicaof 127.0.0.1 ${primaryPort}`]),
      ];
      return { name, port, server: new ManagedServer({ files, name, port, directives }), state: 'starting' };
    });
    await this.#startAll(this.nodes.map((node) => () => this.startNode(node)));

    this.members = memberPorts.map((port, index) => {
      const name = `baton-${index + 1}`;
      const { process: member, socketPath } = this.#daemon('sentinel', name, name, (folder) => [
        join(folder, `${name}.conf`),
        '--name',
        name,
        '--fast-crash',
        fastCrash ? 'yes' : 'no',
      ]);
      writeFileSync(join(member.folder, `${name}.conf`), this.#memberConf(port, primaryPort));
      return { name, port, process: member, socketPath };
    });
    this.endpoint = {
      name: 'endpoint',
      port: endpointPort,
      ...this.#daemon('endpoint', 'endpoint', GROUP, () => [
        '--sentinels',
        memberPorts.map((port) => `127.0.0.1:${port}`).join(','),
        '--primary',
        GROUP,
        '--listen',
        `127.0.0.1:${endpointPort}`,
        '--path',
        'relay',
        // One client needs no more, however many cores there are.
        '--workers',
        '1',
      ]),
    };
    const daemons = [...this.members, this.endpoint];
    await this.#startAll(
      daemons.map(
        ({ process }) =>
          () =>
            process.restart(),
      ),
    );
  }

  /**
   * A `baton KIND`, not started yet. Its control socket, which it calls `KIND-SOCKETNAME.sock`, lives in its own folder,
   * away from the user's daemons.
   */
  #daemon(
    kind: 'sentinel' | 'endpoint',
    name: string,
    socketName: string,
    options: (folder: string) => readonly string[],
  ): { readonly process: ManagedProcess; readonly socketPath: string } {
    // Its folder is named below, once there is one.
    const environment: NodeJS.ProcessEnv = { ...process.env };
    let socketPath = '';
    const daemon = new ManagedProcess({
      name,
      environment,
      command: (folder) => [process.execPath, this.options.program, kind, ...options(folder)],
      isReady: async () => (await askControlSocket(socketPath, '/status', 1_000)) !== null,
    });
    environment['RUNTIME_DIRECTORY'] = daemon.folder;
    socketPath = join(daemon.folder, `${kind}-${socketName}.sock`);
    return { process: daemon, socketPath };
  }

  /** Starts a node (again), in the folder as it left it. */
  async startNode(node: SceneNode): Promise<void> {
    node.state = 'starting';
    try {
      await node.server.restart();
      node.state = 'running';
    } catch (error) {
      node.state = 'stopped';
      throw error;
    }
  }

  /** Ends every process and removes every folder. May be called at any time, more than once. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    const all = [...this.nodes.map(({ server }) => server), ...this.members.map(({ process }) => process)];
    await Promise.all([...all.map((one) => one.dispose()), disposeInOrder(this.endpoint?.process)]);
  }

  /** All at once; all have come to an end, one way or another, before the first failure is thrown. */
  async #startAll(starts: readonly (() => Promise<void>)[]): Promise<void> {
    const outcomes = await Promise.allSettled(starts.map((start) => start()));
    if (this.#isDisposed) throw new Error('stopped while starting');
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  #memberConf(port: number, primaryPort: number): string {
    return [
      'bind 127.0.0.1',
      `port ${port}`,
      `sentinel monitor ${GROUP} 127.0.0.1 ${primaryPort} ${this.quorum}`,
      `sentinel down-after-milliseconds ${GROUP} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${GROUP} ${FAILOVER_TIMEOUT_MS}`,
      `sentinel parallel-syncs ${GROUP} ${this.options.nodes}`,
      '',
    ].join('\n');
  }
}

/** Stopped, an endpoint ends its relay worker before itself; after a kill the worker would end a moment later. */
async function disposeInOrder(endpoint: ManagedProcess | undefined): Promise<void> {
  await endpoint?.stop();
  await endpoint?.dispose();
}

/** The version `files.server` reports, e.g. `7.0.15`; `?` if it does not say. */
export function versionOf(files: ServerFiles): string {
  const text = execFileSync(files.server, ['--version'], { env: environmentFor(files), encoding: 'utf8' });
  return /\bv=(\S+)/.exec(text)?.[1] ?? '?';
}
