// A bench is one program in several processes: the one that directs, and others that are clients or whatever else must
// not share its process or its machine. They, and what else it listens to, are told line by line.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Names the part that a process is of this program. */
const PART = 'BATON_BENCH_PART';

/** Which part this process is; null: the one that directs. */
export function thisPart(): string | null {
  return process.env[PART] ?? null;
}

/** Starts a part of this program behind `wrapper`; `onLine` hears what it prints. */
export function startPart(
  part: string,
  wrapper: readonly string[],
  onLine: (line: string) => void,
): ChildProcess {
  const [, file = ''] = process.argv;
  const words = [...wrapper, process.execPath, '--enable-source-maps', file];
  return startHeard(words, onLine, { ...process.env, [PART]: part });
}

/** Starts any program whose lines are heard. */
export function startHeard(
  words: readonly string[],
  onLine: (line: string) => void,
  environment: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  const [command = '', ...args] = words;
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: environment });
  createInterface({ input: child.stdout }).on('line', onLine);
  return child;
}

/** A part that answers each line, `verb JSON`, with a line of JSON, in order. */
export class AskedPart {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (answer: unknown) => void; reject: (error: Error) => void }[] = [];

  /** A part of this program, or another program that is told the same way. */
  constructor(part: string | readonly string[], wrapper: readonly string[] = []) {
    const onLine = (line: string): void => this.#waiting.shift()?.resolve(JSON.parse(line));
    this.#child =
      typeof part === 'string' ? startPart(part, wrapper, onLine) : startHeard([...wrapper, ...part], onLine);
    this.#child.on('exit', (status) => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`a client ended with ${status}`));
    });
  }

  ask<Answer>(verb: string, argument: unknown = null): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve: (answer) => resolve(answer as Answer), reject });
      this.#child.stdin?.write(`${verb} ${JSON.stringify(argument)}\n`);
    });
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

/** That part's own side; it ends when nobody can ask any more. */
export function answerLines(verbs: Readonly<Record<string, (argument: never) => unknown>>): void {
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const space = line.indexOf(' ');
      const act = verbs[line.slice(0, space)];
      if (act === undefined) throw new Error(`nothing to do for ${line}`);
      void Promise.resolve(act(JSON.parse(line.slice(space + 1)) as never)).then((answer) =>
        process.stdout.write(`${JSON.stringify(answer ?? null)}\n`),
      );
    })
    .on('close', () => process.exit(0));
}
