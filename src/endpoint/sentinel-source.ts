// What the sentinels that the operator named say about one group: who is the primary, at which config epoch, and which
// replicas there are. Each has two standing connections: one that asks, one that hears of +switch-master, upon which all
// are asked anew. Nobody is believed who is not named (design.md §8).

import type { Reply } from '../resp/reply.ts';
import type { Core } from './core.ts';
import type { HostPort, Source } from './endpoint-conf.ts';
import { StandingLink, type LinkFailure, type LinkTiming, type LinkUser } from './standing-link.ts';
import { isSameTarget, targetText } from './route.ts';

type SentinelsConf = Extract<Source, { readonly kind: 'sentinels' }>;

/** Of a group that one sentinel tells of; beyond this it is nonsense. */
const REPLICAS_MAX = 1_000;

interface Answer {
  readonly askedAt: number;
  readonly primary: HostPort;
  readonly configEpoch: number;
  readonly replicas: readonly HostPort[];
}

/** What they say together. */
export type Opinion =
  /** Those whose word was asked for at `since` or later are a majority. */
  | {
      readonly kind: 'primary';
      readonly where: HostPort;
      readonly configEpoch: number;
      readonly since: number;
      readonly answering: number;
    }
  /** `silent`: who does not answer, and why. */
  | { readonly kind: 'no-majority'; readonly answering: number; readonly silent: readonly string[] }
  | { readonly kind: 'disagree'; readonly configEpoch: number };

/** One named sentinel. */
class Sentinel implements LinkUser {
  readonly where: HostPort;
  readonly asking: StandingLink;
  answer: Answer | null = null;
  problem: string | null = 'not asked yet';
  /** It answered, or it did not. */
  isTried = false;
  readonly #group: string;
  readonly #changed: () => void;

  constructor(core: Core, conf: SentinelsConf, where: HostPort, timing: LinkTiming, changed: () => void) {
    this.where = where;
    this.#group = conf.group;
    this.#changed = changed;
    const { credentials, tls } = conf;
    this.asking = new StandingLink(
      core,
      { where, credentials, tls, proxyVersion: null, timing, greeting: [] },
      this,
    );
  }

  questions(): readonly (readonly string[])[] {
    return [
      ['SENTINEL', 'MASTER', this.#group],
      ['SENTINEL', 'REPLICAS', this.#group],
      // The one that leads a failover goes on to tell of the old primary until all replicas follow the new one, at the new
      // epoch already (sentinel.md §8); asked so, it names the new one from the promotion on.
      ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.#group],
    ];
  }

  isMessage(): boolean {
    return false;
  }

  heard(): void {
    // It is subscribed to nothing.
  }

  answered([master, replicas, where]: readonly Reply[], askedAt: number): void {
    this.isTried = true;
    const fields = master === undefined ? null : fieldsOf(master);
    const told = fields === null ? null : whereOf(fields);
    // Who may not ask the second question goes by the first.
    const primary = told === null ? null : (addressIn(where) ?? told);
    const configEpoch = Number(fields?.get('config-epoch') ?? 'none');
    if (primary === null || !Number.isSafeInteger(configEpoch)) {
      this.answer = null;
      const said = master?.kind === 'error' ? master.text : 'SENTINEL MASTER was not understood';
      this.problem = this.asking.authProblem ?? said;
    } else {
      this.problem = null;
      this.answer = { askedAt, primary, configEpoch, replicas: replicasOf(replicas) };
    }
    this.#changed();
  }

  failed(_failure: LinkFailure, detail: string): void {
    this.isTried = true;
    this.problem = detail;
    this.#changed();
  }
}

/** Its second connection. */
class News implements LinkUser {
  readonly link: StandingLink;
  readonly #group: string;
  readonly #switched: () => void;

  constructor(core: Core, conf: SentinelsConf, where: HostPort, timing: LinkTiming, switched: () => void) {
    this.#group = conf.group;
    this.#switched = switched;
    const { credentials, tls } = conf;
    const greeting = [['SUBSCRIBE', '+switch-master']];
    this.link = new StandingLink(
      core,
      { where, credentials, tls, proxyVersion: null, timing, greeting },
      this,
    );
  }

  questions(): readonly (readonly string[])[] {
    return [['PING']];
  }

  isMessage(reply: Reply): boolean {
    if (reply.kind !== 'array') return false;
    const [kind] = reply.items;
    return kind?.kind === 'bulk' && (kind.value === 'message' || kind.value === 'subscribe');
  }

  heard(reply: Reply): void {
    if (reply.kind !== 'array' && reply.kind !== 'push') return;
    const [kind, , text] = reply.items;
    if (kind?.kind !== 'bulk' || kind.value !== 'message' || text?.kind !== 'bulk') return;
    if (text.value.split(' ', 1)[0] === this.#group) this.#switched();
  }

  answered(): void {
    // It lives.
  }

  failed(): void {
    // The connection that asks tells.
  }
}

export class SentinelSource {
  readonly conf: SentinelsConf;
  readonly sentinels: readonly Sentinel[];
  readonly #news: readonly News[];
  readonly #core: Core;
  readonly #leaseMs: number;
  /** The highest epoch that was believed, and for whom. */
  #believed: { readonly configEpoch: number; readonly where: HostPort } | null = null;

  constructor(
    core: Core,
    conf: SentinelsConf,
    timing: LinkTiming & { leaseMs: number },
    changed: () => void,
  ) {
    this.#core = core;
    this.conf = conf;
    this.#leaseMs = timing.leaseMs;
    this.sentinels = conf.sentinels.map((where) => new Sentinel(core, conf, where, timing, changed));
    this.#news = conf.sentinels.map((where) => new News(core, conf, where, timing, () => this.hurry()));
  }

  /** A reload does not make an old story true: what was believed of the same group stands, unless all others tell it now. */
  goOnAfter(before: SentinelSource): void {
    const isKnown = this.conf.sentinels.some((one) =>
      before.conf.sentinels.some((two) => isSameTarget(one, two)),
    );
    if (isKnown && before.conf.group === this.conf.group) this.#believed = before.#believed;
  }

  get links(): readonly StandingLink[] {
    return [...this.sentinels.map(({ asking }) => asking), ...this.#news.map(({ link }) => link)];
  }

  get majority(): number {
    return Math.floor(this.sentinels.length / 2) + 1;
  }

  /** Asks all of them now. */
  hurry(): void {
    for (const { asking } of this.sentinels) asking.hurry();
  }

  /** One that answers, to give an order to. */
  get spokesman(): StandingLink | null {
    return this.sentinels.find(({ asking, answer }) => asking.isUp && answer !== null)?.asking ?? null;
  }

  /** Some have yet to be heard of since the start: that they are silent means nothing. */
  get isAsking(): boolean {
    return this.sentinels.some(({ isTried }) => !isTried);
  }

  /** When {@link opinion} may change by time alone. */
  staleAt(): number {
    return Math.min(Infinity, ...this.#fresh().map(({ askedAt }) => askedAt + this.#leaseMs));
  }

  /**
   * The conditions, in this order. A majority of the named ones has answered within the lease: else nothing is known. The
   * highest config epoch that one of them tells of wins, since a failover is known to its leader first. An epoch below
   * what was believed before is an old story of a sentinel that was away, unless all tell it (then somebody began anew with
   * SENTINEL MONITOR).
   */
  opinion(): Opinion {
    const answers = this.#fresh();
    if (answers.length < this.majority) {
      return { kind: 'no-majority', answering: answers.length, silent: this.#silent() };
    }
    const configEpoch = Math.max(...answers.map((answer) => answer.configEpoch));
    const newest = answers.filter((answer) => answer.configEpoch === configEpoch);
    const isStory = this.#believed !== null && configEpoch < this.#believed.configEpoch;
    const isUnanimous = newest.length === this.sentinels.length;
    const since = answers.map(({ askedAt }) => askedAt).sort((a, b) => b - a)[this.majority - 1] ?? -Infinity;
    if (isStory && !isUnanimous) {
      const { where, configEpoch: epoch } = this.#believed as { configEpoch: number; where: HostPort };
      return { kind: 'primary', where, configEpoch: epoch, since, answering: answers.length };
    }
    const where = mostNamed(newest, this.#believed?.where ?? null);
    if (where === null) return { kind: 'disagree', configEpoch };
    this.#believed = { configEpoch, where };
    return { kind: 'primary', where, configEpoch, since, answering: answers.length };
  }

  /** All replicas that fresh answers name. */
  replicas(): HostPort[] {
    const found = new Map<string, HostPort>();
    for (const { replicas } of this.#fresh()) for (const one of replicas) found.set(targetText(one), one);
    return [...found.values()];
  }

  close(): void {
    for (const link of this.links) link.close();
  }

  /** One who is known by two names has one voice. */
  #fresh(): Answer[] {
    const answers = new Map<string, Answer>();
    for (const { answer, asking, where } of this.sentinels) {
      if (answer === null || !this.#isFresh(answer)) continue;
      const address = targetText({ host: asking.ip ?? where.host, port: where.port });
      if (!answers.has(address)) answers.set(address, answer);
    }
    return [...answers.values()];
  }

  #isFresh({ askedAt }: Answer): boolean {
    return askedAt > this.#core.now - this.#leaseMs;
  }

  #silent(): string[] {
    return this.sentinels
      .filter(({ answer }) => answer === null || !this.#isFresh(answer))
      .map(({ where, problem }) => `${targetText(where)}: ${problem ?? 'no answer'}`);
  }
}

/** Two addresses at one epoch: most voices, else the one believed before, else nobody. */
function mostNamed(answers: readonly Answer[], before: HostPort | null): HostPort | null {
  const counts = new Map<string, { where: HostPort; count: number }>();
  for (const { primary } of answers) {
    const entry = counts.get(targetText(primary)) ?? { where: primary, count: 0 };
    entry.count += 1;
    counts.set(targetText(primary), entry);
  }
  const most = Math.max(...[...counts.values()].map(({ count }) => count));
  const leading = [...counts.values()].filter(({ count }) => count === most).map(({ where }) => where);
  if (leading.length === 1) return leading[0] ?? null;
  return leading.find((where) => before !== null && isSameTarget(where, before)) ?? null;
}

/** A flat array of names and values, or a map; null: neither. */
function fieldsOf(reply: Reply): Map<string, string> | null {
  if (reply.kind === 'map') {
    return new Map(reply.entries.map(([name, value]) => [textOf(name), textOf(value)]));
  }
  if (reply.kind !== 'array') return null;
  const fields = new Map<string, string>();
  for (let index = 0; index + 1 < reply.items.length; index += 2) {
    fields.set(textOf(reply.items[index]), textOf(reply.items[index + 1]));
  }
  return fields;
}

const textOf = (reply: Reply | undefined): string => (reply?.kind === 'bulk' ? reply.value : '');

function whereOf(fields: ReadonlyMap<string, string>): HostPort | null {
  const host = fields.get('ip') ?? '';
  const port = Number(fields.get('port') ?? 'none');
  return host !== '' && Number.isInteger(port) && port > 0 && port < 65_536 ? { host, port } : null;
}

/** An array of an address and a port; null: it is none. */
function addressIn(reply: Reply | undefined): HostPort | null {
  if (reply?.kind !== 'array') return null;
  const [ip, port] = reply.items;
  return whereOf(
    new Map([
      ['ip', textOf(ip)],
      ['port', textOf(port)],
    ]),
  );
}

function replicasOf(reply: Reply | undefined): HostPort[] {
  if (reply?.kind !== 'array') return [];
  return reply.items.slice(0, REPLICAS_MAX).flatMap((item) => {
    const fields = fieldsOf(item);
    const where = fields === null ? null : whereOf(fields);
    return where === null ? [] : [where];
  });
}
