// A standing connection to a Redis or Valkey, so that its death is known at once and not at the next poll.
//
//   connecting --connected--> connected --closed--> connecting            closed alone: idle timeout, CLIENT KILL, maxclients
//        `--refused--> waiting --interval--> connecting                   refused: nothing listens, it is dead
//
// A process that is killed closes its files one by one, so the first attempt may still find it listening, and is cut
// off a moment later. So there are some more attempts in quick succession, but not in a circle: a server that is full
// accepts and closes, too.
//
// Dead counts as `fall` failures at once. Silence counts as one failure per interval. An answer of any kind is a sign
// of life; only LOADING counts as a failure, because such a server serves nothing.

import type { ConnectionId, EndOfConnection, RedisAnswer } from '../io.ts';
import type { RedisConf } from '../router-conf.ts';
import { Tally } from './tally.ts';
import type { Hands } from './tracker.ts';

/** What it last said of itself, for status. */
export interface RedisReport {
  readonly role: string | null;
  readonly loading: boolean;
  /** A replica's link to its primary; null for a primary. */
  readonly primaryLinkUp: boolean | null;
  /** Bytes of the replication stream it has. */
  readonly offset: number | null;
  /** What keeps us from asking properly, e.g. NOAUTH; null: nothing. */
  readonly problem: string | null;
}

const NOTHING_KNOWN: RedisReport = {
  role: null,
  loading: false,
  primaryLinkUp: null,
  offset: null,
  problem: null,
};
/** Intervals of silence after which a connection is given up: its other end may be long gone. */
const SILENT_INTERVALS_MAX = 3;
/** Pauses before the attempts that an interval has after a connection ended. */
const REDIAL_PAUSES_MS = [0, 5, 20, 80];

export class RedisTracker {
  readonly conf: RedisConf;
  readonly #hands: Hands;
  readonly #tally: Tally;
  state: 'connecting' | 'connected' | 'waiting' = 'waiting';
  connection: ConnectionId | null = null;
  report: RedisReport = NOTHING_KNOWN;
  #nextAt: number;
  #hasAnswered = true;
  #silentIntervals = 0;
  /** Attempts after an end in this interval, and when the next of them is due; Infinity: none. */
  #redials = 0;
  #redialAt = Infinity;

  constructor(conf: RedisConf, hands: Hands) {
    this.conf = conf;
    this.#hands = hands;
    this.#tally = new Tally(conf, false);
    this.#nextAt = hands.now;
  }

  get isUp(): boolean | null {
    return this.#tally.isUp;
  }

  dueAt(): number {
    return Math.min(this.#nextAt, this.#redialAt);
  }

  /** Dials again when that is due. Once per interval: judges the last one, asks anew. */
  attend(): void {
    const { now } = this.#hands;
    if (now < this.#nextAt) {
      if (now >= this.#redialAt) this.#connect();
      return;
    }
    // A grid would judge several intervals at once after a late wake-up, though nobody could have answered in them.
    this.#nextAt = now + this.conf.intervalMs;
    if (!this.#hasAnswered) this.#silence();
    this.#hasAnswered = false;
    this.#redials = 0;
    if (this.state === 'connected') this.#ask();
    else if (this.state === 'waiting') this.#connect();
  }

  connected(): void {
    this.state = 'connected';
    this.#ask();
  }

  disconnected(reason: EndOfConnection): void {
    const wasConnected = this.state === 'connected';
    this.state = 'waiting';
    this.connection = null;
    if (reason === 'refused') {
      this.#hasAnswered = true;
      this.#judge(() => this.#tally.failForSure(), 'nothing listens there any more');
    } else if (wasConnected || reason !== 'failed') {
      this.#redial();
    }
  }

  answered(answer: RedisAnswer): void {
    this.#hasAnswered = true;
    this.#silentIntervals = 0;
    switch (answer.kind) {
      case 'pong':
        this.#say({ ...this.report, loading: false, problem: null });
        this.#judge(() => this.#tally.succeed(), 'it answers');
        break;
      case 'error':
        this.#error(answer.text);
        break;
      case 'info':
        this.#say({ ...this.report, ...parseInfo(answer.text) });
        break;
    }
  }

  close(): void {
    this.#nextAt = Infinity;
    this.#redialAt = Infinity;
    this.#drop();
  }

  #error(text: string): void {
    if (text.startsWith('LOADING')) {
      this.#say({ ...this.report, loading: true, problem: null });
      this.#judge(() => this.#tally.fail(), 'it is loading its data');
      return;
    }
    // It lives; that we may not ask is our own trouble, and must not move the address.
    this.#say({ ...this.report, problem: text });
    this.#judge(() => this.#tally.succeed(), 'it answers');
  }

  #silence(): void {
    this.#silentIntervals += 1;
    if (this.#silentIntervals % SILENT_INTERVALS_MAX === 0 || this.state === 'connecting') this.#drop();
    this.#judge(() => this.#tally.fail(), `no answer for ${this.conf.intervalMs} ms`);
  }

  #judge(count: () => void, why: string): void {
    const before = this.isUp;
    count();
    if (this.isUp !== null && this.isUp !== before) {
      this.#hands.verdictChanged(this.conf.name, this.isUp, why);
    }
  }

  #say(report: RedisReport): void {
    const before = this.report;
    this.report = report;
    if (report.problem !== null && report.problem !== before.problem) {
      this.#hands.trackerSays(this.conf.name, `refuses to be asked: ${report.problem}`);
    }
    if (report.role !== before.role && report.role !== null) {
      this.#hands.trackerSays(this.conf.name, `says its role is ${report.role}`);
    }
  }

  #redial(): void {
    const pauseMs = REDIAL_PAUSES_MS[this.#redials];
    if (pauseMs === undefined) return;
    this.#redials += 1;
    if (pauseMs === 0) this.#connect();
    else this.#redialAt = this.#hands.now + pauseMs;
  }

  #connect(): void {
    this.#redialAt = Infinity;
    this.connection = this.#hands.nextConnection();
    this.state = 'connecting';
    this.#hands.emit({ kind: 'redis-connect', connection: this.connection, tracker: this.conf.name });
  }

  #ask(): void {
    if (this.connection === null) return;
    this.#hands.emit({ kind: 'redis-ask', connection: this.connection, question: 'ping' });
    this.#hands.emit({ kind: 'redis-ask', connection: this.connection, question: 'info' });
  }

  #drop(): void {
    if (this.connection !== null) this.#hands.emit({ kind: 'redis-close', connection: this.connection });
    this.connection = null;
    this.state = 'waiting';
  }
}

/** The fields of INFO that matter here. */
function parseInfo(text: string): Partial<RedisReport> {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const role = fields.get('role') ?? null;
  const link = fields.get('master_link_status');
  const offset = fields.get(role === 'slave' ? 'slave_repl_offset' : 'master_repl_offset');
  return {
    role,
    loading: fields.get('loading') === '1',
    primaryLinkUp: link === undefined ? null : link === 'up',
    offset: offset === undefined ? null : Number(offset),
  };
}
