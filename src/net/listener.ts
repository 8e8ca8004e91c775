// Our own port: who may connect is decided by the machine, where we listen by the configuration (sentinel.md §2.4).
// Listening begins before there is a machine, because a second copy on a busy port must stop before it touches
// anything (§2.1, §11); whoever connects that early waits until `serve`.

import { chmodSync, rmSync } from 'node:fs';
import { createServer as createTcpServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, TLSSocket, type SecureContextOptions } from 'node:tls';
import { hostPort } from '../base/host-port.ts';
import { failure, success, type Result } from '../base/result.ts';
import type { Protocol, Reply } from '../resp/reply.ts';
import type { ServerConf } from '../sentinel/conf/conf.ts';
import type { ClientId, LogLevel } from '../sentinel/io.ts';
import { bindRules, isLoopback, localAddressOf, remoteAddressOf, type BindRule } from './addresses.ts';
import { Client, type ClientOwner } from './client.ts';
import type { EventSink } from './event-sink.ts';

/** What the listener must know of each client; the quorum machine answers. */
export interface ClientFacts {
  isAuthenticated(client: ClientId): boolean;
  isSubscribed(client: ClientId): boolean;
}

export interface ListenerOptions {
  readonly conf: ServerConf;
  /** Needed if `conf.tls.port` is set. */
  readonly tls: SecureContextOptions | null;
  readonly log: (level: LogLevel, sentence: string) => void;
}

/** This machine does not have that family of addresses at all; never a reason not to start. */
const FAMILY_MISSING: ReadonlySet<string | undefined> = new Set([
  'EAFNOSUPPORT',
  'ENOPROTOOPT',
  'EPFNOSUPPORT',
  'EPROTONOSUPPORT',
  'ESOCKTNOSUPPORT',
]);

/** A client that does not finish its TLS handshake holds a descriptor for no longer. */
const HANDSHAKE_MS_MAX = 10_000;

/** How long all clients that wait for a turn may keep the daemon busy before nodes are heard again. */
const TURNS_MS_MAX = 10;

/**
 * What all clients together may hold of requests that are not whole. Beyond, the one that holds most is closed.
 *
 * Differs from Sentinel: it lets each client hold up to a gigabyte, because a server that stores data has to.
 */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

/** Somebody who connected. */
interface Visitor {
  readonly socket: Socket;
  /** Came over the unix socket. */
  readonly isUnix: boolean;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #servers: Server[] = [];
  readonly #clients = new Map<ClientId, Client>();
  readonly #toFlush = new Set<Client>();
  readonly #released = new Set<Client>();
  /** Those that wait for a turn, the longest wait first. */
  readonly #waiting = new Set<Client>();
  #turns: NodeJS.Immediate | null = null;
  /** Bytes of requests that are not whole, of all clients. */
  #heldBytes = 0;
  /** Those who connected before `serve`. */
  #early: Visitor[] | null = [];
  #sink: EventSink | null = null;
  #owner: ClientOwner | null = null;
  #lastId = 0;
  #unixPath: string | null = null;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Binds everything the configuration names. On failure nothing is left listening; the problem is for the log. */
  async listen(): Promise<Result<readonly string[], string>> {
    const { conf, tls } = this.#options;
    const bound: string[] = [];
    const problem =
      (await this.#listenTcp(
        conf.port,
        () => createTcpServer({ noDelay: true, allowHalfOpen: true }),
        bound,
      )) ??
      (tls === null ? null : await this.#listenTcp(conf.tls.port, () => this.#createTlsServer(tls), bound)) ??
      (await this.#listenUnix(bound));
    if (problem === null && bound.length > 0) return success(bound);
    this.close();
    return failure(
      problem ??
        'Nothing to listen on: port, tls-port and unixsocket are all off, or no address of bind is here.',
    );
  }

  /** Lets clients in. What they do goes to `sink`. */
  serve(sink: EventSink, facts: ClientFacts): void {
    const { conf, log } = this.#options;
    this.#sink = sink;
    this.#owner = {
      normalLimit: conf.normalOutputLimit,
      pubsubLimit: conf.pubsubOutputLimit,
      isAuthenticated: (client) => facts.isAuthenticated(client),
      isSubscribed: (client) => facts.isSubscribed(client),
      command: (client, args) => sink.push({ kind: 'command', client, args }),
      wantsFlush: (client) => void this.#toFlush.add(client),
      wantsTurn: (client) => {
        this.#waiting.add(client);
        this.#turns ??= setImmediate(() => this.#giveTurns());
      },
      holdsMore: (bytes) => {
        this.#heldBytes += bytes;
        if (this.#heldBytes > HELD_BYTES_MAX) this.#closeGreediest();
      },
      settle: () => sink.settle(),
      report: (sentence) => log('warning', sentence),
      closed: (client) => {
        this.#clients.delete(client.id);
        this.#toFlush.delete(client);
        this.#released.delete(client);
        this.#waiting.delete(client);
        sink.push({ kind: 'client-closed', client: client.id });
        sink.settle();
      },
    };
    const early = this.#early ?? [];
    this.#early = null;
    for (const visitor of early) this.#accept(visitor);
  }

  answer(client: ClientId, reply: Reply, protocol: Protocol): void {
    this.#clients.get(client)?.answer(reply, protocol);
  }

  hold(client: ClientId): void {
    this.#clients.get(client)?.hold();
  }

  /** What arrived meanwhile is handed over with the next flush. */
  release(id: ClientId): void {
    const client = this.#clients.get(id);
    if (client === undefined) return;
    client.release();
    this.#released.add(client);
  }

  closeClient(client: ClientId): void {
    this.#clients.get(client)?.close();
  }

  /** Whether {@link flush} has something to do. */
  get isDirty(): boolean {
    return this.#toFlush.size > 0 || this.#released.size > 0;
  }

  /** Serves those who were released, and writes what was answered. Pushes events; does not settle. */
  flush(): void {
    for (const client of this.#released) {
      this.#released.delete(client);
      client.decode();
    }
    if (this.#toFlush.size === 0) return;
    const now = performance.now();
    for (const client of this.#toFlush) {
      this.#toFlush.delete(client);
      client.flush(now);
    }
  }

  /** Bytes of answers that no client has taken yet. */
  get waitingBytes(): number {
    let bytes = 0;
    for (const client of this.#clients.values()) bytes += client.waitingBytes;
    return bytes;
  }

  /** Frees the ports and drops all clients. */
  close(): void {
    for (const server of this.#servers) server.close();
    this.#servers.length = 0;
    for (const client of this.#clients.values()) client.destroy();
    for (const { socket } of this.#early ?? []) socket.destroy();
    this.#early = null;
    this.#owner = null;
    if (this.#turns !== null) clearImmediate(this.#turns);
    if (this.#unixPath !== null) rmSync(this.#unixPath, { force: true });
    this.#unixPath = null;
  }

  /** Nodes were heard since the last turns: between two immediates, all that is readable is read. */
  #giveTurns(): void {
    this.#turns = null;
    const end = performance.now() + TURNS_MS_MAX;
    for (const client of this.#waiting) {
      if (performance.now() > end) break;
      this.#waiting.delete(client);
      client.goOn();
    }
    if (this.#waiting.size > 0) this.#turns ??= setImmediate(() => this.#giveTurns());
    this.#sink?.settle();
  }

  #closeGreediest(): void {
    let greediest: Client | null = null;
    for (const client of this.#clients.values()) {
      if (client.heldBytes > (greediest?.heldBytes ?? 0)) greediest = client;
    }
    if (greediest === null) return;
    this.#options.log(
      'warning',
      `Client id=${greediest.id} closed: it holds ${greediest.heldBytes} bytes of requests that are not whole, the most of all clients, and all may hold ${HELD_BYTES_MAX} together`,
    );
    greediest.destroy();
  }

  #createTlsServer(context: SecureContextOptions): Server {
    const { authClients } = this.#options.conf.tls;
    return createTlsServer({
      ...context,
      requestCert: authClients !== 'no',
      rejectUnauthorized: authClients === 'yes',
      handshakeTimeout: HANDSHAKE_MS_MAX,
      noDelay: true,
      // A client that has shut down its sending side still gets the answers to what it had sent.
      allowHalfOpen: true,
    });
  }

  async #listenTcp(port: number, create: () => Server, bound: string[]): Promise<string | null> {
    if (port === 0) return null;
    const { bind, tcpBacklog } = this.#options.conf;
    for (const rule of bindRules(bind)) {
      const error = await this.#bind(create(), {
        host: rule.host,
        port,
        backlog: tcpBacklog,
        ipv6Only: rule.isIpv6,
      });
      if (error === null) {
        bound.push(hostPort(rule.host, port));
      } else {
        const sentence = `Could not listen on ${hostPort(rule.host, port)}: ${error.message}`;
        if (!isExcused(rule, error)) return sentence;
        this.#options.log('verbose', sentence);
      }
    }
    return null;
  }

  async #listenUnix(bound: string[]): Promise<string | null> {
    const { unixSocket, unixSocketPerm, tcpBacklog } = this.#options.conf;
    if (unixSocket === null) return null;
    const path = Buffer.from(unixSocket, 'latin1').toString('utf8');
    rmSync(path, { force: true });
    const error = await this.#bind(createTcpServer({ allowHalfOpen: true }), { path, backlog: tcpBacklog });
    if (error !== null) return `Could not listen on ${unixSocket}: ${error.message}`;
    this.#unixPath = path;
    if (unixSocketPerm !== null) chmodSync(path, unixSocketPerm);
    bound.push(unixSocket);
    return null;
  }

  #bind(server: Server, where: ListenOptions): Promise<NodeJS.ErrnoException | null> {
    return new Promise((resolve) => {
      server.once('error', resolve);
      server.listen(where, () => {
        server.removeListener('error', resolve);
        // Such as running out of descriptors while accepting: the next client may fare better.
        server.on('error', (error) =>
          this.#options.log('warning', `Could not accept a client: ${error.message}`),
        );
        const event = 'setSecureContext' in server ? 'secureConnection' : 'connection';
        server.on(event, (socket: Socket) => this.#welcome({ socket, isUnix: 'path' in where }));
        this.#servers.push(server);
        resolve(null);
      });
    });
  }

  #welcome(visitor: Visitor): void {
    const { socket } = visitor;
    if (socket instanceof TLSSocket && this.#options.conf.tls.authClients === 'optional') {
      // A certificate that is shown must be good; none need be shown.
      if (!socket.authorized && socket.getPeerX509Certificate() !== undefined) {
        socket.destroy();
        return;
      }
    }
    if (this.#early === null) {
      this.#accept(visitor);
    } else {
      socket.on('error', () => undefined);
      this.#early.push(visitor);
    }
  }

  #accept({ socket, isUnix }: Visitor): void {
    const owner = this.#owner;
    const sink = this.#sink;
    // It may have gone while it waited, or we may be leaving.
    if (owner === null || sink === null || socket.destroyed) {
      socket.destroy();
      return;
    }
    const { conf } = this.#options;
    if (!isUnix && conf.tcpKeepaliveSeconds > 0) socket.setKeepAlive(true, conf.tcpKeepaliveSeconds * 1000);
    const id = ++this.#lastId;
    const client = new Client(id, socket, owner);
    this.#clients.set(id, client);
    const unixAddress = `${conf.unixSocket ?? ''}:0`;
    sink.push({
      kind: 'client-connected',
      client: id,
      address: isUnix ? unixAddress : remoteAddressOf(socket),
      localAddress: isUnix ? unixAddress : localAddressOf(socket),
      isLocal: isUnix || isLoopback(socket.remoteAddress),
      fd: descriptorOf(socket),
    });
    client.start(conf.timeoutSeconds);
    sink.settle();
  }
}

function isExcused(rule: BindRule, error: NodeJS.ErrnoException): boolean {
  return FAMILY_MISSING.has(error.code) || (rule.isOptional && error.code === 'EADDRNOTAVAIL');
}

/** The descriptor's number, which CLIENT LIST shows. Node keeps it on an internal handle; -1 if it is not there. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } };
  return handle?.fd ?? -1;
}
