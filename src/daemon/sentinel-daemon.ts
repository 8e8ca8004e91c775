// One running sentinel: its port, its links, its file and its machine, joined. What the command line and the operating
// system want of a process (pid file, signals, background) is in cli/sentinel.ts.

import { failure, success, type Result } from '../base/result.ts';
import type { SecureContext } from 'node:tls';
import type { SentinelConf } from '../sentinel/conf/conf.ts';
import type { Snapshot } from '../sentinel/snapshot.ts';
import { Links } from '../net/links.ts';
import { Listener } from '../net/listener.ts';
import { loadTls, usesTls, type TlsContexts } from '../net/tls.ts';
import { Scripts } from '../notify/scripts.ts';
import { monotonicMs } from './clock.ts';
import { carryOut, type World } from './effects.ts';
import { Journal, type JournalDecision, type JournalEvent } from './journal.ts';
import type { Log } from './log.ts';
import { Loop } from './loop.ts';
import type { Machine } from './machine.ts';
import { Resolver } from './resolver.ts';
import { StateWriter } from './state-writer.ts';

/** How long the last answers and a running write of the state may hold up the exit. */
const LEAVE_MS_MAX = 300;

export interface SentinelDaemonOptions {
  /** Absolute. */
  readonly configFile: string;
  readonly conf: SentinelConf;
  readonly log: Log;
  /** Called once, after all ports are bound. */
  readonly createMachine: () => Machine;
  /** The file's text with `conf` written into it. */
  readonly rewrite: (text: string, conf: SentinelConf) => string;
  /** The last thing called. */
  readonly exit: (code: number) => void;
}

/** What `baton status` shows. */
export interface Status {
  readonly kind: 'sentinel';
  readonly pid: number;
  readonly configFile: string;
  /** What it listens on. */
  readonly listening: readonly string[];
  /** Wall clock, milliseconds since 1970. */
  readonly at: number;
  readonly snapshot: Snapshot;
  /** Oldest first. */
  readonly decisions: readonly JournalDecision[];
  /** Oldest first. */
  readonly events: readonly JournalEvent[];
}

export class SentinelDaemon {
  /** What it listens on. */
  readonly listening: readonly string[];
  readonly #options: SentinelDaemonOptions;
  readonly #machine: Machine;
  readonly #loop: Loop;
  readonly #world: World;
  readonly #stateWriter: StateWriter<SentinelConf>;
  readonly #journal = new Journal();
  #isLeaving = false;

  /**
   * Binds the ports and, once they are ours, makes the machine and starts it. The problem of a start that failed is
   * for the log (sentinel.md §2.1); nothing has been touched then.
   */
  static async start(options: SentinelDaemonOptions): Promise<Result<SentinelDaemon, string>> {
    const { server } = options.conf;
    let tls: TlsContexts | null = null;
    if (usesTls(server.tls)) {
      const loaded = loadTls(server.tls);
      if (!loaded.ok) return failure(`TLS cannot be set up: ${loaded.problem.join('; ')}`);
      tls = loaded.value;
    }
    const listener = new Listener({
      conf: server,
      tls: tls?.server ?? null,
      log: (level, sentence) => options.log.write(level, sentence),
    });
    const bound = await listener.listen();
    if (!bound.ok) return bound;
    return success(new SentinelDaemon(options, listener, tls?.client ?? null, bound.value));
  }

  private constructor(
    options: SentinelDaemonOptions,
    listener: Listener,
    tls: SecureContext | null,
    listening: readonly string[],
  ) {
    this.#options = options;
    this.listening = listening;
    const loop = new Loop({
      perform: (effect) => carryOut(effect, this.#world),
      flush: () => this.#flush(),
    });
    this.#loop = loop;
    this.#machine = options.createMachine();
    this.#stateWriter = new StateWriter<SentinelConf>({
      path: options.configFile,
      stateToPersist: () => this.#machine.stateToPersist(),
      rewrite: options.rewrite,
      done: (version, problem) => loop.deliver({ kind: 'persisted', version, problem }),
    });
    this.#world = {
      listener,
      links: new Links({ sink: loop, tls, bindSourceAddr: options.conf.server.bindSourceAddr }),
      resolver: new Resolver((host, ips) => loop.deliver({ kind: 'resolved', host, ip: ips[0] ?? null })),
      scripts: new Scripts({
        started: (run, pid) => loop.deliver({ kind: 'script-started', run, pid }),
        ended: (run, exitCode, signal) => loop.deliver({ kind: 'script-ended', run, exitCode, signal }),
      }),
      stateWriter: this.#stateWriter,
      log: options.log,
      journal: this.#journal,
      leave: (exitCode) => this.#leave(exitCode),
    };
    loop.start(this.#machine, { kind: 'start' });
    if (!this.#isLeaving) listener.serve(loop, this.#machine);
  }

  /** SIGTERM and SIGINT. The machine says goodbye and asks to leave. */
  terminate(): void {
    this.#loop.deliver({ kind: 'terminate' });
  }

  status(): Status {
    return {
      kind: 'sentinel',
      pid: process.pid,
      configFile: this.#options.configFile,
      listening: this.listening,
      at: Date.now(),
      snapshot: this.#machine.snapshot(monotonicMs()),
      decisions: this.#journal.decisions,
      events: this.#journal.events,
    };
  }

  /** Each may give the other something to send. */
  #flush(): void {
    const { links, listener } = this.#world;
    do {
      listener.flush();
      links.flush();
    } while (listener.isDirty || links.isDirty);
  }

  #leave(exitCode: number): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#loop.stop();
    const { links, listener } = this.#world;
    links.flush();
    listener.flush();
    const end = monotonicMs() + LEAVE_MS_MAX;
    let isWriting = true;
    void this.#stateWriter.idle().finally(() => {
      isWriting = false;
    });
    const leaveWhenDone = (): void => {
      if (monotonicMs() < end && (isWriting || listener.waitingBytes > 0)) {
        setTimeout(leaveWhenDone, 5);
        return;
      }
      links.closeAll();
      listener.close();
      this.#options.exit(exitCode);
    };
    setImmediate(leaveWhenDone);
  }
}
