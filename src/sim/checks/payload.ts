// Reads the texts that cross a member's boundary: events' payloads, hellos, vote requests and their answers
// (sentinel.md §3, §5.1, §6.3).

import type { Reply } from '../../resp/reply.ts';
import type { Command } from '../wire.ts';

/** The instance an event is about. */
export interface Instance {
  readonly kind: string;
  readonly name: string;
  /** `ip:port`. */
  readonly address: string;
  /** The master's name, also of a replica or sentinel. */
  readonly group: string;
}

/** `master <name> <addr> <port>` or `slave <name> <addr> <port> @ <group> <addr> <port>`; null for other payloads. */
export function readInstance(text: string): Instance | null {
  const [kind, name, ip, port, at, group] = text.split(' ');
  if (kind === undefined || name === undefined || ip === undefined || port === undefined) return null;
  if (kind === 'master') return { kind, name, address: `${ip}:${port}`, group: name };
  if ((kind !== 'slave' && kind !== 'sentinel') || at !== '@' || group === undefined) return null;
  return { kind, name, address: `${ip}:${port}`, group };
}

export interface Hello {
  readonly currentEpoch: bigint;
  readonly group: string;
  readonly address: string;
  readonly configEpoch: bigint;
}

/** The hello that a command publishes, if it does. */
export function readHello(command: Command): Hello | null {
  const [verb, channel, payload] = command;
  if (payload === undefined || channel !== '__sentinel__:hello' || verb?.toLowerCase() !== 'publish')
    return null;
  const fields = payload.split(',');
  const [, , , currentEpoch, group, ip, port, configEpoch] = fields;
  if (fields.length !== 8 || currentEpoch === undefined || group === undefined || configEpoch === undefined) {
    return null;
  }
  return {
    currentEpoch: BigInt(currentEpoch),
    group,
    address: `${ip}:${port}`,
    configEpoch: BigInt(configEpoch),
  };
}

export interface VoteRequest {
  readonly address: string;
  readonly epoch: bigint;
  readonly candidate: string;
}

/** The vote a command asks for, if it does. */
export function readVoteRequest(command: Command): VoteRequest | null {
  const [verb, subcommand, ip, port, epoch, candidate] = command;
  if (candidate === undefined || epoch === undefined || verb?.toLowerCase() !== 'sentinel') return null;
  if (!/^is-(master|primary)-down-by-addr$/i.test(subcommand ?? '') || candidate === '*') return null;
  return { address: `${ip}:${port}`, epoch: BigInt(epoch), candidate };
}

/** The leader and epoch that an answer to a vote request names; null when it names nobody. */
export function readVote(reply: Reply): { readonly leader: string; readonly epoch: bigint } | null {
  if (reply.kind !== 'array') return null;
  const [, leader, epoch] = reply.items;
  if (leader?.kind !== 'bulk' || leader.value === '*' || epoch?.kind !== 'integer') return null;
  return { leader: leader.value.toLowerCase(), epoch: BigInt(epoch.value) };
}
