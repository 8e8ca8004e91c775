// Checks that need no connection: an echo, a question to a name server, a command.

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { constants, open } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import type { CheckConf } from '../../endpoint/checks/check-conf.ts';
import { commandOutcome, externalCheckCall } from '../../endpoint/checks/command-check.ts';
import type { CheckOutcome } from '../../endpoint/checks/dialogue.ts';
import { dnsQuery, dnsTrouble } from '../../endpoint/checks/dns-query.ts';
import type { Target } from '../../endpoint/route.ts';
import { sendEcho } from '../../os/echo-socket.ts';
import { Runs } from '../vrrp-runs.ts';

const ECHO_BYTES = 56;
const DNS_PORT = 53;
/** A number is shorter. */
const FILE_BYTES_MAX = 256;
const UP: CheckOutcome = { isUp: true, detail: '', weight: null };
const down = (detail: string): CheckOutcome => ({ isUp: false, detail, weight: null });

/** Resolves once; `start` returns how to put away what it opened, which is called at the end in any case. */
function once(
  signal: AbortSignal,
  start: (resolve: (outcome: CheckOutcome) => void, reject: (error: Error) => void) => () => void,
): Promise<CheckOutcome> {
  let putAway: (() => void) | null = null;
  let abort: (() => void) | null = null;
  return new Promise<CheckOutcome>((resolve, reject) => {
    putAway = start(resolve, reject);
    abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
  }).finally(() => {
    if (abort !== null) signal.removeEventListener('abort', abort);
    putAway?.();
  });
}

export function checkByEcho(server: Target, signal: AbortSignal): Promise<CheckOutcome> {
  const data = Buffer.alloc(ECHO_BYTES);
  // Nobody else's echo is like it.
  for (let at = 0; at < 8; at += 4) data.writeUInt32BE(randomInt(2 ** 32), at);
  return once(signal, (resolve, reject) => {
    const echo = sendEcho(server.host, randomInt(2 ** 16), data, (error) => {
      if (error === null) resolve(UP);
      else reject(error);
    });
    return () => echo.close();
  });
}

export function checkByDns(
  { port, name, type }: Extract<CheckConf, { readonly kind: 'dns' }>,
  server: Target,
  signal: AbortSignal,
): Promise<CheckOutcome> {
  const id = randomInt(2 ** 16);
  const query = dnsQuery(id, name, type);
  if (query === null) return Promise.resolve(down(`there is no question ${type} ${name}`));
  return once(signal, (resolve, reject) => {
    const socket = createSocket(isIPv6(server.host) ? 'udp6' : 'udp4');
    socket.once('error', reject);
    socket.on('message', (answer) => {
      const trouble = dnsTrouble(id, answer);
      if (trouble !== null) resolve(trouble === '' ? UP : down(`it answers ${trouble}`));
    });
    // Connected, so that a refusal is heard, and nobody else.
    socket.connect(port ?? DNS_PORT, server.host, () => socket.send(query));
    return () => socket.close();
  });
}

/** The first bytes of a file; null: there is none, or it can't be read. */
export async function readTracked(path: string): Promise<string | null> {
  try {
    // A FIFO without a writer would be waited for.
    const file = await open(Buffer.from(path, 'latin1'), constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(FILE_BYTES_MAX), 0, FILE_BYTES_MAX, 0);
      return buffer.toString('latin1', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}

/** Runs commands. At the timeout a command's whole process group is killed. */
export class CommandChecks {
  #lastRun = 0;
  #trouble = '';
  readonly #runs = new Runs((sentence) => {
    this.#trouble = sentence;
  });

  check(
    conf: Extract<CheckConf, { readonly kind: 'command' }>,
    server: Target,
    signal: AbortSignal,
  ): Promise<CheckOutcome> {
    this.#lastRun += 1;
    const run = this.#lastRun;
    const { args, environment } = externalCheckCall(conf, server);
    return once(signal, (resolve) => {
      this.#runs.start(
        run,
        conf,
        args,
        (exitCode, signalNumber) => {
          const trouble = this.#trouble;
          this.#trouble = '';
          resolve(trouble === '' ? commandOutcome(conf, exitCode, signalNumber) : down(trouble));
        },
        environment,
      );
      return () => this.#runs.signal(run, 'SIGKILL');
    });
  }
}
