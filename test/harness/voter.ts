// One voter of a fleet: redis-sentinel or Baton, with a sentinel.conf of its own and a record of what it announced.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { type ServerFiles, environmentFor } from '../../src/redis/server-files.ts';
import { type Target, type Value, Wire, ask, toRecord } from './wire.ts';

/** `redis`: the distribution's `redis-server --sentinel`. `baton`: `bin/baton sentinel` of this checkout, as built. */
export type VoterKind = 'redis' | 'baton';

/** What a voter published, in the order it did. */
export interface SentinelEvent {
  readonly name: string;
  readonly text: string;
  /** Of performance.now(). */
  readonly atMs: number;
}

export interface VoterOptions {
  readonly kind: VoterKind;
  readonly files: ServerFiles;
  readonly target: Target;
  /** The lines of its sentinel.conf but `port`, `bind`, `dir`. */
  readonly lines: readonly string[];
  readonly wrapper: readonly string[];
  /** More arguments after the file. */
  readonly args: readonly string[];
}

/** See the file's head. `start` once; then kill, freeze, `startAgain` as wanted. */
export class Voter {
  readonly kind: VoterKind;
  readonly target: Target;
  readonly process: ManagedProcess;
  /** Over all its runs. What it published before the subscription of a run stood is missing. */
  readonly events: SentinelEvent[] = [];
  #subscription: Wire | null = null;

  private constructor(options: VoterOptions) {
    this.kind = options.kind;
    this.target = options.target;
    this.process = new ManagedProcess({
      name: `${options.kind}-sentinel-${options.target.port}`,
      environment: environmentFor(options.files),
      command: (folder) => [
        ...options.wrapper,
        ...(options.kind === 'redis'
          ? [options.files.server, join(folder, 'sentinel.conf'), '--sentinel']
          : [process.execPath, join(process.cwd(), 'bin/baton'), 'sentinel', join(folder, 'sentinel.conf')]),
        ...options.args,
      ],
      isReady: () =>
        ask(this.target, ['PING'], 1_000).then(
          () => true,
          () => false,
        ),
    });
    const { host, port, tls } = options.target;
    const lines = [
      `bind ${host}`,
      ...(tls === undefined ? [`port ${port}`] : ['port 0', `tls-port ${port}`]),
      `dir "${this.process.folder}"`,
      ...options.lines,
    ];
    writeFileSync(this.confFile, `${lines.join('\n')}\n`);
  }

  static async start(options: VoterOptions): Promise<Voter> {
    const voter = new Voter(options);
    try {
      await voter.startAgain();
    } catch (error) {
      await voter.dispose();
      throw error;
    }
    return voter;
  }

  get confFile(): string {
    return join(this.process.folder, 'sentinel.conf');
  }

  /** Starts it with the file it left, and listens to its events. */
  async startAgain(): Promise<void> {
    this.#subscription?.close();
    await this.process.restart();
    this.#subscription = await Wire.open(this.target);
    await this.#subscription.subscribeToAll((name, text) => {
      this.events.push({ name, text, atMs: performance.now() });
    });
  }

  ask(...args: readonly string[]): Promise<Value> {
    return ask(this.target, args);
  }

  /** `SENTINEL MASTER`, by field. */
  async master(group: string): Promise<Record<string, string>> {
    return toRecord(await this.ask('SENTINEL', 'MASTER', group));
  }

  /** `host:port` of the group's primary as this voter would tell a client. */
  async primaryOf(group: string): Promise<string> {
    const address = await this.ask('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', group);
    return Array.isArray(address) ? address.join(':') : 'unknown';
  }

  hasPublished(name: string, group?: string): boolean {
    return this.events.some(
      (event) => event.name === name && (group === undefined || concerns(event, group)),
    );
  }

  async dispose(): Promise<void> {
    this.#subscription?.close();
    await this.process.dispose();
  }
}

/** Whether an event is about `group`: its name stands first (`+switch-master`), second, or after the `@`. */
export function concerns(event: SentinelEvent, group: string): boolean {
  const words = event.text.split(' ');
  return event.name === '+switch-master'
    ? words[0] === group
    : (words[0] === 'master' && words[1] === group) || words[words.indexOf('@') + 1] === group;
}
