// Ports for servers that we start ourselves.

import { createServer } from 'node:net';

// Below the range the kernel takes ports for outgoing connections from (32768 up): a port seen free here can only be
// taken by somebody who also asks for it by number.
const LOWEST = 20_000;
const HIGHEST = 31_999;

const handedOut = new Set<number>();

/**
 * A TCP port that is free on `host` (default 127.0.0.1). The same process never gets one twice; drawn at random, so
 * that processes that look at the same time seldom meet. Throws when 200 draws found none.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if (await canListen(host, port)) return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST} on ${host}`);
}

/** `count` of them. */
export async function freePorts(count: number, host?: string): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort(host));
  return ports;
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
