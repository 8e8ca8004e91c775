// Connections from the relay to servers: TCP, TLS or unix sockets, with the PROXY protocol in front where it is wanted.

import type { Socket } from 'node:net';
import type { RelayConf, ServerOptions } from '../../endpoint/relay/messages.ts';
import type { RouteServer } from '../../endpoint/route.ts';
import { placeOf, TlsClient } from '../tls-client.ts';
import type { TlsFiles } from '../tls-files.ts';
import type { Descriptors } from './descriptors.ts';
import { type ProxiedConnection, proxyHeader } from './proxy-protocol.ts';
import { type Receive, readInto } from './reading.ts';
import { SessionMeter } from './session-meter.ts';

export interface Dialed {
  readonly socket: Socket;
  /** The event after which it carries bytes. */
  readonly connectEvent: 'connect' | 'secureConnect';
}

export interface DialerOptions {
  readonly conf: RelayConf;
  /** Milliseconds; default: of this process. */
  readonly now?: () => number;
  /** Sets options on a connected socket's descriptor (keepalive is Node's); trouble is its own to report. */
  readonly tune: (fd: number) => void;
  /** Absent: they are read when they are needed. */
  readonly tlsFiles?: TlsFiles;
  /** Counts what is opened, unless each client was counted with its own; absent: nobody does. */
  readonly descriptors?: Descriptors;
}

export class Dialer {
  /** What goes to these servers, and whoever else has to do with them. */
  readonly meter: SessionMeter;
  readonly #options: DialerOptions;
  readonly #tlsClient: TlsClient;

  /** Throws if a certificate can't be used. */
  constructor(options: DialerOptions) {
    this.#options = options;
    this.#tlsClient = new TlsClient(options.tlsFiles);
    this.meter = new SessionMeter(options.now ?? ((): number => performance.now()));
    const { serverDefaults, servers } = options.conf;
    for (const { tls } of [serverDefaults, ...Object.values(servers)]) {
      if (tls !== null) this.#tlsClient.context(tls);
    }
  }

  /** Connections that are made from now on use these files. */
  renew(files: TlsFiles): void {
    this.#tlsClient.renew(files);
  }

  optionsOf(server: RouteServer): ServerOptions {
    const { servers, serverDefaults } = this.#options.conf;
    return servers[server.name] ?? serverDefaults;
  }

  /**
   * Begins to connect, for the client whose connection `from` is (null: nobody in particular). A connection that takes too
   * long ends with an error. `receive`: in place of `data` events.
   */
  dial(server: RouteServer, from: ProxiedConnection | null = null, receive: Receive | null = null): Dialed {
    const { tls, sendsProxyProtocol } = this.optionsOf(server);
    const { connectMsMax, frontend } = this.#options.conf;
    const header = sendsProxyProtocol === null ? null : proxyHeader(sendsProxyProtocol, from);
    const where = {
      ...placeOf(server),
      noDelay: true,
      allowHalfOpen: tls === null && frontend.mode === 'tcp',
      ...(tls === null && receive !== null ? { onread: readInto(receive) } : {}),
    };
    const socket = this.#tlsClient.connect(where, tls, header);
    if (tls !== null) {
      socket.setNoDelay(true);
      if (receive !== null) socket.on('data', receive);
    }
    this.#options.descriptors?.count(socket);
    this.meter.server(server).bytes.carry(socket);
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

/** The descriptor of a socket, which Node keeps in its handle; null where there is none. */
export function descriptorOf(socket: Socket): number | null {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: unknown } };
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : null;
}
