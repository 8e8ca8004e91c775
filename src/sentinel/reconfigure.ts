// Telling a node what to be: the one transaction that promotes or re-points it (sentinel.md §7.2), and Valkey's
// coordinated hand-over (§10.2).

import type { Core } from './core.ts';
import { isHandingOver, masterOf, type DataNode, type Master } from './instance.ts';
import type { Address } from './address.ts';
import { hurryInfo } from './polling.ts';

/** Sends commands for a node under the names it knows them by. False if there is nobody to send to. */
function sendAll(core: Core, node: DataNode, commands: readonly (readonly string[])[]): boolean {
  const { command } = node.link;
  if (command === null) return false;
  const master = masterOf(node);
  for (const [name = '', ...args] of commands) {
    core.send(command, 'reconfigure', node, [core.command(master, name), ...args]);
  }
  return true;
}

/** The command before the clients are sent away, so that they come back to a node that has its new role. */
const DISMISS_CLIENTS: readonly (readonly string[])[] = [
  ['CLIENT', 'KILL', 'TYPE', 'normal'],
  ['CLIENT', 'KILL', 'TYPE', 'pubsub'],
];

/**
 * Makes `node` follow `target`, or nobody (null: be a primary). Persisted by the node if it can, and its clients are
 * disconnected so that they ask again where to go. What became of it is told by INFO, which is asked behind the
 * transaction on the same connection.
 *
 * Differs from Sentinel: INFO is asked at once and in quick succession instead of within a second; our own pub/sub
 * half is among the clients that are killed, and the reference holds INFO back until it is dialled again.
 */
export function makeReplicaOf(core: Core, node: DataNode, target: Address | null): boolean {
  const follow = target === null ? ['NO', 'ONE'] : [core.shown(target), `${target.port}`];
  const sent = sendAll(core, node, [
    ['MULTI'],
    ...(isHandingOver(node) ? [['FAILOVER', 'ABORT']] : []),
    ['SLAVEOF', ...follow],
    ['CONFIG', 'REWRITE'],
    ...DISMISS_CLIENTS,
    ['EXEC'],
  ]);
  if (sent) hurryInfo(core, node);
  return sent;
}

/** Asks the primary itself to hand over to `target` within `timeoutMs`, with its writers paused meanwhile. */
export function handOver(core: Core, master: Master, target: Address, timeoutMs: number): boolean {
  return sendAll(core, master, [
    ['MULTI'],
    ['CLIENT', 'PAUSE', `${timeoutMs}`, 'WRITE'],
    ['FAILOVER', 'TO', core.shown(target), `${target.port}`, 'TIMEOUT', `${timeoutMs}`],
    ['EXEC'],
  ]);
}

/** After a hand-over: both nodes write down their roles, send their clients away and let writers go. */
export function concludeHandOver(core: Core, node: DataNode): boolean {
  return sendAll(core, node, [
    ['MULTI'],
    ['CONFIG', 'REWRITE'],
    ...DISMISS_CLIENTS,
    ['CLIENT', 'UNPAUSE'],
    ['EXEC'],
  ]);
}
