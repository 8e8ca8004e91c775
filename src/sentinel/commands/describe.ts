// SENTINEL MASTER, REPLICAS and SENTINELS: an instance as fields and values. Order and presence of each field are part
// of the protocol, because clients index into the flat reply (sentinel.md §1.4).

import { array, textMap, type Reply } from '../../resp/reply.ts';
import type { Core } from '../core.ts';
import { flagsText, type Instance, type Master, type Peer, type Replica } from '../instance.ts';
import { withMaster, type MonitorCommand } from './handler.ts';

type Fields = [string, string][];

function describe(core: Core, instance: Instance): Fields {
  const { link } = instance;
  const since = (time: number | null): string => (time === null ? '0' : `${core.now - time}`);
  const fields: Fields = [
    ['name', instance.name],
    ['ip', core.shown(instance.address)],
    ['port', `${instance.address.port}`],
    ['runid', instance.runId ?? ''],
    ['flags', flagsText(instance)],
    ['link-pending-commands', `${(link.command?.pending.length ?? 0) + (link.pubsub?.pending.length ?? 0)}`],
    ['link-refcount', `${link.owners.length}`],
  ];
  if (instance.kind === 'master' && instance.failover.state !== 'none') {
    fields.push(['failover-state', instance.failover.state]);
  }
  fields.push(
    ['last-ping-sent', since(link.actPingAt)],
    ['last-ok-ping-reply', since(link.lastAvailableAt)],
    ['last-ping-reply', since(link.lastPongAt)],
  );
  if (instance.sdown) fields.push(['s-down-time', since(instance.sdownSince)]);
  if (instance.kind === 'master' && instance.odown) fields.push(['o-down-time', since(instance.odownSince)]);
  fields.push(['down-after-milliseconds', `${instance.downAfterMs}`]);
  if (instance.kind !== 'sentinel') {
    fields.push(
      ['info-refresh', since(instance.infoAt)],
      ['role-reported', instance.roleReported],
      ['role-reported-time', since(instance.roleReportedAt)],
    );
  }
  if (instance.kind === 'master') fields.push(...masterFields(instance));
  if (instance.kind === 'replica') fields.push(...replicaFields(instance));
  if (instance.kind === 'sentinel') fields.push(...peerFields(core, instance));
  return fields;
}

function masterFields(master: Master): Fields {
  const fields: Fields = [
    ['config-epoch', `${master.configEpoch}`],
    ['num-slaves', `${master.replicas.size}`],
    ['num-other-sentinels', `${master.peers.size}`],
    ['quorum', `${master.quorum}`],
    ['failover-timeout', `${master.failoverTimeoutMs}`],
    ['parallel-syncs', `${master.parallelSyncs}`],
  ];
  if (master.notificationScript !== null) fields.push(['notification-script', master.notificationScript]);
  if (master.clientReconfigScript !== null)
    fields.push(['client-reconfig-script', master.clientReconfigScript]);
  return fields;
}

function replicaFields(replica: Replica): Fields {
  return [
    ['master-link-down-time', `${replica.masterLinkDownMs}`],
    ['master-link-status', replica.masterLinkUp ? 'ok' : 'err'],
    ['master-host', replica.masterHost ?? '?'],
    ['master-port', `${replica.masterPort}`],
    ['slave-priority', `${replica.priority}`],
    ['slave-repl-offset', `${replica.offset}`],
    ['replica-announced', replica.announced ? '1' : '0'],
  ];
}

function peerFields(core: Core, peer: Peer): Fields {
  return [
    ['last-hello-message', `${core.now - peer.lastHelloReceivedAt}`],
    ['voted-leader', peer.leader ?? '?'],
    ['voted-leader-epoch', `${peer.leaderEpoch}`],
  ];
}

const describeAll = (core: Core, instances: Iterable<Instance>): Reply =>
  array(Array.from(instances, (instance) => textMap(describe(core, instance))));

export const masters: MonitorCommand = (core) => describeAll(core, core.masters.values());

export const master = withMaster((core, found) => textMap(describe(core, found)));

export const replicas = withMaster((core, found) =>
  describeAll(
    core,
    [...found.replicas.values()].filter((replica) => replica.announced),
  ),
);

export const sentinels = withMaster((core, found) => describeAll(core, found.peers.values()));
