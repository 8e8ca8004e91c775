// One question to a server on a connection of its own: does it serve? For starting servers; who watches them uses links.

import { connect } from 'node:net';

/**
 * The first line of the answer to PING, without its ending, or null if there was none within `timeoutMs`: refused,
 * silent, closed.
 */
export function probe(host: string, port: number, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    let text = '';
    const finish = (answer: string | null): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => finish(null), timeoutMs);
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n');
      if (end >= 0) finish(text.slice(0, end));
      else if (text.length > 1024) finish(null);
    });
    socket.on('error', () => finish(null));
    socket.on('close', () => finish(null));
  });
}

/** Whether that answer comes from a server that is ready: asking for a password is ready, still loading is not. */
export function isServing(answer: string | null): boolean {
  return answer !== null && /^(\+PONG|-NOAUTH|-NOPERM|-MASTERDOWN|-DENIED)/.test(answer);
}
