// What is monitored: primaries, their replicas, and the other sentinels that watch them (sentinel.md §0), and the
// links to them. Data only; who changes it is said in the files that do.
//
// "Never" is null (or -Infinity for times that are only compared), because a monotonic clock may well start at 0.

import type { ConnectionId } from './io.ts';
import type { Address } from './address.ts';
import type { Task } from './schedule.ts';

export type Half = 'command' | 'pubsub';

/** What a command was sent for, so that its answer finds its way. */
export type Purpose = 'ping' | 'info' | 'hello' | 'ask' | 'auth' | 'subscribe' | 'reconfigure' | 'ignore';

export interface Pending {
  readonly purpose: Purpose;
  /** Whom it was about: a link of sentinels is shared by many. Null when that no longer matters. */
  instance: Instance | null;
}

/** One connection attempt and, if it succeeds, the connection. */
export interface Connection {
  readonly id: ConnectionId;
  readonly link: Link;
  readonly half: Half;
  readonly openedAt: number;
  established: boolean;
  localAddress: string | null;
  /** Unanswered commands, oldest first. */
  readonly pending: Pending[];
}

/**
 * Our way to one process: two connections to a data node, one to a sentinel. Sentinels of several masters that are one
 * process share one link (sentinel.md §4.3).
 */
export interface Link extends Task {
  readonly kind: 'link';
  /** Whose link it is; one, or for sentinels all that share it. */
  readonly owners: Instance[];
  command: Connection | null;
  pubsub: Connection | null;
  /** Cleared when both connections have been *issued*, set when either ends (sentinel.md §4.3). */
  disconnected: boolean;
  /** A hostname is being looked up before dialling. */
  resolving: boolean;
  lastReconnectAt: number;
  pubsubLastActivityAt: number;
  /** When the last acceptable PING reply came. */
  lastAvailableAt: number;
  /** When the oldest unanswered PING was sent; null: none is out. Survives reconnects. */
  actPingAt: number | null;
  lastPingAt: number;
  /** When the last PING reply of any kind came. */
  lastPongAt: number;
  /** Which halves ended unasked since they last worked; with `refusedSince`, the proof of a crash (--fast-crash). */
  endedUnasked: { command: boolean; pubsub: boolean };
  /** A new connection was refused after a half had ended. */
  refusedSinceEnd: boolean;
  /** The node's own words about our credentials, or null while they are fine. */
  authProblem: string | null;
  /** It was AUTH that was refused, so a PONG (to somebody who is nobody) does not say that all is well. */
  loginRefused: boolean;
}

interface InstanceFields extends Task {
  /** Key: the master's name, a replica's `addr:port`, a sentinel's run id. */
  name: string;
  runId: string | null;
  address: Address;
  link: Link;
  sdown: boolean;
  /** Of the last time it went down; kept when it comes back. */
  sdownSince: number | null;
  downAfterMs: number;
  /** When the last hello to it was sent or, once answered, answered. */
  lastHelloSentAt: number;
  helloInFlight: boolean;
  /** Spacing of hellos while there is news; null: the ordinary period. */
  helloHurryMs: number | null;
  scriptKillSent: boolean;
  createdAt: number;
}

interface DataNodeFields extends InstanceFields {
  infoAt: number | null;
  infoText: string | null;
  infosInFlight: number;
  /** When INFO was last asked for, or would have been had one not been under way. */
  infoAskedAt: number;
  /** Next spacing of INFO while something is being waited for; null: the ordinary period. */
  infoHurryMs: number | null;
  roleReported: 'master' | 'slave';
  roleReportedAt: number;
  /** Of the history it writes or follows, as its last INFO said. */
  replicationId: string | null;
  /** When the reported primary last changed, or the node became a replica. */
  masterChangedAt: number;
  /** INFO's `master_failover_state`; null: never shown. */
  failoverStateReported: string | null;
}

export interface Replica extends DataNodeFields {
  readonly kind: 'replica';
  readonly master: Master;
  masterLinkDownMs: number;
  masterLinkUp: boolean;
  masterHost: string | null;
  masterPort: number;
  priority: number;
  announced: boolean;
  offset: bigint;
  /** How far re-pointing to the promoted replica has come. */
  reconfiguration: 'none' | 'sent' | 'in-progress' | 'done';
  reconfigurationSentAt: number;
  /** When it was last told to follow its primary outside of a failover. */
  repairedAt: number;
}

export interface Peer extends InstanceFields {
  readonly kind: 'sentinel';
  readonly master: Master;
  lastHelloReceivedAt: number;
  /** It told us that it, too, holds the master down. */
  masterDown: boolean;
  lastMasterDownReplyAt: number;
  /** Whom it voted for, as it told us. */
  leader: string | null;
  leaderEpoch: bigint;
  askInFlight: boolean;
  /** Asked again as soon as the answer under way is here. */
  askAgain: boolean;
  lastAskedAt: number;
  /** Spacing before the next question. */
  askSpacingMs: number;
}

export type FailoverState =
  | 'none'
  | 'wait_start'
  | 'select_slave'
  | 'send_slaveof_noone'
  | 'wait_promotion'
  | 'reconf_slaves'
  | 'update_config';

/** One master's failover, running or last. */
export interface Failover {
  state: FailoverState;
  stateChangedAt: number;
  /** Of the last attempt, or of the last vote for another; new automatic attempts count from here. */
  startedAt: number;
  epoch: bigint;
  promoted: Replica | null;
  /** Ordered by SENTINEL FAILOVER: needs no votes. */
  forced: boolean;
  /** Valkey 9: the old primary hands over itself. */
  coordinated: boolean;
  /** The self-vote is on its way to disk; the election starts when it is there. */
  preparing: boolean;
  /** Elections lost in a row. */
  attempts: number;
  /** After a lost election: when the next may start. */
  retryAt: number;
  delayLogged: boolean;
}

/** A vote that is being written to disk; it counts and is told only then. */
export interface VoteInFlight {
  readonly candidate: string;
  readonly epoch: bigint;
  /** What must wait until it is clear whether this vote was given. */
  readonly waiting: (() => void)[];
}

export interface Master extends DataNodeFields {
  readonly kind: 'master';
  /** Of the replication stream, as its last INFO said; null: not known. */
  offset: bigint | null;
  odown: boolean;
  odownSince: number | null;
  configEpoch: bigint;
  /** My last vote that is on disk. The id is not saved, only the epoch (sentinel.md §2.5). */
  leader: string | null;
  leaderEpoch: bigint;
  voteInFlight: VoteInFlight | null;
  quorum: number;
  failoverTimeoutMs: number;
  parallelSyncs: number;
  notificationScript: string | null;
  clientReconfigScript: string | null;
  authPass: string | null;
  authUser: string | null;
  rebootDownAfterMs: number;
  /** It came back with another run id and has not answered PONG since (sentinel.md §6.2). */
  rebootedAt: number | null;
  /** --fast-crash: both links ended and the port is closed. */
  crashed: boolean;
  readonly renamedCommands: Map<string, string>;
  readonly replicas: Map<string, Replica>;
  readonly peers: Map<string, Peer>;
  readonly failover: Failover;
  lastDecision: { readonly sentence: string; readonly at: number } | null;
  /** Hellos already taken in, by their exact bytes: most repeat the last one. */
  readonly recentHellos: Map<string, Peer>;
}

export type DataNode = Master | Replica;
export type Instance = Master | Replica | Peer;

/** Whether a node last said that it takes part in a hand-over (FAILOVER) that has not ended. */
export function isHandingOver(node: DataNode): boolean {
  return node.failoverStateReported !== null && node.failoverStateReported !== 'no-failover';
}

/** The master an instance belongs to; a master belongs to itself. */
export function masterOf(instance: Instance): Master {
  return instance.kind === 'master' ? instance : instance.master;
}

export function newLink(now: number): Link {
  return {
    kind: 'link',
    dueAt: Infinity,
    position: -1,
    owners: [],
    command: null,
    pubsub: null,
    disconnected: true,
    resolving: false,
    lastReconnectAt: -Infinity,
    pubsubLastActivityAt: now,
    lastAvailableAt: now,
    actPingAt: now,
    lastPingAt: -Infinity,
    lastPongAt: now,
    endedUnasked: { command: false, pubsub: false },
    refusedSinceEnd: false,
    authProblem: null,
    loginRefused: false,
  };
}

export function noFailover(now: number): Failover {
  return {
    state: 'none',
    stateChangedAt: now,
    startedAt: -Infinity,
    epoch: 0n,
    promoted: null,
    forced: false,
    coordinated: false,
    preparing: false,
    attempts: 0,
    retryAt: -Infinity,
    delayLogged: false,
  };
}

function instanceFields(name: string, address: Address, downAfterMs: number, now: number): InstanceFields {
  return {
    dueAt: Infinity,
    position: -1,
    name,
    runId: null,
    address,
    link: newLink(now),
    sdown: false,
    sdownSince: null,
    downAfterMs,
    lastHelloSentAt: now,
    helloInFlight: false,
    helloHurryMs: null,
    scriptKillSent: false,
    createdAt: now,
  };
}

function dataNodeFields(role: 'master' | 'slave', now: number): Omit<DataNodeFields, keyof InstanceFields> {
  return {
    infoAt: null,
    infoText: null,
    infosInFlight: 0,
    infoAskedAt: -Infinity,
    infoHurryMs: null,
    roleReported: role,
    roleReportedAt: now,
    replicationId: null,
    masterChangedAt: now,
    failoverStateReported: null,
  };
}

export interface MasterSettings {
  readonly quorum: number;
  readonly downAfterMs: number;
  readonly failoverTimeoutMs: number;
}

export function newMaster(name: string, address: Address, settings: MasterSettings, now: number): Master {
  const master: Master = {
    kind: 'master',
    ...instanceFields(name, address, settings.downAfterMs, now),
    ...dataNodeFields('master', now),
    offset: null,
    odown: false,
    odownSince: null,
    configEpoch: 0n,
    leader: null,
    leaderEpoch: 0n,
    voteInFlight: null,
    quorum: settings.quorum,
    failoverTimeoutMs: settings.failoverTimeoutMs,
    parallelSyncs: 1,
    notificationScript: null,
    clientReconfigScript: null,
    authPass: null,
    authUser: null,
    rebootDownAfterMs: 0,
    rebootedAt: null,
    crashed: false,
    renamedCommands: new Map<string, string>(),
    replicas: new Map<string, Replica>(),
    peers: new Map<string, Peer>(),
    failover: noFailover(now),
    lastDecision: null,
    recentHellos: new Map<string, Peer>(),
  };
  master.link.owners.push(master);
  return master;
}

export function newReplica(master: Master, name: string, address: Address, now: number): Replica {
  const replica: Replica = {
    kind: 'replica',
    ...instanceFields(name, address, master.downAfterMs, now),
    ...dataNodeFields('slave', now),
    master,
    masterLinkDownMs: 0,
    masterLinkUp: false,
    masterHost: null,
    masterPort: 0,
    priority: 100,
    announced: true,
    offset: 0n,
    reconfiguration: 'none',
    reconfigurationSentAt: -Infinity,
    repairedAt: -Infinity,
  };
  replica.link.owners.push(replica);
  return replica;
}

export function newPeer(master: Master, runId: string, address: Address, now: number): Peer {
  const peer: Peer = {
    kind: 'sentinel',
    ...instanceFields(runId, address, master.downAfterMs, now),
    runId,
    master,
    lastHelloReceivedAt: now,
    masterDown: false,
    lastMasterDownReplyAt: now,
    leader: null,
    leaderEpoch: 0n,
    askInFlight: false,
    askAgain: false,
    lastAskedAt: -Infinity,
    askSpacingMs: 0,
  };
  peer.link.owners.push(peer);
  return peer;
}

/** What SENTINEL MASTER and its like print in `flags`, in the reference's order (sentinel.md §1.4). */
export function flagsText(instance: Instance): string {
  const master = masterOf(instance);
  const failing = instance.kind === 'master' && instance.failover.state !== 'none';
  const flags: [boolean, string][] = [
    [instance.sdown, 's_down'],
    [instance.kind === 'master' && instance.odown, 'o_down'],
    [instance.kind === 'master', 'master'],
    [instance.kind === 'replica', 'slave'],
    [instance.kind === 'sentinel', 'sentinel'],
    [instance.link.disconnected, 'disconnected'],
    [instance.kind === 'sentinel' && instance.masterDown, 'master_down'],
    [failing, 'failover_in_progress'],
    [instance.kind === 'replica' && master.failover.promoted === instance, 'promoted'],
    [instance.kind === 'replica' && instance.reconfiguration === 'sent', 'reconf_sent'],
    [instance.kind === 'replica' && instance.reconfiguration === 'in-progress', 'reconf_inprog'],
    [instance.kind === 'replica' && instance.reconfiguration === 'done', 'reconf_done'],
    [failing && master.failover.forced, 'force_failover'],
    [failing && master.failover.coordinated, 'coordinated_failover'],
    [instance.scriptKillSent, 'script_kill_sent'],
    [instance.kind === 'master' && instance.rebootedAt !== null, 'master_reboot'],
  ];
  return flags
    .filter(([set]) => set)
    .map(([, text]) => text)
    .join(',');
}
