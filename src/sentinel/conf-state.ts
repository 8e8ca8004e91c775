// From the configuration to the machine's tables and back. What is loaded and what is saved have one type, so a restart
// is a save and a load (sentinel.md §2.3, §2.5).

import { sameAddress } from './address.ts';
import type { HostPort, KnownSentinel, MasterConf, SentinelConf } from './conf/conf.ts';
import { watchMaster } from './commands/manage.ts';
import type { Core } from './core.ts';
import { currentAddress } from './current-address.ts';
import { replicaName } from './events.ts';
import { newMaster, type Master } from './instance.ts';
import { addPeer } from './receive-hello.ts';
import { addReplica } from './switch-master.ts';

/** Starts watching what the configuration names. */
export function watchConfigured(core: Core, conf: SentinelConf): void {
  for (const each of conf.masters) watchConfiguredMaster(core, each);
}

function watchConfiguredMaster(core: Core, conf: MasterConf): void {
  const master = newMaster(conf.name, core.names.address(conf.host, conf.port), conf, core.now);
  master.parallelSyncs = conf.parallelSyncs;
  master.notificationScript = conf.notificationScript;
  master.clientReconfigScript = conf.clientReconfigScript;
  master.authPass = conf.authPass;
  master.authUser = conf.authUser;
  master.rebootDownAfterMs = conf.masterRebootDownAfterMs;
  for (const [command, renamed] of conf.renamedCommands) master.renamedCommands.set(command, renamed);
  master.configEpoch = conf.configEpoch;
  master.leaderEpoch = conf.leaderEpoch;
  if (conf.configEpoch > core.currentEpoch) core.currentEpoch = conf.configEpoch;
  watchMaster(core, master);
  for (const { host, port } of conf.knownReplicas) {
    const address = core.names.address(host, port);
    const name = replicaName(core.shown(address), port);
    if (!sameAddress(address, master.address) && !master.replicas.has(name))
      addReplica(core, master, address);
  }
  for (const { host, port, runId } of conf.knownSentinels) {
    if (runId !== core.myId && !master.peers.has(runId)) {
      addPeer(core, master, runId, core.names.address(host, port));
    }
  }
}

/** What belongs on disk now. `users`: the `user` lines. */
export function confOf(core: Core, users: readonly string[]): SentinelConf {
  return {
    myId: core.myId,
    currentEpoch: core.currentEpoch,
    announceIp: core.announceIp,
    announcePort: core.announcePort,
    denyScriptsReconfig: core.denyScriptsReconfig,
    resolveHostnames: core.names.enabled,
    announceHostnames: core.announceHostnames,
    sentinelUser: core.sentinelUser,
    sentinelPass: core.sentinelPass,
    masters: Array.from(core.masters.values(), (master) => masterConfOf(core, master)),
    server: { ...core.server, users, logLevel: core.logLevel },
  };
}

/**
 * Past a promotion the master's line carries the promoted replica's address and that replica's line the old master's.
 * A vote that is being saved is in it: should the file get there and the report not, the vote is not given twice.
 */
function masterConfOf(core: Core, master: Master): MasterConf {
  const address = currentAddress(master);
  const knownReplicas = Array.from(master.replicas.values(), (replica): HostPort => {
    const its = sameAddress(replica.address, address) ? master.address : replica.address;
    return { host: core.shown(its), port: its.port };
  });
  const knownSentinels = Array.from(master.peers.values(), (peer): KnownSentinel => ({
    host: core.shown(peer.address),
    port: peer.address.port,
    runId: peer.name,
  }));
  return {
    name: master.name,
    host: core.shown(address),
    port: address.port,
    quorum: master.quorum,
    downAfterMs: master.downAfterMs,
    failoverTimeoutMs: master.failoverTimeoutMs,
    parallelSyncs: master.parallelSyncs,
    notificationScript: master.notificationScript,
    clientReconfigScript: master.clientReconfigScript,
    authPass: master.authPass,
    authUser: master.authUser,
    masterRebootDownAfterMs: master.rebootDownAfterMs,
    renamedCommands: new Map(master.renamedCommands),
    configEpoch: master.configEpoch,
    leaderEpoch: master.voteInFlight?.epoch ?? master.leaderEpoch,
    knownReplicas,
    knownSentinels,
  };
}
