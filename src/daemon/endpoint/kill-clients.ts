// Has a Redis close some of its clients, named by the addresses that it sees them at: `CLIENT KILL ADDR`. Never by type,
// which would cut sentinels, replicas and other people's connections.

import { encodeCommand } from '../../resp/encode.ts';
import { type Target, targetText } from '../../endpoint/route.ts';
import type { Credentials, EndpointsConf, TlsClientConf } from '../../endpoint/endpoint-conf.ts';
import { TlsClient } from '../../net/tls-client.ts';
import type { TlsFiles } from '../../net/tls-files.ts';

/** A server that does not answer within this is dead, and so are the connections to it. */
const ANSWER_MS_MAX = 1_000;
const ANSWER_BYTES_MAX = 1 << 20;

/** Has a server close some of its clients. Resolves to what went wrong, as a sentence, or null. */
export type KillClients = (server: Target, clients: readonly Target[]) => Promise<string | null>;

/** How a server is spoken to. */
export interface KillAs {
  readonly credentials: Credentials | null;
  readonly tls: TlsClientConf | null;
}

/** How the servers of each frontend, by its name, are had to close clients. */
export function killersOf(
  { frontends, backends }: EndpointsConf,
  files?: TlsFiles,
): ReadonlyMap<string, KillClients> {
  const tlsClient = new TlsClient(files);
  return new Map(
    frontends.map(({ name, backend }): [string, KillClients] => {
      const found = backends.find((one) => one.name === backend);
      const { credentials = null, servers = [] } = found ?? {};
      // As their standing connections speak to them, also where clients' own TLS passes by.
      const ofServers = servers.map((server) => server.linkTls ?? server.tls).find((one) => one !== null);
      const tls = found?.tls ?? ofServers ?? null;
      return [name, (server, clients) => killClients(server, clients, { credentials, tls }, tlsClient)];
    }),
  );
}

/** Resolves to what was refused, as a sentence; null if nothing was, or nobody is there. Clients that are gone are fine. */
export function killClients(
  server: Target,
  clients: readonly Target[],
  { credentials, tls }: KillAs,
  tlsClient: TlsClient = new TlsClient(),
): Promise<string | null> {
  const login =
    credentials === null
      ? []
      : [['AUTH', ...(credentials.user === null ? [] : [credentials.user]), credentials.password]];
  const commands = [
    ...login,
    // Since Redis 2.8.12 this answers with a number: 0 for one that is gone.
    ...clients.map((client) => ['CLIENT', 'KILL', 'ADDR', targetText(client)]),
  ];
  const start = (resolve: (refusal: string | null) => void): void => {
    const socket = tlsClient.connect({ host: server.host, port: server.port }, tls, null);
    let [text, isThere] = ['', false];
    let problem: string | undefined;
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      problem ??= text
        .split('\r\n')
        .find((line) => line.startsWith('-'))
        ?.slice(1);
      resolve(problem === undefined ? null : refusalOf(server, problem));
    };
    const timer = setTimeout(finish, ANSWER_MS_MAX);
    socket.once('connect', () => {
      isThere = true;
    });
    socket.once(tls === null ? 'connect' : 'secureConnect', () =>
      socket.write(commands.map(encodeCommand).join(''), 'latin1'),
    );
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      // Each answer is one line.
      if (text.split('\r\n').length > commands.length || text.length > ANSWER_BYTES_MAX) finish();
    });
    socket.on('error', (error) => {
      // Somebody who does not speak TLS, or whom we do not believe, is there. A plain server that leaves is gone.
      if (tls !== null && isThere) problem = error.message;
      finish();
    });
    socket.on('close', finish);
  };
  return new Promise<string | null>(start).catch((error: unknown) =>
    // A file of the certificates is gone.
    refusalOf(server, error instanceof Error ? error.message : String(error)),
  );
}

const refusalOf = (server: Target, why: string): string =>
  `${targetText(server)} did not close clients that were led to it: ${why}.`;
