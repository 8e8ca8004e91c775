// What an INFO reply changes: what we know of the node, who else there is, how far a failover has come, and which node
// has to be put right (sentinel.md §6.9, §6.11).

import type { Reply } from '../resp/reply.ts';
import { sameAddress, type Address } from './address.ts';
import type { Core } from './core.ts';
import { currentAddress } from './current-address.ts';
import { replicaName } from './events.ts';
import { promotionObserved } from './failover.ts';
import { INFO_BYTES_MAX, parseInfo, REPLICAS_MAX, type Info, type ReplicaLine } from './info.ts';
import { isHandingOver, masterOf, type DataNode, type Master, type Replica } from './instance.ts';
import { calmInfo } from './polling.ts';
import { makeReplicaOf } from './reconfigure.ts';
import { addReplica } from './switch-master.ts';
import { PERIODIC_SLACK_MS } from './tunables.ts';

/** A node that wrongly says it is a primary is left alone this many hello periods, to hear of its role first. */
const CONVERT_AFTER_HELLOS = 4;

/** Takes in the answer to INFO. Errors count for nothing: the node's last INFO stays as old as it is. */
export function receiveInfo(core: Core, node: DataNode, reply: Reply): void {
  node.infosInFlight = Math.max(0, node.infosInFlight - 1);
  if (reply.kind !== 'bulk' && reply.kind !== 'verbatim') return;
  const text = reply.value.length > INFO_BYTES_MAX ? reply.value.slice(0, INFO_BYTES_MAX) : reply.value;
  const info = parseInfo(text);
  const hosts = info.replicas.map(({ host }) => host);
  if (info.masterHost !== null) hosts.push(info.masterHost);
  const { link } = node;
  core.names.whenKnown(hosts, () => {
    // The node may be gone by the time its names are known, or be another one at another address.
    if (node.link === link && core.isWatched(node)) applyInfo(core, node, text, info);
  });
}

function applyInfo(core: Core, node: DataNode, text: string, info: Info): void {
  node.infoText = text;
  node.infoAt = core.now;
  node.failoverStateReported = info.failoverState;
  core.touch(node);
  core.touch(masterOf(node));
  noteRunId(core, node, info.runId);
  if (node.kind === 'master') {
    if (info.role === 'master') node.offset = info.primaryOffset;
    for (const line of info.replicas) noteReplica(core, node, line);
  }
  if (node.kind === 'replica') noteReplication(core, node, info);
  noteRole(core, node, info);
  if (core.tilted || node.kind === 'master') return;
  if (info.role === 'master') actOnPrimaryRole(core, node);
  else if (info.role === 'slave') actOnReplicaRole(core, node);
}

function noteRunId(core: Core, node: DataNode, runId: string | null): void {
  if (runId === null || runId === node.runId) return;
  if (node.runId !== null) {
    core.event('+reboot', node);
    if (node.kind === 'master' && node.rebootDownAfterMs > 0) node.rebootedAt = core.now;
  }
  node.runId = runId;
}

function noteReplica(core: Core, master: Master, { host, port }: ReplicaLine): void {
  if (!core.names.isAllowed(host)) {
    core.log(
      'verbose',
      `Passing over replica ${host}:${port} of ${master.name}: hostnames are not resolved here`,
    );
    return;
  }
  const address = core.names.address(host, port);
  if (master.replicas.has(replicaName(core.shown(address), port))) return;
  // The same node under another spelling of its address is not another node.
  for (const replica of master.replicas.values()) if (sameAddress(replica.address, address)) return;
  if (master.replicas.size >= REPLICAS_MAX) return;
  const replica = addReplica(core, master, address);
  core.event('+slave', replica);
  core.persistence.save();
}

function noteReplication(core: Core, replica: Replica, info: Info): void {
  replica.masterLinkDownMs = info.masterLinkDownMs;
  if (info.role !== 'slave') return;
  const host = info.masterHost;
  const port = info.masterPort ?? replica.masterPort;
  if (
    host !== null &&
    (host.toLowerCase() !== replica.masterHost?.toLowerCase() || port !== replica.masterPort)
  ) {
    replica.masterHost = host;
    replica.masterPort = port;
    replica.masterChangedAt = core.now;
  }
  replica.masterLinkUp = info.masterLinkUp ?? replica.masterLinkUp;
  replica.priority = info.priority ?? replica.priority;
  replica.offset = info.offset ?? replica.offset;
  replica.announced = info.announced ?? replica.announced;
}

/**
 * Differs from Sentinel: an INFO without a role line says nothing about the role, because the reference reads it as a
 * change to replica and a garbled reply could then take a primary down.
 *
 * Differs from Sentinel: a primary that has begun another history was something else in between, although no INFO showed
 * it, so its role is as old as this INFO. Another member made it a replica and then promoted it, say; whoever counts from
 * what it saw before would undo the promotion a moment before it hears of it.
 */
function noteRole(core: Core, node: DataNode, info: Info): void {
  const isOtherHistory = node.replicationId !== null && info.replicationId !== node.replicationId;
  node.replicationId = info.replicationId;
  if (info.role === 'master' && isOtherHistory) node.roleReportedAt = core.now;
  if (info.role === null || info.role === node.roleReported) return;
  node.roleReported = info.role;
  node.roleReportedAt = core.now;
  if (info.role === 'slave') node.masterChangedAt = core.now;
  const asConfigured = (node.kind === 'master') === (info.role === 'master');
  core.event(asConfigured ? '+role-change' : '-role-change', node, ` new reported role is ${info.role}`);
}

/** Whether the configured master is a primary that answers: only then other nodes are made to follow it. */
function looksSane(core: Core, master: Master): boolean {
  return (
    master.roleReported === 'master' &&
    !master.sdown &&
    !master.odown &&
    master.infoAt !== null &&
    core.now - master.infoAt < 2 * core.tunables.infoPeriod
  );
}

function wasUpFor(core: Core, replica: Replica, ms: number): boolean {
  return !replica.sdown && (replica.sdownSince === null || core.now - replica.sdownSince > ms);
}

function actOnPrimaryRole(core: Core, replica: Replica): void {
  const { master } = replica;
  const { failover } = master;
  if (failover.promoted === replica && failover.state === 'wait_promotion') {
    promotionObserved(core, master, replica);
    return;
  }
  if (failover.promoted === replica) return;
  const waitMs = CONVERT_AFTER_HELLOS * core.tunables.publishPeriod;
  if (!looksSane(core, master) || !wasUpFor(core, replica, waitMs)) return;
  if (core.now - replica.roleReportedAt <= waitMs) return;
  repair(core, replica, '+convert-to-slave', 'says it is a primary');
}

function follows(core: Core, replica: Replica, address: Address): boolean {
  if (replica.masterHost === null || replica.masterPort !== address.port) return false;
  return sameAddress(core.names.address(replica.masterHost, replica.masterPort), address);
}

function actOnReplicaRole(core: Core, replica: Replica): void {
  const { master } = replica;
  const { promoted } = master.failover;
  if (promoted !== null && promoted !== replica) noteReconfiguration(core, replica, promoted);
  if (follows(core, replica, currentAddress(master)) || promoted === replica) {
    if (promoted === null && replica.masterLinkUp) calmInfo(replica);
    unstickHandOver(core, replica);
    return;
  }
  const { failoverTimeoutMs } = master;
  if (!looksSane(core, master) || !wasUpFor(core, replica, failoverTimeoutMs)) return;
  if (core.now - replica.masterChangedAt <= failoverTimeoutMs) return;
  repair(core, replica, '+fix-slave-config', `follows ${replica.masterHost}:${replica.masterPort}`);
}

/** Valkey 9: a replica left in a hand-over that nobody finishes is pointed at the primary again (§10.2). */
function unstickHandOver(core: Core, replica: Replica): void {
  const { master } = replica;
  if (!isHandingOver(replica)) return;
  if (master.failover.state !== 'none' || !looksSane(core, master)) return;
  if (core.now - replica.roleReportedAt <= master.failoverTimeoutMs) return;
  repair(core, replica, '+fix-slave-config', 'is stuck in a hand-over');
}

/**
 * Tells a replica to follow its primary, and tells it again with each regular INFO while it does not. Not sooner: the
 * order itself is followed by an INFO, and a node that refuses it would be told again by every answer.
 */
function repair(
  core: Core,
  replica: Replica,
  event: '+convert-to-slave' | '+fix-slave-config',
  trouble: string,
): void {
  const { master } = replica;
  const spacing = Math.max(PERIODIC_SLACK_MS, core.tunables.infoPeriod - PERIODIC_SLACK_MS);
  if (core.now - replica.repairedAt < spacing) return;
  if (!makeReplicaOf(core, replica, master.address)) return;
  calmInfo(replica);
  replica.repairedAt = core.now;
  core.event(event, replica);
  core.decide(
    master,
    `${replica.name} ${trouble}: told it to follow ${core.shown(master.address)}:${master.address.port}`,
  );
}

/** How far a replica has come since it was told to follow the promoted one. */
function noteReconfiguration(core: Core, replica: Replica, promoted: Replica): void {
  if (replica.reconfiguration === 'sent' && follows(core, replica, promoted.address)) {
    replica.reconfiguration = 'in-progress';
    core.event('+slave-reconf-inprog', replica);
  }
  if (replica.reconfiguration === 'in-progress' && replica.masterLinkUp) {
    replica.reconfiguration = 'done';
    calmInfo(replica);
    core.event('+slave-reconf-done', replica);
  }
}
