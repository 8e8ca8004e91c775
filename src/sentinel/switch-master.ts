// Forgetting what is no longer so: RESET, and the move of a master to another address (sentinel.md §6.10).

import { sameAddress, type Address } from './address.ts';
import type { Core } from './core.ts';
import { replicaName } from './events.ts';
import { clearFailover } from './failover-state.ts';
import { newReplica, type Instance, type Master, type Replica } from './instance.ts';
import { releaseLink, replaceLink } from './links.ts';

/** Adds a replica to a master's table and starts watching it. The caller checks that its name is free. */
export function addReplica(core: Core, master: Master, address: Address): Replica {
  const name = replicaName(core.shown(address), address.port);
  const replica = newReplica(master, name, address, core.now);
  master.replicas.set(name, replica);
  core.touch(replica);
  core.touch(replica.link);
  return replica;
}

/** Takes an instance out of the machine. */
export function drop(core: Core, instance: Instance): void {
  releaseLink(core, instance);
}

/** Drops everything learned about a master's nodes; settings and epochs stay. */
export function resetMaster(core: Core, master: Master, forget: { peers: boolean }): void {
  for (const replica of master.replicas.values()) drop(core, replica);
  master.replicas.clear();
  if (forget.peers) {
    for (const peer of master.peers.values()) drop(core, peer);
    master.peers.clear();
  }
  master.recentHellos.clear();
  replaceLink(core, master);
  clearFailover(core, master);
  master.failover.startedAt = -Infinity;
  master.failover.retryAt = -Infinity;
  master.failover.attempts = 0;
  master.sdown = false;
  master.odown = false;
  master.leader = null;
  master.runId = null;
  master.rebootedAt = null;
  master.crashed = false;
  master.scriptKillSent = false;
  master.roleReported = 'master';
  master.roleReportedAt = core.now;
  master.failoverStateReported = null;
  master.replicationId = null;
  // Differs from Sentinel: the new primary is asked for INFO at once, because until it has answered nobody knows
  // whether it is sane, and the reference judges it by its predecessor's INFO for up to ten seconds.
  master.infosInFlight = 0;
  master.helloInFlight = false;
  master.infoAskedAt = -Infinity;
  master.infoHurryMs = null;
  master.offset = null;
  for (const peer of master.peers.values()) {
    peer.masterDown = false;
    peer.leader = null;
  }
}

/** Moves a master to `to`: its replicas are remembered, the old address becomes one of them, and all is saved. */
export function switchMaster(core: Core, master: Master, to: Address): void {
  const from = master.address;
  const replicas = [...master.replicas.values()]
    .map(({ address }) => address)
    .filter((a) => !sameAddress(a, to));
  if (!sameAddress(from, to) && !replicas.some((address) => sameAddress(address, from))) replicas.push(from);
  resetMaster(core, master, { peers: false });
  master.address = to;
  master.sdownSince = null;
  master.odownSince = null;
  for (const address of replicas) {
    // Two names may have come to mean one address.
    const isKnown = master.replicas.has(replicaName(core.shown(address), address.port));
    if (!isKnown) core.event('+slave', addReplica(core, master, address));
  }
  core.persistence.save();
  core.touch(master);
}
