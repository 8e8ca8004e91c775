// What the process owes to signals, to its own bugs and to standard error (sentinel.md §2.1, §11).

import { AssertionError } from '../base/assert.ts';

/** A bug in Baton (style: errors). */
const EXIT_BUG = 70;

export interface ProcessHooks {
  /** The first SIGTERM or SIGINT. */
  readonly terminate: () => void;
  /** Something broke that must not: logged before the process ends with exit code 70. */
  readonly report: (sentence: string) => void;
  /** Frees what outlives the process. */
  readonly cleanUp: () => void;
}

/**
 * Installs the handlers: SIGTERM and SIGINT terminate, another SIGINT exits 1 at once, SIGHUP and SIGPIPE are ignored,
 * and so is SIGUSR1, which would open Node's debugger. Node's warnings do not reach standard error.
 */
export function governProcess(hooks: ProcessHooks): void {
  let isTerminating = false;
  const terminate = (signal: NodeJS.Signals): void => {
    if (isTerminating) {
      if (signal !== 'SIGINT') return;
      hooks.cleanUp();
      process.exit(1);
    }
    isTerminating = true;
    hooks.terminate();
  };
  process.on('SIGTERM', terminate);
  process.on('SIGINT', terminate);
  for (const ignored of ['SIGHUP', 'SIGPIPE', 'SIGUSR1'] as const) process.on(ignored, () => undefined);
  process.removeAllListeners('warning');
  process.on('warning', () => undefined);

  const die = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const what =
      error instanceof AssertionError ? 'A rule of the program itself was broken' : 'Unexpected failure';
    for (const line of `${what}, exiting: ${text}`.split('\n')) hooks.report(line);
    hooks.cleanUp();
    process.exit(EXIT_BUG);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}
