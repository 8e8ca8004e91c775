// Our connections to what is monitored: dialling, losing, sharing them (sentinel.md §4.3, §7.3).
//
// A link counts as connected from the moment its connections are *issued*; liveness is judged by PING alone, whose
// clock runs on across reconnects. So nothing here decides that anybody is down.

import type { Core } from './core.ts';
import {
  masterOf,
  newLink,
  type Connection,
  type Half,
  type Instance,
  type Link,
  type Peer,
  type Purpose,
} from './instance.ts';
import { credentialsFor } from './credentials.ts';
import type { EndOfConnection } from './io.ts';
import { HELLO_CHANNEL } from './hello.ts';
import { isNumericHost } from './address.ts';
import { sendPing } from './polling.ts';

/** With --fast-crash a primary whose links both ended may be redialled this soon, to see whether its port is closed. */
const CRASH_REDIAL_MS = 50;

function firstOwner(link: Link): Instance {
  return link.owners[0] as Instance;
}

function bothEnded(link: Link): boolean {
  return link.endedUnasked.command && link.endedUnasked.pubsub;
}

/** When a link that is not whole may be dialled. */
export function redialDueAt(core: Core, link: Link): number {
  if (!link.disconnected || link.resolving || firstOwner(link).address.port === 0) return Infinity;
  const hurry = core.fastCrash && bothEnded(link) && !link.refusedSinceEnd;
  return link.lastReconnectAt + (hurry ? CRASH_REDIAL_MS : core.tunables.pingPeriod);
}

/** Opens whichever half is missing, after looking its hostname up anew. */
export function dial(core: Core, link: Link): void {
  const owner = firstOwner(link);
  const { hostname } = owner.address;
  link.lastReconnectAt = core.now;
  if (link.command !== null || !core.names.enabled || isNumericHost(hostname)) {
    openMissing(core, link);
    return;
  }
  link.resolving = true;
  core.names.refresh(hostname, () => {
    link.resolving = false;
    if (link.owners.length === 0) return;
    const ip = core.names.ipOf(hostname);
    for (const instance of link.owners) {
      if (ip !== '' && instance.address.hostname === hostname) instance.address = { ...instance.address, ip };
    }
    openMissing(core, link);
    core.touch(link);
  });
}

function openMissing(core: Core, link: Link): void {
  const { ip, port } = firstOwner(link).address;
  if (ip === '') return;
  const isDataNode = firstOwner(link).kind !== 'sentinel';
  const missing: Half[] = [];
  if (link.command === null) missing.push('command');
  if (isDataNode && link.pubsub === null) missing.push('pubsub');
  link.disconnected = false;
  for (const half of missing) open(core, link, half, ip, port);
  touchAll(core, link);
}

function open(core: Core, link: Link, half: Half, ip: string, port: number): void {
  const connection: Connection = {
    id: core.nextConnectionId(),
    link,
    half,
    openedAt: core.now,
    established: false,
    localAddress: null,
    pending: [],
  };
  core.connections.set(connection.id, connection);
  core.emit({ kind: 'connect', connection: connection.id, ip, port, tls: core.server.tls.outgoing });
  const owner = firstOwner(link);
  const master = masterOf(owner);
  const credentials = credentialsFor(core, owner);
  if (credentials !== null)
    core.send(connection, 'auth', null, [core.command(master, 'AUTH'), ...credentials]);
  const name = `sentinel-${core.myId.slice(0, 8)}-${half === 'command' ? 'cmd' : 'pubsub'}`;
  core.send(connection, 'ignore', null, [core.command(master, 'CLIENT'), 'SETNAME', name]);
  if (half === 'command') {
    link.command = connection;
    sendPing(core, link);
  } else {
    link.pubsub = connection;
    link.pubsubLastActivityAt = core.now;
    core.send(connection, 'subscribe', null, [core.command(master, 'SUBSCRIBE'), HELLO_CHANNEL]);
  }
}

/** The connection is there: its local address is what hellos announce. */
export function connectionEstablished(core: Core, connection: Connection, localAddress: string): void {
  const { link, half } = connection;
  connection.established = true;
  connection.localAddress = localAddress;
  link.endedUnasked[half] = false;
  link.refusedSinceEnd = false;
  touchAll(core, link);
}

/** A connection ended, or could not be made, without our asking. */
export function connectionEnded(
  core: Core,
  connection: Connection,
  reason: EndOfConnection,
  detail: string,
): void {
  const { link, half } = connection;
  if (connection.established && (reason === 'closed' || reason === 'reset')) link.endedUnasked[half] = true;
  if (reason === 'refused' && (link.endedUnasked.command || link.endedUnasked.pubsub))
    link.refusedSinceEnd = true;
  forget(core, connection);
  if (!connection.established) {
    const name = half === 'command' ? '-cmd-link-reconnection' : '-pubsub-link-reconnection';
    core.event(name, firstOwner(link), ` #${detail}`);
  }
  const owner = firstOwner(link);
  if (
    core.fastCrash &&
    owner.kind === 'master' &&
    bothEnded(link) &&
    link.refusedSinceEnd &&
    !owner.crashed
  ) {
    owner.crashed = true;
    const { address } = owner;
    core.decide(
      owner,
      `${core.shown(address)}:${address.port} crashed: both connections ended and its port refuses new ones`,
    );
  }
  touchAll(core, link);
}

/** Ends one half on purpose; the link is redialled when its time comes. */
export function closeHalf(core: Core, link: Link, half: Half): void {
  const connection = link[half];
  if (connection === null) return;
  core.emit({ kind: 'close', connection: connection.id });
  forget(core, connection);
  touchAll(core, link);
}

export function closeBoth(core: Core, link: Link): void {
  closeHalf(core, link, 'command');
  closeHalf(core, link, 'pubsub');
}

/** Closes and redials at once, for new credentials or a new address. */
export function reopen(core: Core, link: Link): void {
  closeBoth(core, link);
  touchAll(core, link);
  link.lastReconnectAt = -Infinity;
  link.authProblem = null;
  link.loginRefused = false;
}

function forget(core: Core, connection: Connection): void {
  const { link, half } = connection;
  core.connections.delete(connection.id);
  if (link[half] === connection) link[half] = null;
  link.disconnected = true;
  // Differs from Sentinel: silence counts from here if it did not count already, because the PING of a later redial
  // would otherwise start the count anew and take back a judgement that is right.
  if (half === 'command') link.actPingAt ??= core.now;
  for (const { purpose, instance } of connection.pending) settleUnanswered(purpose, instance);
}

/** What was lost with its connection is due again: the next connection starts with it. */
function settleUnanswered(purpose: Purpose, instance: Instance | null): void {
  if (instance === null) return;
  if (purpose === 'hello') {
    instance.helloInFlight = false;
    instance.lastHelloSentAt = -Infinity;
  }
  if (purpose === 'ask' && instance.kind === 'sentinel') instance.askInFlight = false;
  if (purpose === 'info' && instance.kind !== 'sentinel') {
    instance.infosInFlight = Math.max(0, instance.infosInFlight - 1);
    instance.infoAskedAt = -Infinity;
  }
}

function touchAll(core: Core, link: Link): void {
  if (link.owners.length > 0) core.touch(link);
  for (const owner of link.owners) {
    core.touch(owner);
    // A failover may be waiting for this node to be reachable.
    if (owner.kind === 'replica' && owner.master.failover.state !== 'none') core.touch(owner.master);
  }
}

/** Lets go of an instance's link; the last owner closes it. */
export function releaseLink(core: Core, instance: Instance): void {
  const { link } = instance;
  const index = link.owners.indexOf(instance);
  if (index >= 0) link.owners.splice(index, 1);
  core.schedule.remove(instance);
  core.touched.delete(instance);
  if (link.owners.length === 0) {
    for (const half of [link.command, link.pubsub]) {
      if (half === null) continue;
      core.emit({ kind: 'close', connection: half.id });
      forget(core, half);
    }
    core.schedule.remove(link);
    core.touched.delete(link);
    return;
  }
  for (const pending of link.command?.pending ?? [])
    if (pending.instance === instance) pending.instance = null;
}

/** Lets a sentinel use the link of the same process under another master, if there is one. */
export function shareLink(core: Core, peer: Peer): void {
  if (peer.link.owners.length > 1) return;
  for (const master of core.masters.values()) {
    if (master === peer.master) continue;
    const other = master.peers.get(peer.name);
    if (other === undefined || other.link === peer.link) continue;
    releaseLink(core, peer);
    peer.link = other.link;
    peer.link.owners.push(peer);
    // One more owner, and a full link has room again.
    touchAll(core, peer.link);
    return;
  }
}

/** A fresh link for an instance that changed its address. */
export function replaceLink(core: Core, instance: Instance): void {
  releaseLink(core, instance);
  instance.link = newLink(core.now);
  instance.link.owners.push(instance);
  core.touch(instance);
  core.touch(instance.link);
}
