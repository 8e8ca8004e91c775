// A worker's part of the listeners: descriptors that the control process opened, TLS and the PROXY protocol on them.

import { chmodSync } from 'node:fs';
import { type Server, type Socket, createServer as createTcpServer } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Bind, TlsServerConf } from '../../endpoint/endpoint-conf.ts';
import type { Listening } from '../../endpoint/relay/messages.ts';
import { endAtOnce } from '../end-at-once.ts';
import { type Contexts, contextsOf } from '../tls-contexts.ts';
import { NO_TLS_FILES, type TlsFiles } from '../tls-files.ts';
import type { Admission } from './descriptors.ts';
import { type ProxiedConnection, readProxyHeader } from './proxy-protocol.ts';

/** How long somebody may take to say who he is (TLS handshake, PROXY header). */
const GREETING_MS_MAX = 10_000;
const BACKLOG = 4096;
/** How long one that was refused may take to read why. */
const REFUSED_MS = 5_000;

/** `first`: what was read of it already; `proxied`: whom the proxy in front of it named. */
export type Accept = (socket: Socket, first: Uint8Array | null, proxied: ProxiedConnection | null) => void;

export interface ListenOptions {
  /** Absent: they are read when they are needed. */
  readonly tlsFiles?: TlsFiles;
  /** Sets options on a client's socket, before anything is read from it. */
  readonly tune?: (socket: Socket) => void;
  /** Whether there is room for one more; absent: always. */
  readonly admit?: (socket: Socket) => Admission;
  /** Said to whom there is no room for, in the clear, before the connection ends; absent: nothing. */
  readonly fullText?: string;
}

export interface Listener {
  readonly server: Server;
  /** Clients that come from now on are shown these certificates. Throws if they can't be used; then nothing changes. */
  renew(files: TlsFiles): void;
}

/** Listens; resolves when it does, rejects if it can't. `accept` is given each client. */
export async function listen(
  bind: Bind,
  listening: Listening,
  accept: Accept,
  {
    tlsFiles = NO_TLS_FILES,
    tune = () => undefined,
    admit = () => 'welcome',
    fullText = '',
  }: ListenOptions = {},
): Promise<Listener> {
  const gate = bind.tls === null ? null : new TlsGate(bind.tls, tlsFiles);
  const secure: Accept = gate === null ? accept : (...client) => gate.admit(client, accept);
  const welcome = bind.acceptsProxyProtocol ? afterHeader(secure) : secure;
  const server = createTcpServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const admission = admit(socket);
    if (admission !== 'welcome') {
      turnAway(socket, admission === 'full' && gate === null ? fullText : '');
      return;
    }
    tune(socket);
    welcome(socket, null, null);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenOptions(listening), resolve);
  });
  server.on('error', () => undefined);
  if (listening.kind === 'path' && listening.mode !== null) chmodSync(listening.path, listening.mode);
  return { server, renew: (files) => gate?.renew(files) };
}

/** Ends a client's connection for which there is no room, with a word where it can be read. */
export function turnAway(socket: Socket, text: string): void {
  socket.on('error', () => socket.destroy());
  if (text === '') {
    endAtOnce(socket);
    return;
  }
  socket.end(text);
  socket.setTimeout(REFUSED_MS, () => socket.destroy());
  socket.resume();
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

/** Clients speak TLS. */
class TlsGate {
  readonly #conf: TlsServerConf;
  #contexts: Contexts;

  /** Throws if the certificate can't be used. */
  constructor(conf: TlsServerConf, files: TlsFiles) {
    this.#conf = conf;
    this.#contexts = contextsOf(conf, files);
  }

  renew(files: TlsFiles): void {
    this.#contexts = contextsOf(this.#conf, files);
  }

  /** Hands on who has made a handshake, and shown a certificate where that is asked for; closes the others. */
  admit([socket, first, proxied]: Parameters<Accept>, accept: Accept): void {
    const asks = this.#conf.clientCaFile !== null;
    if (first !== null && first.length > 0) socket.unshift(first);
    const secured = new TLSSocket(socket, {
      isServer: true,
      secureContext: this.#contexts.usual,
      ...(this.#contexts.byName.size === 0 ? {} : { SNICallback: this.#contexts.choose }),
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
  }
}

/** Clients come through a proxy that says first who they are; whoever does not is turned away. */
function afterHeader(accept: Accept): Accept {
  return (socket) => {
    let read = Buffer.alloc(0);
    const give = (): void => {
      clearTimeout(patience);
      socket.off('data', more);
      socket.off('error', end);
      socket.off('end', end);
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
    socket.on('end', end);
    socket.on('close', end);
  };
}
