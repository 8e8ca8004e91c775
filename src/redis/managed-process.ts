// A program that we started: a child process with a folder of its own, which can be frozen, killed and started again,
// and is gone without a trace when we are. It takes no decisions and restarts nothing by itself.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath } from './server-files.ts';

/** How much of a program's output is kept to explain what went wrong. */
const OUTPUT_CHARACTERS_MAX = 64 * 1024;
const START_MS_MAX = 20_000;
const STOP_MS_MAX = 5_000;

export interface ManagedProcessOptions {
  /** What people call it. */
  readonly name: string;
  readonly environment?: NodeJS.ProcessEnv;
  /** Program and arguments; given the folder. */
  readonly command: (folder: string) => readonly string[];
  /** Asked again and again after a start, with the output of this run, until it says yes. */
  readonly isReady: (output: string) => boolean | Promise<boolean>;
}

/** See the file's head. `restart` starts it, the first time too; `dispose` ends it for good. */
export class ManagedProcess {
  readonly name: string;
  /** Its working folder, removed by `dispose`. */
  readonly folder: string;
  readonly #options: ManagedProcessOptions;
  #child: ChildProcess | null = null;
  #ended: Promise<void> = Promise.resolve();
  #output = '';
  #isFrozen = false;

  constructor(options: ManagedProcessOptions) {
    this.#options = options;
    this.name = options.name;
    this.folder = mkdtempSync(join(tmpdir(), 'baton-'));
    living.add(this);
  }

  /** The process id while it runs, else null. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  /** Runs, and was not frozen by us. */
  get isResponsive(): boolean {
    return this.#child !== null && !this.#isFrozen;
  }

  /** The end of what it wrote, over all its runs. */
  get output(): string {
    return this.#output;
  }

  /**
   * Starts it (again) in the folder as it left it; a running one is killed first. Resolves when it is ready; throws,
   * with the end of its output, if that takes longer than 20 s or it ends before.
   */
  async restart(): Promise<void> {
    await this.kill();
    const [command = '', ...args] = [...dieWithUs(), ...this.#options.command(this.folder)];
    const child = spawn(command, args, {
      cwd: this.folder,
      env: this.#options.environment ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A session of its own: Ctrl-C on our terminal is for us to handle.
      detached: true,
    });
    let outputOfThisRun = '';
    const collect = (chunk: Buffer): void => {
      outputOfThisRun = (outputOfThisRun + chunk.toString('latin1')).slice(-OUTPUT_CHARACTERS_MAX);
      this.#output = (this.#output + chunk.toString('latin1')).slice(-OUTPUT_CHARACTERS_MAX);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    this.#child = child;
    this.#isFrozen = false;
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        if (this.#child === child) this.#child = null;
        resolve();
      };
      child.on('exit', end);
      child.on('error', (error) => {
        collect(Buffer.from(`${error.message}\n`));
        end();
      });
    });

    const deadline = performance.now() + START_MS_MAX;
    for (
      let pauseMs = 5;
      this.isRunning && performance.now() < deadline;
      pauseMs = Math.min(50, pauseMs * 1.5)
    ) {
      // Whoever answers in its place while ours is failing to listen is not ours: it must be alive after the answer.
      if ((await this.#options.isReady(outputOfThisRun)) && this.isRunning) return;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    const what = this.isRunning ? `was not ready within ${START_MS_MAX / 1000} s` : 'ended at once';
    await this.kill();
    throw new Error(`${this.name} ${what}; its last output:\n${outputOfThisRun.slice(-2_000)}`);
  }

  /** SIGKILL; resolves once the process is gone. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** SIGTERM, which lets it save what it must; SIGKILL if it takes longer than five seconds. */
  async stop(): Promise<void> {
    this.thaw();
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_MS_MAX);
    await this.#ended;
    clearTimeout(timer);
  }

  /** SIGSTOP: sockets stay open, nothing answers, as when a machine hangs. */
  freeze(): void {
    this.#isFrozen = true;
    this.#child?.kill('SIGSTOP');
  }

  /** SIGCONT. */
  thaw(): void {
    this.#isFrozen = false;
    this.#child?.kill('SIGCONT');
  }

  /** Kills it, with those of its children that stayed in its session, and removes its folder. */
  async dispose(): Promise<void> {
    this.#killSession();
    await this.kill();
    living.delete(this);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A server that writes its file anew, or a daemon with workers, has children that would outlive it for a moment. */
  #killSession(): void {
    const pid = this.#child?.pid;
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  }

  /** {@link dispose} for when we are exiting and can't wait. */
  disposeAtExit(): void {
    this.#killSession();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const living = new Set<ManagedProcess>();
process.on('exit', () => {
  for (const managed of living) managed.disposeAtExit();
});

/**
 * Words that make the kernel kill the program when we die, however we die: a `kill -9` of ours runs no handler.
 * Nothing where util-linux is missing.
 */
function dieWithUs(): readonly string[] {
  const setpriv = findOnPath('setpriv', process.env['PATH'] ?? '');
  return setpriv === null ? [] : [setpriv, '--pdeathsig', 'KILL'];
}
