// What is asked again and again: PING, INFO and the hello (sentinel.md §4.3), and when.
//
// Each "when" is a function of the state, and the one that acts uses the same function as the one that sets the alarm,
// so nothing is ever due twice or forgotten. Long periods are rounded down to a grid of 50 ms, so that what goes to one
// peer leaves in one write and one wake-up serves all.

import type { Core } from './core.ts';
import {
  isHandingOver,
  masterOf,
  type Connection,
  type DataNode,
  type Instance,
  type Link,
} from './instance.ts';
import { formatHello, HELLO_CHANNEL } from './hello.ts';
import { currentAddress } from './current-address.ts';
import { INFO_PERIOD_URGENT_MS, PERIODIC_SLACK_MS } from './tunables.ts';

/** Unanswered commands a link may hold, per instance that shares it. */
const PENDING_MAX = 100;
/** Primaries are pinged at least this many times in their down-after … */
const PINGS_PER_DOWN_AFTER = 10;
/** … but not more often than this. */
const PING_SPACING_MIN_MS = 50;

/** A moment `period` after `last`, up to 50 ms early where the period is long. */
function periodic(last: number, period: number): number {
  const due = last + period;
  return period >= 10 * PERIODIC_SLACK_MS ? Math.floor(due / PERIODIC_SLACK_MS) * PERIODIC_SLACK_MS : due;
}

function isFull(link: Link): boolean {
  return link.command !== null && link.command.pending.length >= PENDING_MAX * link.owners.length;
}

/** An answer has come; if that makes room in a full link, whatever waited for it goes on. */
export function noteRoom(core: Core, { link, pending }: Connection): void {
  if (pending.length !== PENDING_MAX * link.owners.length - 1) return;
  core.touch(link);
  for (const owner of link.owners) core.touch(owner);
}

/**
 * How often one instance wants its link pinged.
 *
 * Differs from Sentinel: a primary is pinged ten times in its down-after, because with one PING a second a silent death
 * is noticed up to a second late.
 */
function pingPeriodOf(core: Core, instance: Instance): number {
  const { pingPeriod } = core.tunables;
  return instance.kind === 'master'
    ? Math.min(
        pingPeriod,
        Math.max(PING_SPACING_MIN_MS, Math.ceil(instance.downAfterMs / PINGS_PER_DOWN_AFTER)),
      )
    : Math.min(pingPeriod, instance.downAfterMs);
}

/** The smallest of what a link's owners want. */
export function shortest(link: Link, of: (instance: Instance) => number): number {
  let value = Infinity;
  for (const owner of link.owners) value = Math.min(value, of(owner));
  return value;
}

/** When the next PING is due: a period after the last, or later while that is unanswered. */
export function pingDueAt(core: Core, link: Link): number {
  if (link.disconnected || link.command === null || isFull(link)) return Infinity;
  const period = shortest(link, (owner) => pingPeriodOf(core, owner));
  if (link.lastPongAt >= link.lastPingAt) return periodic(link.lastPingAt, period);
  // Repeating it makes no answer come sooner, but tells the kernel that the line matters.
  const again = Math.max(period / 2, Math.min(period, core.tunables.pingPeriod / 2));
  return periodic(link.lastPingAt, Math.ceil(again));
}

export function sendPing(core: Core, link: Link): void {
  const { command } = link;
  if (command === null) return;
  link.lastPingAt = core.now;
  link.actPingAt ??= core.now;
  core.send(command, 'ping', null, [core.command(masterOf(link.owners[0] as Instance), 'PING')]);
}

function infoPeriodOf(core: Core, node: DataNode): number {
  const { infoPeriod } = core.tunables;
  if (node.infoHurryMs !== null) return Math.min(node.infoHurryMs, infoPeriod);
  if (node.kind === 'master') return infoPeriod;
  const { master } = node;
  const urgent = master.odown || master.failover.state !== 'none' || node.masterLinkDownMs !== 0;
  return urgent ? Math.min(INFO_PERIOD_URGENT_MS, infoPeriod) : infoPeriod;
}

function infoDueAt(core: Core, instance: Instance): number {
  if (instance.kind === 'sentinel') return Infinity;
  if (instance.link.disconnected || instance.link.command === null || isFull(instance.link)) return Infinity;
  return periodic(instance.infoAskedAt, infoPeriodOf(core, instance));
}

/**
 * Asks for INFO now, also while another is under way: what it says counts from here.
 */
export function askInfo(core: Core, node: DataNode): void {
  const { command } = node.link;
  if (command === null) return;
  node.infoAskedAt = core.now;
  node.infosInFlight += 1;
  core.send(command, 'info', node, [core.command(masterOf(node), 'INFO')]);
}

/** While something is awaited from a node, INFO is asked in quick succession, ever slower. Milliseconds. */
const INFO_HURRY_FIRST_MS = 25;

/**
 * From a candidate for which the primary lets go of its writers, never slower than this: they wait until it is heard to be
 * the primary, and the hand-over itself may take the second between two acknowledgements of a replica. Milliseconds.
 */
const INFO_HAND_OVER_MS = 50;

function hurriedInfoMsMax(node: DataNode): number {
  if (node.kind === 'master') return INFO_PERIOD_URGENT_MS;
  const { coordinated, state, promoted } = node.master.failover;
  return coordinated && state === 'wait_promotion' && promoted === node
    ? INFO_HAND_OVER_MS
    : INFO_PERIOD_URGENT_MS;
}

/** Asks now and keeps asking: 25, 50, 100 … ms apart, up to {@link hurriedInfoMsMax}, until {@link calmInfo}. */
export function hurryInfo(core: Core, node: DataNode): void {
  node.infoHurryMs = INFO_HURRY_FIRST_MS;
  askInfo(core, node);
  core.touch(node);
}

export function calmInfo(node: DataNode): void {
  node.infoHurryMs = null;
}

/** The host that hellos on this link give as ours; null while it is not known. */
function ownHost(core: Core, link: Link): string | null {
  const host = core.announceIp ?? link.command?.localAddress ?? '';
  return host === '' ? null : host;
}

function helloDueAt(core: Core, instance: Instance): number {
  const { link } = instance;
  if (link.disconnected || link.command === null || isFull(link) || ownHost(core, link) === null)
    return Infinity;
  const { publishPeriod } = core.tunables;
  return periodic(instance.lastHelloSentAt, Math.min(instance.helloHurryMs ?? publishPeriod, publishPeriod));
}

/**
 * Publishes our hello to one instance: to a data node for everyone who subscribes there, to a sentinel directly. False
 * if that is not possible now.
 */
function sendHello(core: Core, instance: Instance): boolean {
  const { command } = instance.link;
  const host = ownHost(core, instance.link);
  if (command === null || host === null) return false;
  const master = masterOf(instance);
  // Differs from Sentinel: a node that hands over holds a PUBLISH back until it is done, and every command behind it:
  // also the PINGs that show it alive, and the order that would free it if it is stuck.
  if (instance.kind !== 'sentinel' && isHandingOver(instance)) return false;
  // The primary of a coordinated failover has its writers paused, and PUBLISH with them.
  if (instance === master && master.failover.coordinated && master.failover.state === 'wait_promotion')
    return false;
  const { tls, port } = core.server;
  const address = currentAddress(master);
  const payload = formatHello({
    host,
    port: core.announcePort !== 0 ? core.announcePort : tls.outgoing && tls.port !== 0 ? tls.port : port,
    runId: core.myId,
    currentEpoch: core.currentEpoch,
    masterName: master.name,
    masterHost: core.shown(address),
    masterPort: address.port,
    masterConfigEpoch: master.configEpoch,
  });
  instance.helloInFlight = true;
  core.send(command, 'hello', instance, [core.command(master, 'PUBLISH'), HELLO_CHANNEL, payload]);
  return true;
}

/** The first repetition of a hello that brings news comes after this, the next after twice as long. Milliseconds. */
const HELLO_HURRY_FIRST_MS = 50;

/**
 * Publishes our hello to one instance now, or as soon as it can be reached, because there is news in it; and again after
 * 50, 100, 200 … ms up to the ordinary period.
 *
 * Differs from Sentinel: which says it once more than usual. The transactions of a failover disconnect those who listen
 * at the nodes, so the first hello is heard by nobody there; who can't be told directly (no channel permission at a
 * peer) would learn of the new primary two seconds late.
 */
export function publishNow(core: Core, instance: Instance): void {
  instance.helloHurryMs = HELLO_HURRY_FIRST_MS;
  instance.lastHelloSentAt = sendHello(core, instance) ? core.now : -Infinity;
  core.touch(instance);
}

/** Sends what is due to one instance; returns when to look again. */
export function pollInstance(core: Core, instance: Instance): number {
  if (instance.kind !== 'sentinel' && core.now >= infoDueAt(core, instance)) {
    // Differs from Sentinel: one INFO and one hello at a time, because a mute peer otherwise gets one every tick.
    if (instance.infosInFlight > 0) instance.infoAskedAt = core.now;
    else askInfo(core, instance);
    if (instance.infoHurryMs !== null)
      instance.infoHurryMs = Math.min(instance.infoHurryMs * 2, hurriedInfoMsMax(instance));
  }
  if (core.now >= helloDueAt(core, instance)) {
    if (!instance.helloInFlight) sendHello(core, instance);
    instance.lastHelloSentAt = core.now;
    if (instance.helloHurryMs !== null) {
      instance.helloHurryMs *= 2;
      if (instance.helloHurryMs >= core.tunables.publishPeriod) instance.helloHurryMs = null;
    }
  }
  return Math.min(infoDueAt(core, instance), helloDueAt(core, instance));
}
