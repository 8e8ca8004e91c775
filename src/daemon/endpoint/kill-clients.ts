// Has a Redis close some of its clients, named by the addresses that it sees them at: `CLIENT KILL ADDR`. Never by type,
// which would cut sentinels, replicas and other people's connections.

import { connect } from 'node:net';
import { encodeCommand } from '../../resp/encode.ts';
import { type Target, targetText } from '../../endpoint/route.ts';
import type { Credentials } from '../../endpoint/endpoint-conf.ts';

/** A server that does not answer within this is dead, and so are the connections to it. */
const ANSWER_MS_MAX = 1_000;
const ANSWER_BYTES_MAX = 1 << 20;

/** Resolves to what was refused, as a sentence; null if nothing was, or nobody is there. Clients that are gone are fine. */
export function killClients(
  server: Target,
  clients: readonly Target[],
  credentials: Credentials | null,
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
  return new Promise((resolve) => {
    const socket = connect({ host: server.host, port: server.port });
    let text = '';
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      const refusal = text.split('\r\n').find((line) => line.startsWith('-'));
      resolve(
        refusal === undefined
          ? null
          : `${targetText(server)} did not close clients that were led to it: ${refusal.slice(1)}.`,
      );
    };
    const timer = setTimeout(finish, ANSWER_MS_MAX);
    socket.on('connect', () => socket.write(commands.map(encodeCommand).join(''), 'latin1'));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      // Each answer is one line.
      if (text.split('\r\n').length > commands.length || text.length > ANSWER_BYTES_MAX) finish();
    });
    socket.on('error', finish);
    socket.on('close', finish);
  });
}
