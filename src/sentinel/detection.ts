// Who is down: subjectively, for us alone, and objectively, when enough others agree (sentinel.md §6.1, §6.2).

import type { Reply } from '../resp/reply.ts';
import { askAll } from './asking.ts';
import type { Core } from './core.ts';
import { noteAccepted, noteRefused } from './credentials.ts';
import { masterOf, type Instance, type Link, type Master } from './instance.ts';
import { askInfo } from './polling.ts';

/** Since when an instance owes us a sign of life, or null if it owes none. */
function silentSince(link: Link): number | null {
  if (link.actPingAt !== null) return link.actPingAt;
  return link.disconnected ? link.lastAvailableAt : null;
}

/** When a master that says it is a replica is taken at its word. */
function wrongRoleEndsAt(core: Core, instance: Instance): number {
  if (instance.kind !== 'master' || instance.roleReported !== 'slave') return Infinity;
  return instance.roleReportedAt + instance.downAfterMs + 2 * core.tunables.infoPeriod;
}

function rebootEndsAt(instance: Instance): number {
  if (instance.kind !== 'master' || instance.rebootedAt === null) return Infinity;
  return instance.rebootedAt + instance.rebootDownAfterMs;
}

function isDown(core: Core, instance: Instance): boolean {
  const since = silentSince(instance.link);
  return (
    (since !== null && core.now - since > instance.downAfterMs) ||
    core.now > wrongRoleEndsAt(core, instance) ||
    core.now > rebootEndsAt(instance) ||
    (instance.kind === 'master' && instance.crashed)
  );
}

/** Never later than the moment the instance could go down if nothing more is heard of it. */
export function downCheckDueAt(core: Core, instance: Instance): number {
  if (instance.sdown) return Infinity;
  const since = silentSince(instance.link) ?? core.now;
  return Math.min(since + instance.downAfterMs, wrongRoleEndsAt(core, instance), rebootEndsAt(instance)) + 1;
}

/** Sets or clears the subjective judgement. */
export function judge(core: Core, instance: Instance): void {
  const down = isDown(core, instance);
  if (down === instance.sdown) return;
  const master = masterOf(instance);
  instance.sdown = down;
  if (down) {
    instance.sdownSince = core.now;
    core.event('+sdown', instance);
    if (instance === master) masterWentDown(core, master);
  } else {
    instance.scriptKillSent = false;
    core.event('-sdown', instance);
  }
  core.touch(master);
}

/**
 * Differs from Sentinel: as soon as a master is down here the peers are asked and all replicas report where they are,
 * so that both answers are there when they are needed; the reference has them up to a second and ten seconds late.
 */
function masterWentDown(core: Core, master: Master): void {
  askAll(core, master);
  for (const replica of master.replicas.values()) {
    if (!replica.link.disconnected) askInfo(core, replica);
    core.touch(replica);
  }
}

/** Sets or clears the objective judgement: down here, and enough peers said so, too. */
export function judgeObjectively(core: Core, master: Master): void {
  let votes = 0;
  if (master.sdown) {
    votes = 1;
    for (const peer of master.peers.values()) if (peer.masterDown) votes += 1;
  }
  const down = master.sdown && votes >= master.quorum;
  if (down === master.odown) return;
  master.odown = down;
  if (down) {
    master.odownSince = core.now;
    core.event('+odown', master, ` #quorum ${votes}/${master.quorum}`);
  } else {
    core.event('-odown', master);
  }
  // The replicas' INFO is more urgent now, or no longer.
  for (const replica of master.replicas.values()) core.touch(replica);
}

/** What an answer to PING says of the one who gave it. */
export function receivePong(core: Core, link: Link, reply: Reply): void {
  link.lastPongAt = core.now;
  const text = reply.kind === 'simple' || reply.kind === 'error' ? reply.text : '';
  const isPong = text.startsWith('PONG');
  if (isPong || text.startsWith('LOADING') || text.startsWith('MASTERDOWN')) {
    link.lastAvailableAt = core.now;
    link.actPingAt = null;
    for (const owner of link.owners) {
      if (owner.kind === 'master') {
        owner.crashed = false;
        if (isPong) owner.rebootedAt = null;
      }
      if (owner.sdown) core.touch(owner);
    }
    if (isPong && !link.loginRefused) noteAccepted(core, link);
    return;
  }
  if (text.startsWith('BUSY')) killScript(core, link);
  if (text.startsWith('NOAUTH') || text.startsWith('NOPERM') || text.startsWith('WRONGPASS')) {
    noteRefused(core, link, text);
  }
}

/** A node busy with a script that made it look down: end the script, once. */
function killScript(core: Core, link: Link): void {
  for (const owner of link.owners) {
    if (owner.kind === 'sentinel' || !owner.sdown || owner.scriptKillSent || link.command === null) continue;
    owner.scriptKillSent = true;
    core.send(link.command, 'ignore', null, [core.command(masterOf(owner), 'SCRIPT'), 'KILL']);
  }
}
