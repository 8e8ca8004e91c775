// A worker's part of the listeners: descriptors that the control process opened, TLS and the PROXY protocol on them.

import { chmodSync } from 'node:fs';
import { readFileSync } from 'node:fs';
import { type Server, type Socket, createServer as createTcpServer } from 'node:net';
import { TLSSocket, createSecureContext } from 'node:tls';
import type { Bind, TlsServerConf } from '../../endpoint/endpoint-conf.ts';
import type { Listening } from '../../endpoint/relay/messages.ts';
import { type ProxiedAddress, readProxyHeader } from './proxy-protocol.ts';

/** How long somebody may take to say who he is (TLS handshake, PROXY header). */
const GREETING_MS_MAX = 10_000;
const BACKLOG = 4096;

/** `first`: what was read of it already; `proxied`: whom the proxy in front of it named. */
export type Accept = (socket: Socket, first: Uint8Array | null, proxied: ProxiedAddress | null) => void;

/** Listens; resolves when it does, rejects if it can't. `accept` is given each client. */
export async function listen(bind: Bind, listening: Listening, accept: Accept): Promise<Server> {
  const secure = bind.kind === 'tcp' && bind.tls !== null ? securing(bind.tls, accept) : accept;
  const welcome = bind.kind === 'tcp' && bind.acceptsProxyProtocol ? afterHeader(secure) : secure;
  const server = createTcpServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
    welcome(socket, null, null),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenOptions(listening), resolve);
  });
  server.on('error', () => undefined);
  if (listening.kind === 'path' && listening.mode !== null) chmodSync(listening.path, listening.mode);
  return server;
}

function listenOptions(listening: Listening): object {
  switch (listening.kind) {
    case 'descriptor':
      return { fd: listening.fd };
    case 'address':
      return { host: listening.host, port: listening.port, backlog: BACKLOG };
    case 'path':
      return { path: listening.path, backlog: BACKLOG };
  }
}

/** Clients speak TLS. Throws if the certificate can't be used. */
function securing(tls: TlsServerConf, accept: Accept): Accept {
  const ca = tls.clientCaFile === null ? {} : { ca: readFileSync(tls.clientCaFile) };
  const secureContext = createSecureContext({
    cert: readFileSync(tls.certificateFile),
    key: readFileSync(tls.keyFile),
    ...ca,
  });
  const asks = tls.clientCaFile !== null;
  return (socket, first, proxied) => {
    if (first !== null && first.length > 0) socket.unshift(first);
    const secured = new TLSSocket(socket, {
      isServer: true,
      secureContext,
      requestCert: asks,
      rejectUnauthorized: asks,
    });
    const patience = setTimeout(() => secured.destroy(), GREETING_MS_MAX);
    const early = (): void => {
      clearTimeout(patience);
      secured.destroy();
    };
    secured.once('error', early);
    secured.once('close', early);
    secured.once('secure', () => {
      clearTimeout(patience);
      // A certificate that nobody vouches for does not end the connection by itself.
      const { ssl } = secured as unknown as { ssl: { verifyError(): Error | null } };
      if (asks && ssl.verifyError() !== null) return secured.destroy();
      secured.off('error', early);
      secured.off('close', early);
      accept(secured, null, proxied);
      return undefined;
    });
  };
}

/** Clients come through a proxy that says first who they are; whoever does not is turned away. */
function afterHeader(accept: Accept): Accept {
  return (socket) => {
    let read = Buffer.alloc(0);
    const give = (): void => {
      clearTimeout(patience);
      socket.off('data', more);
      socket.off('error', end);
      socket.off('close', end);
    };
    const end = (): void => {
      give();
      socket.on('error', () => undefined);
      socket.destroy();
    };
    const more = (chunk: Buffer): void => {
      read = Buffer.concat([read, chunk]);
      const header = readProxyHeader(read);
      if (header.kind === 'partial') return;
      if (header.kind === 'bad') return end();
      give();
      socket.pause();
      accept(socket, read.subarray(header.length), header.from);
      // Whoever takes it later, or wraps it, reads on himself.
      if (socket.listenerCount('data') > 0) socket.resume();
      return undefined;
    };
    const patience = setTimeout(end, GREETING_MS_MAX);
    socket.on('data', more);
    socket.on('error', end);
    socket.on('close', end);
  };
}
