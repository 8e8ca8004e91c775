// The endpoint's small HTTP server: Patroni's questions for load balancers, and HAProxy's page of status where a file
// asks for it. It answers GET and HEAD, and changes nothing.

import { timingSafeEqual, createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { failure, success, type Result } from '../../base/result.ts';
import type { StatsPage } from '../../endpoint/conf/haproxy/haproxy-conf.ts';
import { answerHealth } from '../../endpoint/health.ts';
import { exportMetrics } from '../../endpoint/exporter.ts';
import type { RuntimeView } from '../../endpoint/runtime-view.ts';
import { statusPage } from '../../endpoint/status-page.ts';
import { listenError } from '../../os/os-error.ts';

const CONNECTIONS_MAX = 256;
const REQUEST_MS_MAX = 10_000;

/** What `--http` shows besides the answers. */
const METRICS_ONLY = {
  uri: null,
  refreshMs: null,
  realm: null,
  users: [],
  monitorUri: null,
  metricsPath: '/metrics',
} as const;

export interface HealthHttpOptions {
  readonly host: string;
  readonly port: number;
  readonly view: () => Promise<RuntimeView>;
  /** null: only the questions, and /metrics. */
  readonly page: StatsPage | null;
}

export interface HealthHttp {
  readonly port: number;
  close(): void;
}

/** Listens, or says why not. */
export function openHealthHttp(options: HealthHttpOptions): Promise<Result<HealthHttp, string>> {
  const server = createServer({ requestTimeout: REQUEST_MS_MAX }, (request, response) => {
    answer(request, response, options).catch(() => response.destroy());
  });
  keepOutNobody(server);
  return new Promise((resolve) => {
    // Later ones (too many open files) are of one who wants to connect, and no reason to end.
    const doing = `listen on ${options.host}:${options.port} for pages and questions by HTTP`;
    server.on('error', (error) => resolve(failure(listenError(error, doing).message)));
    server.listen({ port: options.port, ...(options.host === '*' ? {} : { host: options.host }) }, () => {
      const address = server.address();
      resolve(
        success({
          port: typeof address === 'object' && address !== null ? address.port : options.port,
          close() {
            server.close();
            server.closeAllConnections();
          },
        }),
      );
    });
  });
}

/** Whoever comes when all places are taken gets that of who has been there longest: silence shuts no load balancer out. */
function keepOutNobody(server: Server): void {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    const [oldest] = open;
    if (open.size >= CONNECTIONS_MAX) oldest?.destroy();
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { view, page }: HealthHttpOptions,
): Promise<void> {
  const send = sender(request, response);
  if (request.method !== 'GET' && request.method !== 'HEAD' && request.method !== 'OPTIONS') {
    send(405, 'text/plain', 'only GET, HEAD and OPTIONS\n');
    return;
  }
  const [path = '/', search = ''] = (request.url ?? '/').split('?');
  if (answerPage(request, response, page ?? METRICS_ONLY, view)) return;
  const { snapshot } = await view();
  // Beside a page of a file nobody asks for the primary by a bare `/`.
  const found =
    page !== null && path === '/'
      ? null
      : answerHealth(path, Object.fromEntries(new URLSearchParams(search)), snapshot);
  if (found === null)
    send(
      404,
      'text/plain',
      'there is /primary, /replica?lag=1MB, /read-only, /health, /readiness, /liveness and /metrics\n',
    );
  else send(found.status, 'application/json', toText(`${JSON.stringify(found.body)}\n`));
}

/** Answers with a page that a file asks for; false: this request is for another. */
export function answerPage(
  request: IncomingMessage,
  response: ServerResponse,
  page: Omit<StatsPage, 'name' | 'binds'>,
  view: () => Promise<RuntimeView>,
): boolean {
  const send = sender(request, response);
  const [path = '/'] = (request.url ?? '/').split('?');
  if (page.monitorUri === path) {
    send(200, 'text/plain', 'ok\n');
    return true;
  }
  const show = (type: string, text: (shown: RuntimeView) => string): true => {
    view().then(
      (shown) => send(200, type, toText(text(shown))),
      () => send(503, 'text/plain', 'it has just started\n'),
    );
    return true;
  };
  if (page.metricsPath === path) return show('text/plain; version=0.0.4; charset=utf-8', exportMetrics);
  // HAProxy's own default holds a question mark.
  if (page.uri === null || (request.url !== page.uri && path !== page.uri)) return false;
  if (!isWelcome(request, page)) {
    const realm = (page.realm ?? 'Baton').replaceAll(/["\\]/g, '');
    send(401, 'text/plain', 'who are you?\n', { 'www-authenticate': `Basic realm="${realm}"` });
    return true;
  }
  return show('text/html; charset=utf-8', (shown) => statusPage(shown, page.refreshMs));
}

type Send = (status: number, type: string, body: string, headers?: Record<string, string>) => void;

function sender(request: IncomingMessage, response: ServerResponse): Send {
  return (status, type, body, headers = {}) => {
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store', ...headers });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}

const toText = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');
const digest = (text: string): Buffer => createHash('sha256').update(text, 'latin1').digest();

/** Compares digests, so that time tells nothing about a password. */
function isWelcome(request: IncomingMessage, { users }: Pick<StatsPage, 'users'>): boolean {
  if (users.length === 0) return true;
  const [, encoded = ''] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(request.headers.authorization ?? '') ?? [];
  const given = digest(Buffer.from(encoded, 'base64').toString('latin1'));
  return users.some(({ user, password }) => timingSafeEqual(given, digest(`${user}:${password}`)));
}
