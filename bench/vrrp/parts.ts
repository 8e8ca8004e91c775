// The bench is one program in several processes: the one that directs, a client inside its machine, and idle timers.
// They, and what else it listens to, are told line by line.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Names the part that a process is of this program. */
const PART = 'BATON_BENCH_PART';

export type Part = 'client' | 'timers';

/** Which part this process is; null: the one that directs. */
export function thisPart(): Part | null {
  const part = process.env[PART];
  return part === 'client' || part === 'timers' ? part : null;
}

/** Starts a part of this program behind `wrapper`; `onLine` hears what it prints. */
export function startPart(
  part: Part,
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
