// HTTP as a path of endpoints: each frontend of `mode http` has a proxy of its own in this process. Redis is the endpoint's
// business, so these bytes are not worth processes of their own.

import type { Socket } from 'node:net';
import { failure, success, type Result } from '../../base/result.ts';
import type { HttpFrontend } from '../../endpoint/conf/haproxy/haproxy-conf.ts';
import type { ServerFacts } from '../../endpoint/condition.ts';
import type { Bind, EndpointsConf, FrontendConf } from '../../endpoint/endpoint-conf.ts';
import type { Listening } from '../../endpoint/relay/messages.ts';
import { type Route, type Target, targetText } from '../../endpoint/route.ts';
import type { Traffic } from '../../endpoint/traffic.ts';
import type { RuntimeView } from '../../endpoint/runtime-view.ts';
import { HttpProxy } from '../../net/http/http-proxy.ts';
import { Dialer } from '../../net/relay/dialer.ts';
import { admitting } from '../../net/relay/client-rules.ts';
import type { Admission, Descriptors } from '../../net/relay/descriptors.ts';
import { type Accept, listen, type Listener } from '../../net/relay/listeners.ts';
import { NO_TLS_FILES, type TlsFiles } from '../../net/tls-files.ts';
import { bootClockMs } from '../../os/boot-clock.ts';
import { listenError } from '../../os/os-error.ts';
import { answerPage } from './health-http.ts';
import { relayConf } from './relay-conf.ts';
import type { RoutePath } from './route-path.ts';
import { openUnixBind } from './unix-bind.ts';

const BACKLOG = 4096;
/** A client's connection, and one to the server that its request goes to. */
const FILES_OF_CLIENT = 2;
const FULL_TEXT = 'HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

export interface HttpPathOptions {
  readonly conf: EndpointsConf;
  readonly frontend: FrontendConf;
  /** What the file says of it besides, now; null: nothing. */
  readonly http: () => HttpFrontend | null;
  /** For pages of status. */
  readonly view: () => Promise<RuntimeView>;
  /** Absent: they are read when they are needed. */
  readonly tlsFiles?: TlsFiles;
  /** Of this process. */
  readonly descriptors: Descriptors;
}

export class HttpPath implements RoutePath {
  readonly #name: string;
  /** What takes the files of unix sockets away. */
  readonly #removes: (() => void)[] = [];
  readonly #proxy: HttpProxy;
  readonly #accept: Accept;
  readonly #dialer: Dialer;
  readonly #tlsFiles: TlsFiles;
  readonly #descriptors: Descriptors;
  readonly #listeners: Listener[] = [];
  #facts: ServerFacts = {};

  /** Listens; or says all that is in the way, with nothing left open. */
  static async open(options: HttpPathOptions): Promise<Result<HttpPath, readonly string[]>> {
    const { frontend, conf } = options;
    const problems = (conf.backends.find(({ name }) => name === frontend.backend)?.servers ?? [])
      .filter(({ sendsProxyProtocol }) => sendsProxyProtocol !== null)
      .map(
        ({ name }) =>
          `${frontend.backend}/${name}: the PROXY protocol is not sent in mode http; "option forwardfor" says who the client is`,
      );
    if (problems.length > 0) return failure(problems);
    let path: HttpPath;
    try {
      path = new HttpPath(options);
    } catch (error) {
      return failure([`${frontend.name}: ${(error as Error).message}`]);
    }
    for (const bind of frontend.binds) {
      const problem = await path.#listen(bind);
      if (problem !== null) problems.push(problem);
    }
    if (problems.length === 0) return success(path);
    await path.close();
    return failure(problems);
  }

  private constructor({ conf: all, frontend, http, view, tlsFiles, descriptors }: HttpPathOptions) {
    const conf = relayConf(all, frontend, [], 1);
    const knows = (): ServerFacts => this.#facts;
    const enter = admitting(frontend.backendRules, knows, (socket, first, proxied) =>
      this.#proxy.accept(socket, first, proxied),
    );
    this.#accept = admitting(frontend.clientRules, knows, enter);
    this.#name = frontend.name;
    this.#tlsFiles = tlsFiles ?? NO_TLS_FILES;
    this.#descriptors = descriptors;
    this.#dialer = new Dialer({ conf, now: bootClockMs, tune: () => undefined, tlsFiles: this.#tlsFiles });
    this.#proxy = new HttpProxy({
      conf,
      dialer: this.#dialer,
      now: bootClockMs,
      forwardsFor: () => http()?.forwardsFor ?? false,
      answerOwn: (request, response) => {
        const stats = http()?.stats ?? null;
        return stats !== null && answerPage(request, response, stats, view);
      },
    });
  }

  know(facts: ServerFacts): void {
    this.#facts = facts;
  }

  apply(route: Route): void {
    this.#proxy.lead(route);
  }

  renewTls(files: TlsFiles): void {
    this.#dialer.renew(files);
    for (const listener of this.#listeners) listener.renew(files);
  }

  endSessions(_endpoints: readonly string[], server: Target): void {
    this.#proxy.endSessions(server);
  }

  traffic(): Promise<Traffic> {
    return Promise.resolve({ [this.#name]: this.#proxy.traffic });
  }

  status(): unknown {
    return { path: 'http', endpoints: [this.#name], counts: { ...this.#proxy.counts } };
  }

  async close(): Promise<void> {
    const closed = this.#listeners.map(
      ({ server }) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    this.#proxy.close();
    await Promise.all(closed);
    for (const remove of this.#removes) remove();
  }

  /** What keeps it from listening there, or null. */
  async #listen(bind: Bind): Promise<string | null> {
    try {
      const listening = this.#open(bind);
      const admit = (socket: Socket): Admission => this.#descriptors.admit(socket, FILES_OF_CLIENT);
      const options = { tlsFiles: this.#tlsFiles, admit, fullText: FULL_TEXT };
      this.#listeners.push(await listen(bind, listening, this.#accept, options));
      return null;
    } catch (error) {
      if (bind.kind === 'unix') return (error as Error).message;
      return listenError(error as Error, `listen on ${targetText(bind)}`).message;
    }
  }

  #open(bind: Bind): Listening {
    if (bind.kind === 'tcp') {
      return { kind: 'address', host: bind.host === '*' ? '0.0.0.0' : bind.host, port: bind.port };
    }
    const { fd, path, remove } = openUnixBind(bind, BACKLOG);
    this.#removes.push(remove);
    return fd === null ? { kind: 'path', path, mode: bind.mode } : { kind: 'descriptor', fd };
  }
}
