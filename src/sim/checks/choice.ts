// `replica-choice`: the promoted replica is the one the rule picks (sentinel.md §6.7), recomputed here from what the
// member had been told when it chose: the INFO and PING replies handed to it, its own +sdown events, its connections.
//
// Where the boundary does not show everything (a link with one of its two connections down may or may not count as
// connected) a replica is neither surely eligible nor surely not; then either choice is accepted.

import type { Reply } from '../../resp/reply.ts';
import type { SentinelConf } from '../../sentinel/conf/conf.ts';
import type { Member } from '../member.ts';
import type { Command } from '../wire.ts';
import type { Accuse, Remote, Witness } from '../witness.ts';
import { readInstance } from './payload.ts';

const PING_PERIOD_MS = 1_000;
const INFO_PERIOD_MS = 10_000;
const CONNECTIONS_PER_LINK = 2;

/** What a member knows of one replica. */
interface Knowledge {
  infoAt: number | null;
  priority: number;
  offset: number;
  runId: string;
  linkDownMs: number;
  lastAvailableAt: number | null;
  isDown: boolean;
}

/** What a member knows of one group, since it was last reset. */
interface View {
  readonly downAfterMs: number;
  /** `ip:port`: not a candidate. */
  readonly primary: string;
  readonly replicas: Map<string, Knowledge>;
  primaryDownSince: number | null;
  selected: string | null;
}

export class ChoiceCheck implements Witness {
  readonly #accuse: Accuse;
  readonly #groups: ReadonlyMap<string, string>;
  readonly #views = new Map<string, View>();
  /** Open outgoing connections by member and address. */
  readonly #connections = new Map<string, number>();

  constructor(accuse: Accuse, groups: ReadonlyMap<string, string>) {
    this.#accuse = accuse;
    this.#groups = groups;
  }

  started(member: Member, conf: SentinelConf): void {
    for (const { name, downAfterMs, host, port } of conf.masters) {
      this.#reset(member, name, downAfterMs, `${host}:${port}`);
    }
  }

  stopped(member: Member): void {
    for (const key of this.#connections.keys()) {
      if (key.startsWith(`${member.name} `)) this.#connections.delete(key);
    }
  }

  dialled(member: Member, _connection: number, remote: Remote): void {
    this.#count(member, remote, 1);
  }

  hungUp(member: Member, _connection: number, remote: Remote): void {
    this.#count(member, remote, -1);
  }

  told(member: Member, remote: Remote, command: Command, reply: Reply, now: number): void {
    const verb = command[0];
    if (verb !== 'PING' && verb !== 'INFO') return;
    const address = `${remote.ip}:${remote.port}`;
    const group = this.#groups.get(address);
    const view = group === undefined ? undefined : this.#view(member, group);
    if (view === undefined) return;
    const known = knowledgeOf(view, address);
    if (verb === 'PING') {
      const text = reply.kind === 'simple' || reply.kind === 'error' ? reply.text : '';
      if (/^(PONG|LOADING|MASTERDOWN)/.test(text)) known.lastAvailableAt = now;
    } else if (reply.kind === 'bulk') {
      readInfo(known, reply.value);
      known.infoAt = now;
    }
  }

  event(member: Member, name: string, text: string, now: number): void {
    if (name === '+switch-master') {
      const [group = '', , , host = '', port = ''] = text.split(' ');
      const view = this.#view(member, group);
      if (view !== undefined) this.#reset(member, group, view.downAfterMs, `${host}:${port}`);
      return;
    }
    if (name !== '+sdown' && name !== '-sdown' && name !== '+selected-slave') return;
    const instance = readInstance(text);
    const view = instance === null ? undefined : this.#view(member, instance.group);
    if (instance === null || view === undefined) return;
    if (name === '+selected-slave') this.#judge(member, view, instance.group, instance.address, now);
    else if (instance.kind === 'master') view.primaryDownSince = name === '+sdown' ? now : null;
    else if (instance.kind === 'slave') knowledgeOf(view, instance.address).isDown = name === '+sdown';
  }

  sent(member: Member, remote: Remote, command: Command): void {
    const [verb, host, port] = command;
    if (command.length !== 3 || host?.toUpperCase() !== 'NO' || port?.toUpperCase() !== 'ONE') return;
    if (!/^(slaveof|replicaof)$/i.test(verb ?? '')) return;
    const address = `${remote.ip}:${remote.port}`;
    const selected = this.#view(member, this.#groups.get(address) ?? '')?.selected ?? 'nobody';
    if (selected !== address) {
      this.#accuse('replica-choice', `${member.name} promotes ${address} but had selected ${selected}`);
    }
  }

  #judge(member: Member, view: View, group: string, chosen: string, now: number): void {
    view.selected = chosen;
    const mine = knowledgeOf(view, chosen);
    const reason = this.#whyNot(member, view, chosen, mine, now);
    if (reason !== null && reason !== 'unsure') {
      this.#accuse('replica-choice', `${member.name} selects ${chosen} for ${group}, but ${reason}`);
    }
    for (const [address, other] of view.replicas) {
      if (address === chosen || address === view.primary) continue;
      if (this.#whyNot(member, view, address, other, now) !== null) continue;
      const better = whyBetter(other, mine);
      if (better === null) continue;
      this.#accuse(
        'replica-choice',
        `${member.name} selects ${chosen} for ${group}, but ${address} has ${better}`,
      );
    }
  }

  /** Why a replica may not be promoted; null: it may. */
  #whyNot(member: Member, view: View, address: string, known: Knowledge, now: number): string | null {
    if (known.isDown) return 'it is down';
    const connections = this.#connections.get(`${member.name} ${address}`) ?? 0;
    if (connections === 0) return 'it is disconnected';
    if (known.priority === 0) return 'its priority is 0';
    if (known.infoAt === null) return 'its INFO was never seen';
    const isDown = view.primaryDownSince !== null;
    const infoAgeMs = now - known.infoAt;
    if (infoAgeMs > (isDown ? 5 * PING_PERIOD_MS : 3 * INFO_PERIOD_MS))
      return `its INFO is ${infoAgeMs} ms old`;
    const downMs = view.primaryDownSince === null ? 0 : now - view.primaryDownSince;
    if (known.linkDownMs > downMs + 10 * view.downAfterMs) {
      return `its link to the primary is down for ${known.linkDownMs} ms`;
    }
    if (known.lastAvailableAt === null || connections < CONNECTIONS_PER_LINK) return 'unsure';
    const silentMs = now - known.lastAvailableAt;
    return silentMs > 5 * PING_PERIOD_MS ? `it has not answered for ${silentMs} ms` : null;
  }

  #view(member: Member, group: string): View | undefined {
    return this.#views.get(`${member.name} ${group}`);
  }

  #reset(member: Member, group: string, downAfterMs: number, primary: string): void {
    const view: View = { downAfterMs, primary, replicas: new Map(), primaryDownSince: null, selected: null };
    this.#views.set(`${member.name} ${group}`, view);
  }

  #count(member: Member, remote: Remote, change: number): void {
    const key = `${member.name} ${remote.ip}:${remote.port}`;
    this.#connections.set(key, (this.#connections.get(key) ?? 0) + change);
  }
}

function knowledgeOf(view: View, address: string): Knowledge {
  let known = view.replicas.get(address);
  if (known === undefined) {
    known = {
      infoAt: null,
      priority: 100,
      offset: 0,
      runId: '',
      linkDownMs: 0,
      lastAvailableAt: null,
      isDown: false,
    };
    view.replicas.set(address, known);
  }
  return known;
}

/** Fields that are missing keep their value, but for the time the link has been down. */
function readInfo(known: Knowledge, info: string): void {
  const field = (name: string): string | null => {
    const from = info.indexOf(`\r\n${name}:`);
    if (from < 0) return null;
    const start = from + name.length + 3;
    return info.slice(start, info.indexOf('\r\n', start));
  };
  known.runId = field('run_id') ?? known.runId;
  known.priority = Number(field('slave_priority') ?? known.priority);
  known.offset = Number(field('slave_repl_offset') ?? known.offset);
  known.linkDownMs = Number(field('master_link_down_since_seconds') ?? 0) * 1_000;
}

/** What makes `a` come before `b`: lower priority, more data, smaller run id (a missing one last). */
function whyBetter(a: Knowledge, b: Knowledge): string | null {
  if (a.priority !== b.priority) return a.priority < b.priority ? `priority ${a.priority}` : null;
  if (a.offset !== b.offset) return a.offset > b.offset ? `offset ${a.offset}, not ${b.offset}` : null;
  if (a.runId === '' || b.runId === '') return a.runId !== '' && b.runId === '' ? 'a known run id' : null;
  return a.runId.toLowerCase() < b.runId.toLowerCase() ? 'the smaller run id' : null;
}
