// Carries the bytes of a check that talks over a connection. Connections are ended by a reset, as HAProxy ends those of
// its checks: no port is left in TIME_WAIT by thousands of them.

import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { runInContext, createContext, type Context } from 'node:vm';
import type { CheckOutcome, Dialogue, DialogueStep, Matcher } from '../../endpoint/checks/dialogue.ts';
import type { HttpTools } from '../../endpoint/checks/http-check.ts';
import type { Target } from '../../endpoint/route.ts';
import { proxyHeader } from '../../net/relay/proxy-protocol.ts';
import { endAtOnce } from '../../net/end-at-once.ts';
import { placeOf, type TlsClient } from '../../net/tls-client.ts';
import { explainTls } from '../../net/tls-problem.ts';

/** A pattern may hold up everything else in the process so long. One that makes sense takes a thousandth of it. */
const MATCH_MS_MAX = 20;

let sandbox: Context | null = null;

/** V8 stops a pattern that backtracks for too long only when it runs as a script of node:vm. */
export const matchWithin: Matcher = (pattern, text) => {
  sandbox ??= createContext(Object.assign(Object.create(null) as object, { pattern, text }));
  Object.assign(sandbox, { pattern, text });
  try {
    return runInContext('pattern.test(text)', sandbox, { timeout: MATCH_MS_MAX }) === true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return null;
    throw error;
  }
};

export const HTTP_TOOLS: HttpTools = {
  matches: matchWithin,
  md5: (bytes) => createHash('md5').update(bytes, 'latin1').digest('hex'),
};

/** Runs it to its end. Rejects with what went wrong on the way, at latest when `signal` aborts, with its reason. */
export function runDialogue(
  dialogue: Dialogue,
  server: Target,
  signal: AbortSignal,
  tlsClient: TlsClient,
): Promise<CheckOutcome> {
  return new Promise((resolve, reject) => {
    let socket: Socket | null = null;
    const leave = (): void => {
      signal.removeEventListener('abort', abort);
      if (socket !== null) endAtOnce(socket);
      socket = null;
    };
    const fail = (error: Error): void => {
      leave();
      reject(error);
    };
    const abort = (): void => fail(new Error(`${dialogue.waitsFor}: ${(signal.reason as Error).message}`));
    const perform = (steps: readonly DialogueStep[]): void => {
      for (const step of steps) {
        switch (step.kind) {
          case 'connect':
            if (socket !== null) endAtOnce(socket);
            socket = open(step);
            break;
          case 'send':
            socket?.write(step.bytes, 'latin1');
            break;
          case 'end':
            leave();
            resolve(step.outcome);
            return;
        }
      }
    };
    const open = (step: Extract<DialogueStep, { readonly kind: 'connect' }>): Socket => {
      const made = openSocket(step, server, tlsClient);
      // Of a connection that was left in the meantime nothing is heard any more.
      const ifCurrent = (act: () => void) => (): void => {
        if (made === socket) guarded(act);
      };
      made.once(step.tls === null ? 'connect' : 'secureConnect', () =>
        ifCurrent(() => perform(dialogue.connected()))(),
      );
      made.on('data', (bytes) => ifCurrent(() => perform(dialogue.received(bytes.toString('latin1'))))());
      made.once(
        'end',
        ifCurrent(() => perform(dialogue.closed())),
      );
      made.on('error', (error) => ifCurrent(() => fail(new Error(explainTls(error), { cause: error })))());
      return made;
    };
    const guarded = (act: () => void): void => {
      try {
        act();
      } catch (error) {
        fail(error as Error);
      }
    };
    signal.addEventListener('abort', abort, { once: true });
    guarded(() => perform(dialogue.begin()));
  });
}

function openSocket(
  { host, port, tls, proxyVersion }: Extract<DialogueStep, { readonly kind: 'connect' }>,
  server: Target,
  tlsClient: TlsClient,
): Socket {
  // A check of another host or port is by TCP, also of a server that is a unix socket.
  const where = placeOf({ host: host ?? server.host, port: port ?? server.port });
  const header = proxyVersion === null ? null : proxyHeader(proxyVersion, null);
  return tlsClient.connect({ ...where, noDelay: true }, tls, header);
}
