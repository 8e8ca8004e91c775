// What a hello does: it tells us of other sentinels, of newer epochs, and where a master has gone (sentinel.md §5.2).

import { sameAddress, type Address } from './address.ts';
import type { Core } from './core.ts';
import { currentAddress, hasPromoted } from './current-address.ts';
import { notifyReconfiguration } from './failover.ts';
import { clearFailover } from './failover-state.ts';
import { parseHello, type Hello } from './hello.ts';
import { newPeer, type Master, type Peer } from './instance.ts';
import { reopen, shareLink } from './links.ts';
import { drop, switchMaster } from './switch-master.ts';
import { raiseEpoch } from './voting.ts';

/**
 * Sentinels of one master. Differs from Sentinel: which takes any number, each with a connection of its own, from
 * whoever may publish.
 */
const PEERS_MAX = 1024;
/** Hellos remembered per master by their bytes. */
const RECENT_HELLOS_MAX = 64;

/**
 * Takes in one hello. Most repeat byte for byte what their sender said last, and then only the time is noted.
 *
 * Nothing can be gained from taking the same bytes in twice: epochs only grow, and the memory is cleared whenever a
 * sentinel or an address is forgotten.
 */
export function receiveHello(core: Core, payload: string): void {
  const sender = masterNamedIn(core, payload)?.recentHellos.get(payload);
  if (sender !== undefined) {
    sender.lastHelloReceivedAt = core.now;
    return;
  }
  const hello = parseHello(payload);
  if (hello === null) {
    core.counters.hellosMalformed += 1;
    return;
  }
  if (!core.masters.has(hello.masterName)) return;
  core.names.whenKnown([hello.host, hello.masterHost], () => {
    const master = core.masters.get(hello.masterName);
    if (master !== undefined) applyHello(core, master, hello, payload);
  });
}

/** The master a hello names in its fifth field; nothing else of the hello is read. */
function masterNamedIn(core: Core, payload: string): Master | undefined {
  let start = 0;
  for (let field = 0; field < 4; field += 1) {
    start = payload.indexOf(',', start) + 1;
    if (start === 0) return undefined;
  }
  const end = payload.indexOf(',', start);
  return end < 0 ? undefined : core.masters.get(payload.slice(start, end));
}

function applyHello(core: Core, master: Master, hello: Hello, payload: string): void {
  const verdict = core.policy.acceptHello(master, hello, core.view());
  if (!verdict.allowed) {
    core.counters.hellosRefused += 1;
    core.decide(master, `hello of ${hello.runId} refused: ${verdict.because}`);
    return;
  }
  const sender = findOrAddSender(core, master, hello);
  // Differs from Sentinel: which takes the current epoch alone; a hello whose configuration is newer than that would
  // make the next failover's epoch an old one. A file that says so is read in the same way.
  const { currentEpoch, masterConfigEpoch } = hello;
  const epoch = masterConfigEpoch > currentEpoch ? masterConfigEpoch : currentEpoch;
  if (raiseEpoch(core, master, epoch)) core.persistence.save();
  if (sender === null) return;
  sender.lastHelloReceivedAt = core.now;
  if (hello.masterConfigEpoch > master.configEpoch && !adoptConfiguration(core, master, hello, sender)) {
    return;
  }
  if (master.recentHellos.size >= RECENT_HELLOS_MAX) master.recentHellos.clear();
  master.recentHellos.set(payload, sender);
}

/**
 * The sentinel that sent this, known under its id and address, or made so.
 *
 * Differs from Sentinel: an address that can't be used is refused before anything is forgotten, because the reference
 * first deletes the entry it has and then fails to make the new one.
 */
function findOrAddSender(core: Core, master: Master, hello: Hello): Peer | null {
  const known = master.peers.get(hello.runId);
  if (!core.names.isAllowed(hello.host) || hello.port === 0 || hello.runId === core.myId)
    return known ?? null;
  const address = core.names.address(hello.host, hello.port);
  if (known !== undefined && sameAddress(known.address, address)) return known;

  if (known !== undefined) {
    forgetPeer(core, master, known);
    core.event('+sentinel-address-switch', master, ` ip ${hello.host} port ${hello.port} for ${hello.runId}`);
  } else {
    const other = [...master.peers.values()].find((peer) => sameAddress(peer.address, address));
    if (other !== undefined) {
      core.event('+sentinel-invalid-addr', other);
      for (const any of core.masters.values()) {
        const twin = any.peers.get(other.name);
        if (twin !== undefined) forgetPeer(core, any, twin);
      }
    }
  }
  if (master.peers.size >= PEERS_MAX) {
    core.counters.hellosRefused += 1;
    return null;
  }
  const peer = addPeer(core, master, hello.runId, address);
  if (known === undefined) core.event('+sentinel', peer);
  else moveTwins(core, peer);
  core.persistence.save();
  return peer;
}

/** Adds a sentinel to a master's table. The caller checks that its id is free. */
export function addPeer(core: Core, master: Master, runId: string, address: Address): Peer {
  const peer = newPeer(master, runId, address, core.now);
  master.peers.set(runId, peer);
  shareLink(core, peer);
  core.touch(peer);
  core.touch(peer.link);
  core.touch(master);
  return peer;
}

function forgetPeer(core: Core, master: Master, peer: Peer): void {
  master.peers.delete(peer.name);
  master.recentHellos.clear();
  drop(core, peer);
  core.touch(master);
}

/** The same process under other masters has moved, too. */
function moveTwins(core: Core, peer: Peer): void {
  let moved = 0;
  for (const master of core.masters.values()) {
    const twin = master.peers.get(peer.name);
    if (twin === undefined || twin === peer || sameAddress(twin.address, peer.address)) continue;
    twin.address = peer.address;
    master.recentHellos.clear();
    moved += 1;
    reopen(core, twin.link);
  }
  if (moved > 0) core.event('+sentinel-address-update', peer, ` ${moved} additional matching instances`);
}

/**
 * Differs from Sentinel: a failover of ours that has made no primary yet ends when a configuration at least as new as
 * it would be comes in. Sentinel finishes it and announces its result with an older epoch than everybody knows.
 */
function giveWay(core: Core, master: Master, sender: Peer): void {
  const { state, epoch } = master.failover;
  if (state === 'none' || hasPromoted(state) || epoch > master.configEpoch) return;
  core.decide(
    master,
    `giving up the failover in epoch ${epoch}: ${sender.name} has configuration ${master.configEpoch}`,
  );
  clearFailover(core, master);
}

/**
 * A higher configuration epoch than ours: whoever sent it knows better where the master is. False if that is nowhere
 * we could go; then the same hello is looked at again the next time, when its name may have an address.
 *
 * Differs from Sentinel: what we compare with is the address we tell others, which past a promotion is the promoted
 * replica's. The reference compares with the old one, takes over the epoch if the newer configuration has gone back to
 * it, and then tells its own replica's address under that epoch.
 */
function adoptConfiguration(core: Core, master: Master, hello: Hello, sender: Peer): boolean {
  const to = core.names.address(hello.masterHost, hello.masterPort);
  master.recentHellos.clear();
  const current = currentAddress(master);
  if (sameAddress(current, to)) {
    master.configEpoch = hello.masterConfigEpoch;
    giveWay(core, master, sender);
    return true;
  }
  if (!core.names.isAllowed(hello.masterHost) || hello.masterPort === 0 || to.ip === '') {
    core.counters.hellosRefused += 1;
    return false;
  }
  master.configEpoch = hello.masterConfigEpoch;
  const from = sameAddress(master.address, to) ? current : master.address;
  core.event('+config-update-from', sender);
  core.announce(
    '+switch-master',
    `${master.name} ${core.shown(from)} ${from.port} ${hello.masterHost} ${hello.masterPort}`,
    master,
  );
  core.decide(
    master,
    `${sender.name} has failed ${master.name} over to ${hello.masterHost}:${hello.masterPort} in epoch ${hello.masterConfigEpoch}`,
  );
  switchMaster(core, master, to);
  notifyReconfiguration(core, master, 'observer', from, to);
  return true;
}
