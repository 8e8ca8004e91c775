// A failover from its start to the switch (sentinel.md §6.5 to §6.8).
//
//   none -> wait_start -> select_slave -> send_slaveof_noone -> wait_promotion -> reconf_slaves -> update_config -> none
//             |               |                 |                     |
//             +---------------+--------- abort -+---------------------+-> none
//
// Past wait_promotion there is no way back: a primary has been made, and everybody is told.

import { assert } from '../base/assert.ts';
import { askAll } from './asking.ts';
import type { Core } from './core.ts';
import { candidacyDueAt, countVotes, electionEndsAt, retryDelayMs } from './election.ts';
import type { EventName } from './events.ts';
import { EPOCH_MAX } from './hello.ts';
import { clearFailover, enter } from './failover-state.ts';
import type { FailoverState, Master, Replica } from './instance.ts';
import { PERSIST_RETRY_MS } from './persistence.ts';
import { askInfo, calmInfo, hurryInfo, publishNow } from './polling.ts';
import { concludeHandOver, handOver, makeReplicaOf } from './reconfigure.ts';
import { reconfigureDueAt, reconfigureReplicas } from './reconfigure-replicas.ts';
import { switchMaster } from './switch-master.ts';
import { desync, writeVote } from './voting.ts';

/** How long the choice waits for replicas that still owe us an INFO. Milliseconds. */
const CHOOSE_WITHIN_MS = 50;
/** Less than this is not enough for a hand-over. Milliseconds. */
const HAND_OVER_MIN_MS = 1000;

/** What an ordered failover is to do: needs no votes; or, coordinated, is elected and then asks the primary. */
export type Order = 'forced' | 'coordinated';

/** What became of an attempt to start: `not-saved`: the disk refused our vote; `overtaken`: a reset, removal or other. */
export type Beginning = 'begun' | 'not-saved' | 'overtaken';

/**
 * Stands for election, or starts an ordered failover: a new epoch and our own vote in it, on disk before anybody hears
 * of either. `begun` learns whether it started.
 *
 * Differs from Sentinel: which votes for itself after it has asked the others. If the vote can't be saved no election
 * is started, because after a restart we could vote for somebody else in the same epoch.
 */
export function beginFailover(
  core: Core,
  master: Master,
  order: Order | null,
  begun: (outcome: Beginning) => void = () => {},
): void {
  const { failover } = master;
  assert(failover.state === 'none' && !failover.preparing, 'one failover at a time');
  if (master.voteInFlight !== null) {
    master.voteInFlight.waiting.push(() => {
      const isFree = failover.state === 'none' && !failover.preparing;
      if (isFree && core.isWatched(master)) beginFailover(core, master, order, begun);
      else begun('overtaken');
    });
    return;
  }
  failover.preparing = true;
  core.currentEpoch += 1n;
  const epoch = core.currentEpoch;
  writeVote(core, master, core.myId, epoch, (given) => {
    // A reset or removal meanwhile has cleared this, or a newer configuration has made it pointless.
    if (!failover.preparing || epoch <= master.configEpoch) {
      failover.preparing = false;
      begun('overtaken');
      return;
    }
    failover.preparing = false;
    if (!given) {
      failover.retryAt = core.now + PERSIST_RETRY_MS;
      core.decide(master, `not standing for election in epoch ${epoch}: the vote could not be saved`);
      begun('not-saved');
      return;
    }
    enter(core, master, 'wait_start');
    failover.epoch = epoch;
    failover.forced = order === 'forced';
    failover.coordinated = order === 'coordinated';
    failover.startedAt = core.now + desync(core);
    failover.delayLogged = false;
    if (order === null) failover.attempts += 1;
    core.announce('+new-epoch', `${epoch}`, master);
    core.event('+try-failover', master);
    core.announce('+vote-for-leader', `${core.myId} ${epoch}`, master);
    askAll(core, master);
    for (const replica of master.replicas.values()) {
      askInfo(core, replica);
      core.touch(replica);
    }
    begun('begun');
    core.touch(master);
  });
}

/** Gives up a failover that has made no primary yet. */
function abort(core: Core, master: Master, why: EventName, sentence: string): void {
  core.event(why, master);
  core.decide(master, sentence);
  clearFailover(core, master);
}

function startIfDue(core: Core, master: Master): void {
  const { failover } = master;
  if (!master.odown || failover.state !== 'none' || failover.preparing) return;
  const waitsForAnother = core.now < failover.startedAt + 2 * master.failoverTimeoutMs;
  if (waitsForAnother && !failover.delayLogged) {
    failover.delayLogged = true;
    const seconds = Math.ceil((failover.startedAt + 2 * master.failoverTimeoutMs - core.now) / 1000);
    core.log('notice', `Next failover delay: I will not start a failover of ${master.name} for ${seconds} s`);
  }
  if (core.now < candidacyDueAt(core, master)) return;
  // A disk that refused a moment ago is asked again before anybody is disturbed.
  if (core.persistence.problem !== null) {
    failover.retryAt = core.now + PERSIST_RETRY_MS;
    core.decide(
      master,
      `not standing for election: the configuration can't be saved (${core.persistence.problem})`,
    );
    return;
  }
  if (core.currentEpoch === EPOCH_MAX) {
    failover.retryAt = core.now + core.tunables.electionTimeout;
    core.decide(master, `not starting a failover of ${master.name}: there is no epoch after ${EPOCH_MAX}`);
    return;
  }
  const verdict = core.policy.mayStart(master, core.view());
  if (!verdict.allowed) {
    failover.retryAt = core.now + core.tunables.askPeriod;
    core.decide(master, `not starting a failover of ${master.name}: ${verdict.because}`);
    return;
  }
  beginFailover(core, master, null);
}

function waitStart(core: Core, master: Master): void {
  const { failover } = master;
  const tally = countVotes(core, master);
  const elected = tally.first === core.myId && tally.votes >= tally.needed;
  if (elected || failover.forced) {
    core.event('+elected-leader', master);
    if (elected) {
      failover.attempts = 0;
      core.decide(
        master,
        `elected to fail over ${master.name} in epoch ${failover.epoch}: ${tally.votes} of ${tally.voters} votes`,
      );
    }
    if (core.simulate.afterElection) crash(core, 'after election');
    enter(core, master, 'select_slave');
    core.event('+failover-state-select-slave', master);
    return;
  }
  if (core.now < electionEndsAt(core, master)) return;
  // Whoever voted for another keeps out of its way, and so does whoever knows that another has won: in a new epoch the
  // others would vote again, and two failovers would run at once. Only where nobody has won it is tried again soon.
  const anotherWon = tally.first !== core.myId && tally.votes >= tally.needed;
  if (master.leader === core.myId && !anotherWon) failover.startedAt = -Infinity;
  failover.retryAt = core.now + retryDelayMs(core, master);
  abort(
    core,
    master,
    '-failover-abort-not-elected',
    `not elected in epoch ${failover.epoch}: ${tally.votes} of ${tally.voters} votes, ${tally.needed} needed`,
  );
}

/** Leaves as if struck by lightning, where SIMULATE-FAILURE asked for it. */
function crash(core: Core, when: string): void {
  core.log('warning', `Failure simulation: this sentinel crashes ${when}, as it was told to`);
  core.emit({ kind: 'exit', code: 99 });
}

function owesInfo(master: Master): boolean {
  const since = master.failover.stateChangedAt - CHOOSE_WITHIN_MS;
  for (const replica of master.replicas.values()) {
    const expected = !replica.link.disconnected && !replica.sdown && replica.infosInFlight > 0;
    if (expected && (replica.infoAt === null || replica.infoAt < since)) return true;
  }
  return false;
}

function selectSlave(core: Core, master: Master): void {
  const { failover } = master;
  const chooseAt = failover.stateChangedAt + CHOOSE_WITHIN_MS;
  if (core.now < chooseAt && owesInfo(master)) return;
  const { replica, passedOver } = core.policy.chooseReplica(master, core.view());
  for (const { replica: other, because } of passedOver) {
    core.decide(master, `not promoting ${other.name}: ${because}`);
  }
  if (replica === null) {
    const reason = passedOver.length === 0 ? 'it has no replicas' : 'no replica can be promoted';
    abort(core, master, '-failover-abort-no-good-slave', `no failover of ${master.name}: ${reason}`);
    return;
  }
  failover.promoted = replica;
  core.event('+selected-slave', replica);
  core.decide(
    master,
    `promoting ${replica.name}: priority ${replica.priority}, offset ${replica.offset}, the best of ${master.replicas.size}`,
  );
  enter(core, master, 'send_slaveof_noone');
  core.event('+failover-state-send-slaveof-noone', replica);
}

function timedOut(core: Core, master: Master): boolean {
  return core.now - master.failover.stateChangedAt > master.failoverTimeoutMs;
}

function sendSlaveofNoOne(core: Core, master: Master, candidate: Replica): void {
  const { failover } = master;
  if (timedOut(core, master)) {
    abort(core, master, '-failover-abort-slave-timeout', `${candidate.name} stayed disconnected`);
    return;
  }
  if (candidate.link.disconnected) return;
  if (failover.coordinated) {
    const leftMs = failover.stateChangedAt + master.failoverTimeoutMs - core.now;
    if (
      leftMs < HAND_OVER_MIN_MS ||
      master.link.disconnected ||
      !handOver(core, master, candidate.address, leftMs)
    ) {
      abort(
        core,
        master,
        '-failover-abort-master-timeout',
        `${master.name} can't be asked to hand over in time`,
      );
      return;
    }
    hurryInfo(core, candidate);
  } else if (!makeReplicaOf(core, candidate, null)) {
    return;
  }
  enter(core, master, 'wait_promotion');
  core.event('+failover-state-wait-promotion', candidate);
}

/** The candidate's own word that it is a primary now (from INFO): from here on everybody is told. */
export function promotionObserved(core: Core, master: Master, promoted: Replica): void {
  const { failover } = master;
  const oldAddress = master.address;
  assert(failover.epoch > master.configEpoch, 'a configuration is never replaced by an older one');
  master.configEpoch = failover.epoch;
  enter(core, master, 'reconf_slaves');
  calmInfo(promoted);
  core.persistence.save();
  core.event('+promoted-slave', promoted);
  if (core.simulate.afterPromotion) crash(core, 'after promotion');
  core.event('+failover-state-reconf-slaves', master);
  notifyReconfiguration(core, master, 'leader', oldAddress, promoted.address);
  // First of all, so that writers and our own PUBLISH are let through again.
  if (failover.coordinated) {
    concludeHandOver(core, promoted);
    concludeHandOver(core, master);
  }
  for (const instance of core.instancesOf(master)) publishNow(core, instance);
  if (!failover.coordinated && !master.sdown && !master.link.disconnected) {
    // Differs from Sentinel: the old primary of an ordered failover is told at once. The reference leaves it writable
    // until it is converted 8 to 20 s later, and every write it acknowledges meanwhile is lost.
    makeReplicaOf(core, master, promoted.address);
    core.decide(
      master,
      `telling the old primary ${core.shown(oldAddress)}:${oldAddress.port} to follow ${promoted.name}`,
    );
  }
  core.touch(master);
}

/** Calls the client-reconfig-script (sentinel.md §8). */
export function notifyReconfiguration(
  core: Core,
  master: Master,
  role: 'leader' | 'observer',
  from: { hostname: string; ip: string; port: number },
  to: { hostname: string; ip: string; port: number },
): void {
  if (master.clientReconfigScript === null) return;
  core.scripts.enqueue(master.clientReconfigScript, [
    master.name,
    role,
    'start',
    core.shown(from),
    `${from.port}`,
    core.shown(to),
    `${to.port}`,
  ]);
}

function updateConfig(core: Core, master: Master, promoted: Replica): void {
  const from = master.address;
  const to = promoted.address;
  core.announce(
    '+switch-master',
    `${master.name} ${core.shown(from)} ${from.port} ${core.shown(to)} ${to.port}`,
    master,
  );
  enter(core, master, 'none');
  switchMaster(core, master, to);
}

/** Takes as many steps as can be taken now. Not called while tilted. */
export function stepFailover(core: Core, master: Master): void {
  startIfDue(core, master);
  const { failover } = master;
  for (let before: FailoverState | null = null; before !== failover.state;) {
    before = failover.state;
    const { promoted } = failover;
    switch (failover.state) {
      case 'none':
        return;
      case 'wait_start':
        waitStart(core, master);
        break;
      case 'select_slave':
        selectSlave(core, master);
        break;
      case 'send_slaveof_noone':
        assert(promoted !== null, 'a candidate has been chosen');
        sendSlaveofNoOne(core, master, promoted);
        break;
      case 'wait_promotion':
        if (timedOut(core, master)) {
          abort(
            core,
            master,
            '-failover-abort-slave-timeout',
            `${promoted?.name} did not become a primary in time`,
          );
        }
        break;
      case 'reconf_slaves':
        assert(promoted !== null, 'a replica has been promoted');
        if (reconfigureReplicas(core, master, promoted)) enter(core, master, 'update_config');
        break;
      case 'update_config':
        assert(promoted !== null, 'a replica has been promoted');
        updateConfig(core, master, promoted);
        break;
    }
  }
}

/** When {@link stepFailover} is to be called again if nothing happens. */
export function failoverDueAt(core: Core, master: Master): number {
  const { failover } = master;
  switch (failover.state) {
    case 'none':
      return candidacyDueAt(core, master);
    case 'wait_start':
      return electionEndsAt(core, master);
    case 'select_slave':
      return failover.stateChangedAt + CHOOSE_WITHIN_MS;
    case 'send_slaveof_noone':
    case 'wait_promotion':
      return failover.stateChangedAt + master.failoverTimeoutMs + 1;
    case 'reconf_slaves':
      return reconfigureDueAt(core, master);
    case 'update_config':
      return core.now;
  }
}
