// Connections from the relay to servers: TCP or TLS, with the PROXY protocol in front where it is wanted.

import { readFileSync } from 'node:fs';
import { type Socket, connect as connectTcp } from 'node:net';
import { type SecureContext, connect as connectTls, createSecureContext } from 'node:tls';
import type { TlsClientConf } from '../../endpoint/endpoint-conf.ts';
import type { RelayConf, ServerOptions } from '../../endpoint/relay/messages.ts';
import type { RouteServer } from '../../endpoint/route.ts';
import { type Receive, readInto } from './reading.ts';

export interface Dialed {
  readonly socket: Socket;
  /** The event after which it carries bytes. */
  readonly connectEvent: 'connect' | 'secureConnect';
}

export interface DialerOptions {
  readonly conf: RelayConf;
  /** Sets options on a connected socket's descriptor (keepalive is Node's); trouble is its own to report. */
  readonly tune: (fd: number) => void;
}

export class Dialer {
  readonly #options: DialerOptions;
  readonly #contexts = new Map<TlsClientConf, SecureContext>();

  /** Reads the certificates; throws if one can't be used. */
  constructor(options: DialerOptions) {
    this.#options = options;
    const { serverDefaults, servers } = options.conf;
    for (const { tls } of [serverDefaults, ...Object.values(servers)]) {
      if (tls !== null) this.#contexts.set(tls, contextOf(tls));
    }
  }

  optionsOf(server: RouteServer): ServerOptions {
    const { servers, serverDefaults } = this.#options.conf;
    return servers[server.name] ?? serverDefaults;
  }

  /** Begins to connect. A connection that takes too long ends with an error. `receive`: in place of `data` events. */
  dial(server: RouteServer, receive: Receive | null = null): Dialed {
    const { tls } = this.optionsOf(server);
    const { connectMsMax, frontend } = this.#options.conf;
    const { host, port } = server;
    let socket: Socket;
    if (tls === null) {
      const onread = receive === null ? {} : { onread: readInto(receive) };
      socket = connectTcp({ host, port, noDelay: true, allowHalfOpen: frontend.mode === 'tcp', ...onread });
    } else {
      const context = this.#contexts.get(tls);
      socket = connectTls({
        host,
        port,
        ...(context === undefined ? {} : { secureContext: context }),
        ...(tls.serverName === null ? {} : { servername: tls.serverName }),
        rejectUnauthorized: tls.verifies,
        // Servers of a group are known by address; the authority vouches for them.
        ...(tls.serverName === null ? { checkServerIdentity: () => undefined } : {}),
      });
      socket.setNoDelay(true);
      if (receive !== null) socket.on('data', receive);
    }
    if (frontend.keepAliveMs !== null) socket.setKeepAlive(true, frontend.keepAliveMs);
    const connectEvent = tls === null ? 'connect' : 'secureConnect';
    const patience = setTimeout(
      () => socket.destroy(new Error(`no connection within ${connectMsMax} ms`)),
      connectMsMax,
    );
    socket.once(connectEvent, () => clearTimeout(patience));
    socket.once('close', () => clearTimeout(patience));
    socket.once('connect', () => {
      const fd = descriptorOf(socket);
      if (fd !== null) this.#options.tune(fd);
    });
    return { socket, connectEvent };
  }
}

/** The descriptor of a TCP socket, which Node keeps in its handle; null where there is none. */
export function descriptorOf(socket: Socket): number | null {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: unknown } };
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : null;
}

function contextOf(tls: TlsClientConf): SecureContext {
  const read = (file: string | null): Buffer | undefined => (file === null ? undefined : readFileSync(file));
  const ca = read(tls.caFile);
  const cert = read(tls.certificateFile);
  const key = read(tls.keyFile);
  return createSecureContext({
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
}
