// Who may come, and which of several endpoints takes whom: rules on the ends of a connection and on how servers fare.

import type { Socket } from 'node:net';
import {
  decider,
  NO_ENDS,
  type ClientEnds,
  type Decide,
  type ServerFacts,
} from '../../endpoint/condition.ts';
import type { ClientRule, FrontendConf } from '../../endpoint/endpoint-conf.ts';
import type { Accept } from './listeners.ts';
import { connectionOf, plainAddress, type ProxiedConnection } from './proxy-protocol.ts';

/** What was told last of servers. */
export type Knows = () => ServerFacts;

/** HAProxy asks the rules of one after those of another. */
const LAYERS: readonly ClientRule['layer'][] = ['connection', 'session', 'content'];

/** Turns those away who may not come, without a word, as HAProxy does; all others go on to `accept`. */
export function admitting(rules: readonly ClientRule[] | undefined, knows: Knows, accept: Accept): Accept {
  if (rules === undefined || rules.length === 0) return accept;
  const layers = LAYERS.map((layer) => ({
    isOfConnection: layer === 'connection',
    rules: rules
      .filter((rule) => rule.layer === layer)
      .map(({ action, when }): { isAccepting: boolean; holds: Decide } => ({
        isAccepting: action === 'accept',
        holds: decider(when),
      })),
  }));
  return (socket, first, proxied) => {
    const own = endsOf(socket, null);
    const named = endsOf(socket, proxied);
    const facts = knows();
    const isRejected = layers.some((layer) => {
      const ends = layer.isOfConnection ? own : named;
      return layer.rules.find(({ holds }) => holds(ends, facts))?.isAccepting === false;
    });
    if (isRejected) closeUnserved(socket);
    else accept(socket, first, proxied);
  };
}

/** Hands each client to the endpoint that the first fitting branch names, or to `own`. */
export function branching(
  branches: FrontendConf['branches'],
  knows: Knows,
  acceptOf: (endpoint: string) => Accept | null,
  own: Accept,
): Accept {
  if (branches === undefined) return own;
  const compiled = branches.map((branch) =>
    branch === null ? null : { endpoint: branch.frontend, holds: decider(branch.when) },
  );
  return (socket, first, proxied) => {
    const ends = endsOf(socket, proxied);
    const facts = knows();
    const branch = compiled.find((one) => one === null || one.holds(ends, facts));
    const accept = branch === undefined ? own : branch === null ? null : acceptOf(branch.endpoint);
    if (accept === null) closeUnserved(socket);
    else accept(socket, first, proxied);
  };
}

function endsOf(socket: Socket, proxied: ProxiedConnection | null): ClientEnds {
  const ends = connectionOf(socket, proxied);
  if (ends === null) return NO_ENDS;
  const { sourceAddress, targetAddress } = ends;
  return {
    ...ends,
    sourceAddress: plainAddress(sourceAddress),
    targetAddress: plainAddress(targetAddress),
  };
}

function closeUnserved(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.destroy();
}
