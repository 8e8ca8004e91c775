// The machine's knowledge as plain data, for those who look from outside.

import { isIpv6, type Address } from './address.ts';
import type { Core } from './core.ts';
import { currentAddress } from './current-address.ts';
import { flagsText, type Master, type Replica } from './instance.ts';
import type { MasterSnapshot, ReplicaSnapshot, Snapshot } from './snapshot.ts';

function addressText(core: Core, address: Address): string {
  const host = core.shown(address);
  return isIpv6(host) ? `[${host}]:${address.port}` : `${host}:${address.port}`;
}

function replicaSnapshot(core: Core, master: Master, replica: Replica): ReplicaSnapshot {
  const lag = master.offset === null || replica.infoAt === null ? null : master.offset - replica.offset;
  return {
    name: replica.name,
    address: addressText(core, replica.address),
    flags: flagsText(replica),
    offset: Number(replica.offset),
    lagBytes: lag === null ? null : Math.max(0, Number(lag)),
    link: replica.masterLinkUp ? 'up' : 'down',
    authProblem: replica.link.authProblem,
  };
}

function masterSnapshot(core: Core, master: Master): MasterSnapshot {
  return {
    name: master.name,
    status: master.odown ? 'odown' : master.sdown ? 'sdown' : 'ok',
    address: addressText(core, currentAddress(master)),
    configEpoch: `${master.configEpoch}`,
    failoverState: master.failover.state,
    quorum: master.quorum,
    authProblem: master.link.authProblem,
    replicas: Array.from(master.replicas.values(), (replica) => replicaSnapshot(core, master, replica)),
    sentinels: Array.from(master.peers.values(), (peer) => ({
      runId: peer.name,
      address: addressText(core, peer.address),
      flags: flagsText(peer),
      authProblem: peer.link.authProblem,
    })),
  };
}

export function takeSnapshot(core: Core, startedAt: number): Snapshot {
  const { version, persistedVersion, problem } = core.persistence;
  return {
    myId: core.myId,
    currentEpoch: `${core.currentEpoch}`,
    tilt: core.tilted,
    port: core.announcePort !== 0 ? core.announcePort : core.server.port,
    uptimeMs: core.now - startedAt,
    masters: Array.from(core.masters.values(), (master) => masterSnapshot(core, master)),
    counters: { ...core.counters },
    persist: { version, persistedVersion, problem },
  };
}
