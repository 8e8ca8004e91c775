// One request of a client, and its answer: finds a server, sends the request there and carries the answer back, bodies as
// they come. A request goes to another server if nothing of it can have been done: when there was no connection, or when it
// changes nothing (RFC 9110 §9.2.2) and there was no answer. Anything else that fails is 502 to the client.

import { type ClientRequest, type IncomingMessage, ServerResponse, request as sendRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { isSameTarget, type Target, targetText } from '../../endpoint/route.ts';
import type { Dialer } from '../relay/dialer.ts';
import { hasHeader, passedOn, requestLines } from './headers.ts';
import type { HttpServers, HttpUpstream } from './http-servers.ts';

/** For one request, over all servers (HAProxy's `retries 3`). */
const ATTEMPTS_MAX = 4;
/** Before a server is tried a second time. */
const RETRY_MS = 200;

export interface HttpCounts {
  requests: number;
  /** Sent once more, to another server or the same. */
  retried: number;
  /** 503: no server was there in time. */
  unserved: number;
  /** 502. */
  failed: number;
  /** 504: a server that is silent. */
  tooSlow: number;
}

/** What an exchange works with. */
export interface ExchangeHands {
  readonly servers: HttpServers;
  readonly dialer: Dialer;
  readonly counts: HttpCounts;
  /** Without a byte either way; null: no limit. */
  readonly idleMsMax: number | null;
  readonly queueMs: number;
  /** Those for whom there is no server at the moment, the longest wait first. */
  readonly waiting: Set<Exchange>;
  readonly waitingMax: number;
  readonly forwardsFor: () => boolean;
  /** After the last thing that it does. */
  readonly over: (exchange: Exchange) => void;
}

export interface Asking {
  readonly request: IncomingMessage;
  readonly clientAddress: string;
  /** How to answer; or the connection of one who wishes to speak another protocol, and what came behind the head. */
  readonly answerTo:
    | { readonly kind: 'response'; readonly response: ServerResponse }
    | { readonly kind: 'upgrade'; readonly socket: Duplex; readonly head: Buffer };
}

export class Exchange {
  readonly #hands: ExchangeHands;
  readonly #asking: Asking;
  readonly #hasBody: boolean;
  /** It changes nothing on a server, so it may be sent twice. */
  readonly #isSafe: boolean;
  readonly #client: Duplex;
  readonly #failed = new Set<HttpUpstream>();
  #attempts = 0;
  #upstream: HttpUpstream | null = null;
  #outgoing: ClientRequest | null = null;
  #response: ServerResponse | null;
  /** Until it is over, or may try again. */
  #patience: NodeJS.Timeout | null = null;
  /** Once another protocol is spoken. */
  #tunnel: Duplex | null = null;
  #isOver = false;

  constructor(hands: ExchangeHands, asking: Asking) {
    this.#hands = hands;
    this.#asking = asking;
    const { request, answerTo } = asking;
    this.#hasBody = hasBody(request);
    this.#isSafe = !this.#hasBody && /^(?:GET|HEAD|OPTIONS)$/.test(request.method ?? '');
    this.#client = answerTo.kind === 'upgrade' ? answerTo.socket : request.socket;
    this.#response = null;
    if (answerTo.kind === 'response') this.#answerBy(answerTo.response);
    this.#client.once('close', this.#end);
    request.on('error', this.#end);
    hands.counts.requests += 1;
  }

  /** The client's, on which others may come before and behind it. */
  get connection(): Duplex {
    return this.#asking.request.socket;
  }

  /** Looks for a server, at first and, while it waits for one, whenever there may be another choice. */
  seek(): void {
    if (this.#isOver || this.#upstream !== null) return;
    const { servers, queueMs, waiting, waitingMax } = this.#hands;
    const upstream = servers.choose(this.#asking.clientAddress, this.#failed);
    if (upstream !== null) {
      this.#setPatience(null);
      this.#send(upstream);
    } else if (this.#patience !== null) {
      return;
    } else if (waiting.size >= waitingMax) {
      this.#refuse(503);
    } else if (this.#failed.size > 0) {
      this.#setPatience(RETRY_MS, () => {
        this.#failed.clear();
        this.seek();
      });
    } else {
      this.#setPatience(queueMs, () => this.#refuse(503));
    }
  }

  /** The route has changed: is its server still one that may answer? */
  review(): void {
    if (this.#upstream === null || this.#hands.servers.stands(this.#upstream)) return;
    this.#tunnel?.destroy();
    this.#outgoing?.destroy(new Error('the route leads elsewhere'));
  }

  isAt(server: Target): boolean {
    return this.#upstream !== null && isSameTarget(this.#upstream.server, server);
  }

  /** Its client's connection ends at once. */
  destroy(): void {
    this.#client.destroy();
    this.#end();
  }

  #send(upstream: HttpUpstream): void {
    const { dialer, idleMsMax, counts, forwardsFor } = this.#hands;
    const { request, clientAddress, answerTo } = this.#asking;
    // A server may close an idle connection at the moment we use it, so what can't be sent twice gets one of its own.
    const isOnShared = this.#isSafe && answerTo.kind === 'response';
    this.#attempts += 1;
    if (this.#attempts > 1) counts.retried += 1;
    this.#upstream = upstream;
    this.#hands.servers.began(upstream);
    const { server, agent } = upstream;
    let outgoing: ClientRequest;
    try {
      outgoing = sendRequest({
        method: request.method ?? 'GET',
        path: request.url ?? '/',
        headers: requestLines({
          method: request.method ?? 'GET',
          rawHeaders: request.rawHeaders,
          isChunked: request.headers['transfer-encoding'] !== undefined,
          clientAddress: forwardsFor() ? clientAddress : null,
          serverHost: targetText(server),
          upgrade: answerTo.kind === 'upgrade' ? (request.headers.upgrade ?? '') : null,
          isLast: !isOnShared,
        }) as never,
        ...(isOnShared ? { agent } : { createConnection: () => dialer.dial(server).socket }),
      });
    } catch {
      // Node does not write what it reads: a path with bytes that are none of a path's.
      this.#release();
      this.#refuse(400);
      return;
    }
    this.#outgoing = outgoing;
    let isConnected = false;
    let isTooSlow = false;
    outgoing.once('socket', (socket) => {
      const begin = (): void => {
        isConnected = true;
        if (this.#hasBody) request.pipe(outgoing);
        else outgoing.end();
      };
      const isSecure = dialer.optionsOf(server).tls !== null;
      if (outgoing.reusedSocket) begin();
      else socket.once(isSecure ? 'secureConnect' : 'connect', begin);
    });
    if (idleMsMax !== null) {
      outgoing.setTimeout(idleMsMax, () => {
        isTooSlow = true;
        outgoing.destroy(new Error(`nothing for ${idleMsMax} ms`));
      });
    }
    outgoing.on('response', (incoming) => this.#carry(incoming));
    outgoing.on('upgrade', (incoming, _socket, head) => this.#join(incoming, head));
    outgoing.on('error', () => {
      if (this.#outgoing !== outgoing) return;
      this.#fail(upstream, isTooSlow ? 'too-slow' : isConnected && !this.#isSafe ? 'unknown' : 'not-done');
    });
  }

  /** What is known of the request: nothing came of it; it may have been done; its server took too long. */
  #fail(upstream: HttpUpstream, what: 'not-done' | 'unknown' | 'too-slow'): void {
    this.#release();
    if (this.#isOver) return;
    if (this.#response?.headersSent === true) {
      // What is missing from the answer must not look like its end.
      this.#client.destroy();
      return;
    }
    if (what === 'not-done' && this.#attempts < ATTEMPTS_MAX) {
      this.#failed.add(upstream);
      this.seek();
    } else {
      this.#refuse(what === 'too-slow' ? 504 : 502);
    }
  }

  #carry(incoming: IncomingMessage): void {
    const response = this.#respond();
    response.sendDate = false;
    try {
      const lines = passedOn(incoming.rawHeaders);
      response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage ?? '', lines as never);
    } catch {
      this.#outgoing?.destroy(new Error('an answer that cannot be passed on'));
      return;
    }
    incoming.on('error', () => this.#client.destroy());
    incoming.on('close', () => {
      if (!incoming.complete) this.#client.destroy();
    });
    incoming.on('end', () => {
      // From here on only the client can be slow.
      const { idleMsMax } = this.#hands;
      if (idleMsMax !== null) response.setTimeout(idleMsMax, () => this.#client.destroy());
    });
    incoming.pipe(response);
  }

  /** The server speaks the other protocol: from here on bytes. */
  #join(incoming: IncomingMessage, first: Buffer): void {
    const { answerTo, request } = this.#asking;
    const client = request.socket;
    const server = incoming.socket;
    if (answerTo.kind !== 'upgrade') {
      // Nobody asked for it.
      server.destroy();
      if (this.#upstream !== null) this.#fail(this.#upstream, 'unknown');
      return;
    }
    this.#tunnel = server;
    const lines = passedOn(incoming.rawHeaders);
    lines.push('Connection', 'Upgrade', 'Upgrade', incoming.headers.upgrade ?? '');
    const text = lines.map((word, at) => (at % 2 === 0 ? `${word}: ` : `${word}\r\n`)).join('');
    client.write(`HTTP/1.1 101 ${incoming.statusMessage ?? ''}\r\n${text}\r\n`, 'latin1');
    if (first.length > 0) client.write(first);
    if (answerTo.head.length > 0) server.write(answerTo.head);
    const { idleMsMax } = this.#hands;
    const both: readonly [Socket, Socket][] = [
      [client, server],
      [server, client],
    ];
    for (const [one, other] of both) {
      one.on('error', () => other.destroy());
      // What it said last is still to be delivered.
      one.on('close', () => (one.readableEnded ? other.destroySoon() : other.destroy()));
      if (idleMsMax !== null) one.setTimeout(idleMsMax, () => one.destroy());
      one.pipe(other);
    }
  }

  /** Says why there is no answer, in the words of HTTP. */
  #refuse(status: 400 | 502 | 503 | 504): void {
    if (this.#isOver) return;
    const { counts } = this.#hands;
    const said = {
      400: 'this request cannot be passed on',
      502: 'the server did not answer as it should',
      503: 'no server is available for this request',
      504: 'the server took too long to answer',
    }[status];
    if (status === 502) counts.failed += 1;
    if (status === 503) counts.unserved += 1;
    if (status === 504) counts.tooSlow += 1;
    const response = this.#respond();
    response.writeHead(status, {
      'content-type': 'text/plain',
      'cache-control': 'no-store',
      // What is left of a body has no taker.
      ...(this.#hasBody ? { connection: 'close' } : {}),
    });
    response.end(`${said}\n`);
  }

  #respond(): ServerResponse {
    if (this.#response !== null) return this.#response;
    const { request } = this.#asking;
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(request.socket);
    response.once('finish', () => this.#client.end());
    this.#answerBy(response);
    return response;
  }

  #answerBy(response: ServerResponse): void {
    this.#response = response;
    response.once('close', this.#end);
    response.on('error', this.#end);
  }

  /** Its server has one request less, which may be another's turn. */
  #release(): void {
    const upstream = this.#upstream;
    this.#upstream = null;
    this.#outgoing = null;
    if (upstream !== null) this.#hands.servers.ended(upstream);
  }

  #setPatience(ms: number | null, then: () => void = () => undefined): void {
    if (this.#patience !== null) clearTimeout(this.#patience);
    this.#patience = null;
    if (ms === null) {
      this.#hands.waiting.delete(this);
      return;
    }
    this.#hands.waiting.add(this);
    this.#patience = setTimeout(() => {
      this.#setPatience(null);
      then();
    }, ms);
  }

  /** The answer is there, or the client is gone. */
  readonly #end = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#setPatience(null);
    this.#client.off('close', this.#end);
    const outgoing = this.#outgoing;
    const isDone =
      outgoing === null || (this.#response?.writableFinished === true && outgoing.writableFinished);
    if (!isDone) outgoing.destroy();
    this.#release();
    this.#hands.over(this);
  };
}

/** A message without a length and without chunks has no body (RFC 9112 §6.3). */
export function hasBody({ rawHeaders, headers }: IncomingMessage): boolean {
  return (
    headers['transfer-encoding'] !== undefined ||
    (hasHeader(rawHeaders, 'content-length') && headers['content-length'] !== '0')
  );
}
