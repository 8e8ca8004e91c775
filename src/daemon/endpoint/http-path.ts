// HTTP as a path of endpoints: each frontend of `mode http` has a proxy of its own in this process. Redis is the endpoint's
// business, so these bytes are not worth processes of their own.

import { rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { failure, success, type Result } from '../../base/result.ts';
import type { HttpFrontend } from '../../endpoint/conf/haproxy/haproxy-conf.ts';
import type { Bind, EndpointsConf, FrontendConf } from '../../endpoint/endpoint-conf.ts';
import type { Listening } from '../../endpoint/relay/messages.ts';
import { type Route, targetText } from '../../endpoint/route.ts';
import type { EndpointsSnapshot } from '../../endpoint/snapshot.ts';
import { HttpProxy } from '../../net/http/http-proxy.ts';
import { Dialer } from '../../net/relay/dialer.ts';
import { listen } from '../../net/relay/listeners.ts';
import { bootClockMs } from '../../os/boot-clock.ts';
import { answerPage } from './health-http.ts';
import { relayConf } from './relay-path.ts';
import type { RoutePath } from './route-path.ts';

export interface HttpPathOptions {
  readonly conf: EndpointsConf;
  readonly frontend: FrontendConf;
  /** What the file says of it besides; null: nothing. */
  readonly http: HttpFrontend | null;
  /** For the page of status; null while there is nothing to show. */
  readonly snapshot: () => EndpointsSnapshot | null;
}

export class HttpPath implements RoutePath {
  readonly #name: string;
  readonly #binds: readonly Bind[];
  readonly #proxy: HttpProxy;
  readonly #listeners: Server[] = [];

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

  private constructor({ conf: all, frontend, http, snapshot }: HttpPathOptions) {
    const conf = relayConf(all, frontend, [], 1);
    const stats = http?.stats ?? null;
    this.#name = frontend.name;
    this.#binds = frontend.binds;
    this.#proxy = new HttpProxy({
      conf,
      dialer: new Dialer({ conf, tune: () => undefined }),
      now: bootClockMs,
      forwardsFor: http?.forwardsFor ?? false,
      answerOwn: (request, response) => stats !== null && answerPage(request, response, stats, snapshot()),
    });
  }

  apply(route: Route): void {
    this.#proxy.lead(route);
  }

  status(): unknown {
    return { path: 'http', endpoints: [this.#name], counts: { ...this.#proxy.counts } };
  }

  async close(): Promise<void> {
    const closed = this.#listeners.map(
      (listener) => new Promise<void>((resolve) => listener.close(() => resolve())),
    );
    this.#proxy.close();
    await Promise.all(closed);
    for (const bind of this.#binds) if (bind.kind === 'unix') rmSync(bind.path, { force: true });
  }

  /** What keeps it from listening there, or null. */
  async #listen(bind: Bind): Promise<string | null> {
    const where = bind.kind === 'unix' ? bind.path : targetText(bind);
    try {
      if (bind.kind === 'unix') rmSync(bind.path, { force: true });
      this.#listeners.push(
        await listen(bind, listeningOf(bind), (socket, first, proxied) =>
          this.#proxy.accept(socket, first, proxied),
        ),
      );
      return null;
    } catch (error) {
      return `cannot listen on ${where}: ${(error as Error).message}`;
    }
  }
}

function listeningOf(bind: Bind): Listening {
  if (bind.kind === 'unix') return { kind: 'path', path: bind.path, mode: bind.mode };
  return { kind: 'address', host: bind.host === '*' ? '0.0.0.0' : bind.host, port: bind.port };
}
