// Runs the checks that the endpoint machine asks for. Each ends by itself, at latest with its timeout; what it found is
// told once.

import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { CheckConf } from '../../endpoint/checks/check-conf.ts';
import type { CheckRunId, Effect } from '../../endpoint/io.ts';
import type { Target } from '../../endpoint/route.ts';
import { contextOf } from './server-links.ts';

export interface CheckOutcome {
  readonly isUp: boolean;
  /** What was seen, for people. */
  readonly detail: string;
  /** Percent of the configured weight that the server asks for; null: it does not say. */
  readonly weight: number | null;
}

/** Resolves when it has an outcome; gives up when `signal` aborts. */
export type CheckFunction = (check: CheckConf, server: Target, signal: AbortSignal) => Promise<CheckOutcome>;

type RunCheck = Extract<Effect, { readonly kind: 'run-check' }>;

export class CheckRunner {
  readonly #ended: (run: CheckRunId, outcome: CheckOutcome) => void;
  readonly #running = new Map<CheckRunId, AbortController>();

  constructor(ended: (run: CheckRunId, outcome: CheckOutcome) => void) {
    this.#ended = ended;
  }

  run({ run, check, server, timeoutMs }: RunCheck): void {
    const controller = new AbortController();
    this.#running.set(run, controller);
    const timer = setTimeout(() => {
      controller.abort();
      this.#end(run, { isUp: false, detail: `no answer within ${timeoutMs} ms`, weight: null });
    }, timeoutMs);
    void runCheck(check, server, controller.signal)
      .catch((error: Error): CheckOutcome => ({ isUp: false, detail: error.message, weight: null }))
      .then((outcome) => this.#end(run, outcome))
      .finally(() => clearTimeout(timer));
  }

  /** Its outcome is wanted no more. */
  stop(run: CheckRunId): void {
    this.#running.get(run)?.abort();
    this.#running.delete(run);
  }

  closeAll(): void {
    for (const run of this.#running.keys()) this.stop(run);
  }

  #end(run: CheckRunId, outcome: CheckOutcome): void {
    if (this.#running.delete(run)) this.#ended(run, outcome);
  }
}

function runCheck(check: CheckConf, server: Target, signal: AbortSignal): Promise<CheckOutcome> {
  switch (check.kind) {
    case 'tcp':
      return checkTcp(check, server, signal);
    default:
      return Promise.resolve({ isUp: false, detail: `${check.kind} checks cannot be run`, weight: null });
  }
}

/** A connection, and with TLS a handshake, is enough. */
function checkTcp(
  { host, port, tls }: Extract<CheckConf, { readonly kind: 'tcp' }>,
  server: Target,
  signal: AbortSignal,
): Promise<CheckOutcome> {
  return new Promise((resolve, reject) => {
    const where = { host: host ?? server.host, port: port ?? server.port };
    const socket =
      tls === null
        ? connect(where)
        : connectTls({ ...where, secureContext: contextOf(tls), rejectUnauthorized: tls.verifies });
    socket.once(tls === null ? 'connect' : 'secureConnect', () => {
      socket.resetAndDestroy();
      resolve({ isUp: true, detail: 'connected', weight: null });
    });
    socket.once('error', reject);
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
  });
}
