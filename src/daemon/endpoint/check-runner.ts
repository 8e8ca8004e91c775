// Runs the checks that the endpoint machine asks for. Each ends by itself, at latest with its timeout; what it found is
// told once.

import { unreachable } from '../../base/assert.ts';
import type { CheckConf } from '../../endpoint/checks/check-conf.ts';
import type { CheckOutcome } from '../../endpoint/checks/dialogue.ts';
import { fileOutcome } from '../../endpoint/checks/file-check.ts';
import { HttpCheck } from '../../endpoint/checks/http-check.ts';
import { AgentLine, RedisPing, SmtpGreeting, TcpConnect } from '../../endpoint/checks/line-checks.ts';
import { TcpCheck } from '../../endpoint/checks/tcp-check.ts';
import type { CheckRunId, Effect } from '../../endpoint/io.ts';
import type { Target } from '../../endpoint/route.ts';
import { TlsClient } from '../../net/tls-client.ts';
import { HTTP_TOOLS, matchWithin, runDialogue } from './dialogue-runner.ts';
import { checkByDns, checkByEcho, CommandChecks, readTracked } from './other-checks.ts';

type RunCheck = Extract<Effect, { readonly kind: 'run-check' }>;

const failed = (error: unknown): CheckOutcome => ({
  isUp: false,
  detail: (error as Error).message,
  weight: null,
});

export class CheckRunner {
  readonly #ended: (run: CheckRunId, outcome: CheckOutcome) => void;
  readonly #running = new Map<CheckRunId, AbortController>();
  readonly #commands = new CommandChecks();
  readonly #tlsClient: TlsClient;

  constructor(
    ended: (run: CheckRunId, outcome: CheckOutcome) => void,
    tlsClient: TlsClient = new TlsClient(),
  ) {
    this.#ended = ended;
    this.#tlsClient = tlsClient;
  }

  run({ run, check, server, timeoutMs }: RunCheck): void {
    const controller = new AbortController();
    this.#running.set(run, controller);
    const timer = setTimeout(() => controller.abort(new Error(`nothing within ${timeoutMs} ms`)), timeoutMs);
    void this.#settle(run, this.#check(check, server, controller.signal)).finally(() => clearTimeout(timer));
  }

  /** Its outcome is wanted no more. */
  stop(run: CheckRunId): void {
    const controller = this.#running.get(run);
    this.#running.delete(run);
    controller?.abort(new Error('it is not wanted any more'));
  }

  closeAll(): void {
    for (const run of this.#running.keys()) this.stop(run);
  }

  async #settle(run: CheckRunId, check: Promise<CheckOutcome>): Promise<void> {
    const outcome = await check.catch(failed);
    if (this.#running.delete(run)) this.#ended(run, outcome);
  }

  /** Rejects with what is in the way, at latest when `signal` aborts. */
  async #check(check: CheckConf, server: Target, signal: AbortSignal): Promise<CheckOutcome> {
    switch (check.kind) {
      case 'tcp':
        return runDialogue(new TcpConnect(check), server, signal, this.#tlsClient);
      case 'redis-ping':
        return runDialogue(new RedisPing(check), server, signal, this.#tlsClient);
      case 'tcp-check':
        return runDialogue(new TcpCheck(check, matchWithin), server, signal, this.#tlsClient);
      case 'http':
        return runDialogue(new HttpCheck(check, HTTP_TOOLS), server, signal, this.#tlsClient);
      case 'smtp':
        return runDialogue(new SmtpGreeting(check), server, signal, this.#tlsClient);
      case 'agent':
        return runDialogue(new AgentLine(check), server, signal, this.#tlsClient);
      case 'icmp':
        return checkByEcho(server, signal);
      case 'dns':
        return checkByDns(check, server, signal);
      case 'command':
        return this.#commands.check(check, server, signal);
      case 'file':
        return fileOutcome(check, await readTracked(check.path));
      default:
        return unreachable(check, 'a check the daemon does not know');
    }
  }
}
