// Who may come, by address: the first rule whose condition holds decides, and without one everybody may.

import { BlockList, isIPv6, type Socket } from 'node:net';
import type { AddressRange, ClientRule } from '../../endpoint/endpoint-conf.ts';
import type { Accept } from './listeners.ts';
import { plainAddress } from './proxy-protocol.ts';

interface Rule {
  readonly isAccepting: boolean;
  readonly isOfConnection: boolean;
  readonly holds: (address: string) => boolean;
}

/** Turns those away who may not come, without a word, as HAProxy does; all others go on to `accept`. */
export function admitting(rules: readonly ClientRule[] | undefined, accept: Accept): Accept {
  if (rules === undefined) return accept;
  const compiled = rules.map(compile);
  return (socket, first, proxied) => {
    const own = plainAddress(socket.remoteAddress ?? '');
    const rule = compiled.find(({ isOfConnection, holds }) =>
      holds(isOfConnection ? own : plainAddress(proxied?.sourceAddress ?? own)),
    );
    if (rule === undefined || rule.isAccepting) return accept(socket, first, proxied);
    return turnAway(socket);
  };
}

function turnAway(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.destroy();
}

function compile({ action, isOfConnection, when }: ClientRule): Rule {
  const anyOf = when.anyOf.map((all) =>
    all.map(({ isNegated, ranges }) => {
      const list = listOf(ranges);
      return (address: string): boolean => isIn(list, address) !== isNegated;
    }),
  );
  return {
    isAccepting: action === 'accept',
    isOfConnection,
    holds: (address) => anyOf.some((all) => all.every((holds) => holds(address))) !== when.isNegated,
  };
}

function listOf(ranges: readonly AddressRange[]): BlockList {
  const list = new BlockList();
  for (const { address, bits } of ranges) {
    list.addSubnet(address, bits, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** A client of a unix socket has no address, and is in no range. */
function isIn(list: BlockList, address: string): boolean {
  return address !== '' && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** Of a listener of both families. */
