// "Is this master down for you, too, and would you vote for me?": the question to peers, and our answer to theirs
// (sentinel.md §6.3).

import type { Reply } from '../resp/reply.ts';
import { array, bulk, integer } from '../resp/reply.ts';
import type { Core } from './core.ts';
import { parseEpoch } from './hello.ts';
import type { Master, Peer } from './instance.ts';
import { requestVote } from './voting.ts';

/** The first repetition of a question comes after this; the next after twice as long, and so on. Milliseconds. */
const ASK_AGAIN_FIRST_MS = 20;
/** A peer's opinion is forgotten after this many ask periods without an answer. */
const OPINION_LIVES_ASKS = 5;

function isElection(master: Master): boolean {
  return master.failover.state === 'wait_start';
}

/** Whether peers have to be asked about this master at all. */
function isInQuestion(master: Master): boolean {
  return master.sdown || (isElection(master) && master.failover.coordinated);
}

/**
 * When to ask a peer next; Infinity while an answer is on its way.
 *
 * Differs from Sentinel: asked at once when a master goes down here and again after 20, 40, 80 … ms, instead of every
 * ask period, because a peer whose own timer ends a moment later would be heard a second late. One question at a time,
 * because a mute peer otherwise gets one every tick.
 */
export function askDueAt(core: Core, peer: Peer): number {
  const { master, link } = peer;
  if (!isInQuestion(master) || peer.askInFlight || link.disconnected || link.command === null)
    return Infinity;
  const hurry = !master.odown || isElection(master);
  const spacing = hurry ? Math.min(peer.askSpacingMs, core.tunables.askPeriod) : core.tunables.askPeriod;
  return peer.lastAskedAt + spacing;
}

/** When what a peer once said no longer counts. */
export function opinionEndsAt(core: Core, peer: Peer): number {
  if (!peer.masterDown && peer.leader === null) return Infinity;
  return peer.lastMasterDownReplyAt + OPINION_LIVES_ASKS * core.tunables.askPeriod + 1;
}

/** Asks, or forgets, as due; returns when to look again. */
export function attendPeer(core: Core, peer: Peer): number {
  if (core.now >= opinionEndsAt(core, peer)) {
    peer.masterDown = false;
    peer.leader = null;
    core.touch(peer.master);
  }
  if (core.now >= askDueAt(core, peer)) ask(core, peer);
  return Math.min(askDueAt(core, peer), opinionEndsAt(core, peer));
}

function ask(core: Core, peer: Peer): void {
  const { master, link } = peer;
  if (link.command === null) return;
  peer.lastAskedAt = core.now;
  peer.askSpacingMs = peer.askSpacingMs === 0 ? ASK_AGAIN_FIRST_MS : peer.askSpacingMs * 2;
  peer.askInFlight = true;
  peer.askAgain = false;
  core.send(link.command, 'ask', peer, [
    core.command(master, 'SENTINEL'),
    'is-master-down-by-addr',
    core.shown(master.address),
    `${master.address.port}`,
    // Differs from Sentinel: votes are asked for in the election's own epoch, and only while it lasts. With the newest
    // epoch, which another master may have raised, a candidate could win with votes of an epoch it does not stand in.
    `${isElection(master) ? master.failover.epoch : core.currentEpoch}`,
    isElection(master) ? core.myId : '*',
  ]);
}

/** Asks every reachable peer at once, and again if an older question is still on its way. */
export function askAll(core: Core, master: Master): void {
  for (const peer of master.peers.values()) {
    peer.lastAskedAt = -Infinity;
    peer.askSpacingMs = 0;
    if (peer.askInFlight) peer.askAgain = true;
    core.touch(peer);
  }
}

/** A peer's answer: integer, bulk, integer, or it counts for nothing. */
export function receiveOpinion(core: Core, peer: Peer, reply: Reply): void {
  const { master } = peer;
  peer.askInFlight = false;
  core.touch(peer);
  if (peer.askAgain) {
    peer.askAgain = false;
    peer.lastAskedAt = -Infinity;
    peer.askSpacingMs = 0;
  }
  if (reply.kind === 'error') return;
  const [down, leader, epoch] = reply.kind === 'array' && reply.items.length === 3 ? reply.items : [];
  if (down?.kind !== 'integer' || leader?.kind !== 'bulk' || epoch?.kind !== 'integer') {
    core.counters.repliesUnexpected += 1;
    return;
  }
  peer.lastMasterDownReplyAt = core.now;
  peer.masterDown = Number(down.value) === 1;
  if (leader.value !== '*') {
    const leaderEpoch = BigInt.asUintN(64, BigInt(epoch.value));
    if (leaderEpoch !== peer.leaderEpoch || leader.value !== peer.leader) {
      core.log('notice', `${peer.name} voted for ${leader.value} ${leaderEpoch}`);
    }
    peer.leader = leader.value;
    peer.leaderEpoch = leaderEpoch;
  }
  core.touch(master);
}

/** The arguments of a question to us, as they came. */
export interface Question {
  readonly host: string;
  readonly port: string;
  readonly epoch: string;
  /** A run id that wants our vote, or `*`. */
  readonly candidate: string;
}

const NOT_AN_INTEGER: Reply = { kind: 'error', text: 'ERR value is not an integer or out of range' };

/**
 * Answers a peer; `answer` is called at once, or when a vote is on disk. Only masters at their configured address
 * count: a promoted replica's new address is nobody's business before the switch.
 */
export function answerQuestion(core: Core, question: Question, answer: (reply: Reply) => void): void {
  const epoch = parseEpoch(question.epoch);
  if (epoch === null || !/^-?\d{1,18}$/.test(question.port)) {
    answer(NOT_AN_INTEGER);
    return;
  }
  core.names.whenKnown([question.host], () => {
    const port = Number(question.port);
    const ip = core.names.ipOf(question.host);
    const master = [...core.masters.values()].find(
      ({ address }) =>
        address.port === port &&
        ((ip !== '' && address.ip === ip) || address.hostname.toLowerCase() === question.host.toLowerCase()),
    );
    const reply = (leader: string, leaderEpoch: bigint): void => {
      const down = master !== undefined && master.sdown && !core.tilted;
      const signed = BigInt.asIntN(64, leaderEpoch);
      answer(
        array([
          integer(down ? 1 : 0),
          bulk(leader),
          integer(
            signed >= -0x1f_ffff_ffff_ffffn && signed <= 0x1f_ffff_ffff_ffffn ? Number(signed) : signed,
          ),
        ]),
      );
    };
    if (master === undefined || question.candidate === '*') {
      reply('*', 0n);
      return;
    }
    // Differs from Sentinel: a candidate must look like a run id; a vote for anything else can only do harm.
    if (!/^[0-9a-zA-Z]{40}$/.test(question.candidate)) {
      core.counters.votesRefused += 1;
      reply(master.leader ?? '*', master.leaderEpoch);
      return;
    }
    requestVote(core, master, epoch, question.candidate, () =>
      reply(master.leader ?? '*', master.leaderEpoch),
    );
  });
}
