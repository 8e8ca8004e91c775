// The nat path: clients on other machines (and this one) are led by nftables rules, on the Redis host itself or on a
// gateway. What the rules say is endpoint/nat/; here they are kept as they should be.
//
// Elements end by themselves at the route's deadline, and are refreshed while it moves. Connections to a server that left
// are reset by the guard at their client's next packet; since an idle one sends none, the old server is asked to close
// it. Half-open ones are forgotten, so that the client's next SYN goes to the new server.

import { isIP, isIPv6 } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { dealSlots } from '../../endpoint/deal-slots.ts';
import {
  NAT_SLOTS,
  type NatElements,
  type NatListen,
  elementCommands,
  removalCommands,
  ruleCount,
  tableCommands,
} from '../../endpoint/nat/rules.ts';
import { type Route, type Target, isSameTarget, targetText } from '../../endpoint/route.ts';
import { assert } from '../../base/assert.ts';
import { failure, success, type Problem, type Result } from '../../base/result.ts';
import { bootClockMs } from '../../os/boot-clock.ts';
import { Conntrack, type ConntrackEntry } from '../../os/conntrack.ts';
import { addressBytes, addressText } from '../../os/ip-address.ts';
import { NftRules } from '../../os/nft-rules.ts';
import { Nft } from '../../os/nft.ts';
import { OsError } from '../../os/os-error.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { forwardingProblems } from './forwarding.ts';
import type { RoutePath } from './route-path.ts';
import { Trouble } from './trouble.ts';

export interface NatPathOptions {
  /** Of our table; letters, digits and underscores. */
  readonly table: string;
  /** What clients connect to, by the endpoint's name. Numeric addresses. */
  readonly listens: ReadonlyMap<string, readonly Target[]>;
  /**
   * `auto`: what leaves this machine does so with its address, so that answers come back this way. `no`: clients keep
   * theirs; the servers must send their answers through this machine.
   */
  readonly masquerade: 'auto' | 'no';
  /** Has a server close some of its clients. Resolves to what went wrong, as a sentence, or null. */
  readonly killClients: (
    endpoint: string,
    server: Target,
    clients: readonly Target[],
  ) => Promise<string | null>;
  /** Told trouble, in sentences. */
  readonly warn: (sentence: string) => void;
  /** Where nft is, if not where it usually is. */
  readonly nftFile?: string | null;
}

export interface NatPathStatus {
  readonly path: 'nat';
  readonly table: string;
  /** How often the table was restored after somebody else had changed it. */
  readonly restored: number;
  readonly sentences: readonly string[];
}

/** How often to look whether somebody changed our table. Elements are replaced with every refresh anyway. */
const CHECK_MS = 1_000;
/** How long the guard may reset clients, when everything ends, before their connections are forgotten. */
const SETTLE_MS = 250;

interface Listen {
  readonly endpoint: string;
  readonly index: number;
  nat: NatListen;
  elements: NatElements;
  /** Boot-clock milliseconds. */
  deadline: number;
  /** To be written; and afterwards, connections to others are to be ended. */
  isDirty: boolean;
  endsOthers: boolean;
}

interface Endpoint {
  readonly listens: readonly Listen[];
  route: Route | null;
  readonly timer: DeadlineTimer;
}

const NOWHERE: NatElements = { slots: [], allowed: [], timeoutMs: Infinity };

export class NatPath implements RoutePath {
  readonly #options: NatPathOptions;
  readonly #trouble: Trouble;
  readonly #nft: Nft;
  readonly #rules: NftRules;
  readonly #conntrack: Conntrack;
  readonly #endpoints: ReadonlyMap<string, Endpoint>;
  readonly #listens: readonly Listen[];
  readonly #check: NodeJS.Timeout;
  /** Transactions, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #isWaiting = false;
  #needsTable = true;
  #restored = 0;
  readonly #missing = new Set<string>();
  #isClosed = false;

  /** Makes the table; every endpoint leads nowhere yet. */
  static async open(options: NatPathOptions): Promise<Result<NatPath>> {
    for (const target of [...options.listens.values()].flat()) {
      const problem = listenProblem(target);
      if (problem !== null) return failure(problem);
    }
    let rules: NftRules | undefined;
    try {
      rules = new NftRules();
      const path = new NatPath(options, rules, new Conntrack());
      const made = await path.#write();
      if (made.ok) return success(path);
      path.#release();
      return made;
    } catch (error) {
      rules?.close();
      if (!(error instanceof OsError)) throw error;
      return failure({ code: 'nat-path', sentence: error.message });
    }
  }

  private constructor(options: NatPathOptions, rules: NftRules, conntrack: Conntrack) {
    assert(/^\w+$/.test(options.table), `not a name for a table: ${options.table}`);
    this.#options = options;
    this.#trouble = new Trouble(options.warn);
    this.#nft = options.nftFile === undefined ? new Nft() : new Nft(options.nftFile);
    this.#rules = rules;
    this.#conntrack = conntrack;
    let count = 0;
    this.#endpoints = new Map(
      [...options.listens].map(([name, targets]) => {
        const listens = targets.map(({ host, port }): Listen => {
          const family = isIPv6(host) ? 'ipv6' : 'ipv4';
          return {
            endpoint: name,
            index: count++,
            // As the kernel writes it.
            nat: { host: addressText(addressBytes(host)), port, family, balance: 'roundrobin' },
            elements: NOWHERE,
            deadline: Infinity,
            isDirty: false,
            endsOthers: false,
          };
        });
        return [name, { listens, route: null, timer: new DeadlineTimer(() => this.#lapse(name)) }];
      }),
    );
    this.#listens = [...this.#endpoints.values()].flatMap(({ listens }) => listens);
    this.#check = setInterval(() => this.#look(), CHECK_MS);
    this.#check.unref();
  }

  apply(route: Route): void {
    assert(!this.#isClosed, 'a route for a path that was closed');
    const endpoint = this.#endpoints.get(route.endpoint);
    assert(endpoint !== undefined, `a route for ${route.endpoint}, which the nat path does not carry`);
    const isChange = endpoint.route?.generation !== route.generation;
    endpoint.route = route;
    for (const listen of endpoint.listens) this.#lead(listen, route, isChange);
    if (isChange) this.#lookAtForwarding(endpoint, route);
    endpoint.timer.set(route.deadline);
    this.#push();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#check);
    for (const { timer } of this.#endpoints.values()) timer.clear();
    // New clients are refused, and the guard resets the others, as long as their connections are tracked as led by us.
    for (const listen of this.#listens) this.#leadNowhere(listen, true);
    this.#push();
    await this.#work;
    await pause(SETTLE_MS);
    // Only now: a connection that is still led when the rules are gone would be led for ever.
    this.#trouble.trying(() => {
      for (const entry of this.#led()) this.#conntrack.delete(entry);
    });
    const removed = await this.#nft.apply(removalCommands(this.#options.table));
    if (!removed.ok) this.#trouble.warn(removed.problem.sentence);
    this.#release();
  }

  status(): NatPathStatus {
    const { table, masquerade } = this.#options;
    return {
      path: 'nat',
      table,
      restored: this.#restored,
      sentences: [
        `Leads clients by the nftables table inet ${table}.`,
        masquerade === 'auto'
          ? "Servers on other machines see this machine's address instead of the clients'."
          : 'Servers on other machines must send their answers through this one.',
      ],
    };
  }

  /** Decides what the elements of one address are to be. */
  #lead(listen: Listen, route: Route, isChange: boolean): void {
    const isIpv6 = listen.nat.family === 'ipv6';
    const reachable = route.servers.filter((server) => isIPv6(server.host) === isIpv6);
    const [unreachable] = route.servers;
    if (unreachable !== undefined && reachable.length === 0 && isChange) {
      this.#trouble.warn(
        `Clients of ${targetText(listen.nat)} cannot be led to ${targetText(unreachable)}, an address of another family: let the endpoint listen on one of its own, or use --path relay.`,
      );
    }
    const used = reachable.slice(0, route.balance === 'first' ? 1 : NAT_SLOTS);
    const weights = used.map(({ weight }) => weight);
    const slots = dealSlots(weights, NAT_SLOTS)
      .map((index) => used[index])
      .filter((server) => server !== undefined);
    const kept = route.endsOthers ? [] : listen.elements.allowed;
    const allowed = [...used, ...kept.filter((old) => !used.some((server) => isSameTarget(server, old)))];
    listen.elements = { slots, allowed, timeoutMs: Infinity };
    listen.deadline = route.deadline;
    listen.isDirty = true;
    listen.endsOthers ||= isChange && route.endsOthers;
    if ((listen.nat.balance === 'source') !== (route.balance === 'source')) this.#needsTable = true;
    listen.nat = { ...listen.nat, balance: route.balance };
  }

  /** What is missing is said once. */
  #lookAtForwarding({ listens }: Endpoint, { servers }: Route): void {
    const families = listens.map(({ nat }) => nat.family === 'ipv6');
    for (const problem of forwardingProblems(servers.filter(({ host }) => families.includes(isIPv6(host))))) {
      if (!this.#missing.has(problem)) this.#options.warn(problem);
      this.#missing.add(problem);
    }
  }

  #leadNowhere(listen: Listen, endsOthers: boolean): void {
    const allowed = endsOthers ? [] : listen.elements.allowed;
    listen.elements = { slots: [], allowed, timeoutMs: Infinity };
    listen.deadline = Infinity;
    listen.isDirty = true;
    listen.endsOthers ||= endsOthers;
  }

  /** The kernel has dropped the elements by itself; idle connections are ended here. */
  #lapse(name: string): void {
    const endpoint = this.#endpoints.get(name);
    for (const listen of endpoint?.listens ?? []) {
      this.#leadNowhere(listen, endpoint?.route?.endsOthers === true);
    }
    this.#push();
  }

  /** Writes what has changed, after what is being written. What comes meanwhile is written together. */
  #push(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#work = this.#work.then(() => this.#writeAndEnd());
  }

  async #writeAndEnd(): Promise<void> {
    this.#isWaiting = false;
    const ending = this.#listens.filter(({ endsOthers }) => endsOthers);
    const written = await this.#write();
    if (!written.ok) return this.#trouble.warn(`${written.problem.sentence}.`);
    for (const listen of ending) listen.endsOthers = false;
    await this.#endOthers(ending);
  }

  /** One transaction. If it is refused, the table is not what it was, and is made anew. */
  async #write(): Promise<Result<null>> {
    if (!this.#needsTable) {
      const dirty = this.#listens.filter(({ isDirty }) => isDirty);
      const written = await this.#nft.apply(dirty.flatMap((listen) => this.#elements(listen)));
      if (written.ok) return written;
      if (written.problem.code !== 'nft-refused') {
        // Whether it was carried out is unknown; the next refresh will be.
        for (const listen of dirty) listen.isDirty = true;
        return written;
      }
      this.#tellRestored();
    }
    this.#needsTable = false;
    const { table, masquerade } = this.#options;
    const nats = this.#listens.map(({ nat }) => nat);
    const made = await this.#nft.apply([
      ...tableCommands(table, nats, masquerade === 'auto'),
      ...this.#listens.flatMap((listen) => this.#elements(listen)),
    ]);
    if (!made.ok) this.#needsTable = true;
    return made;
  }

  #elements(listen: Listen): string[] {
    listen.isDirty = false;
    const timeoutMs = listen.deadline - bootClockMs();
    // What has lapsed already leads nowhere.
    const elements = timeoutMs < 1 ? NOWHERE : { ...listen.elements, timeoutMs };
    return elementCommands(this.#options.table, listen.index, elements);
  }

  /** Whether somebody took rules, or all, away. */
  #look(): void {
    this.#trouble.trying(() => {
      if (this.#needsTable) return this.#push();
      const nats = this.#listens.map(({ nat }) => nat);
      const { table, masquerade } = this.#options;
      if (this.#rules.count(table) === ruleCount(nats, masquerade === 'auto')) return;
      this.#tellRestored();
      this.#needsTable = true;
      this.#push();
    });
  }

  #tellRestored(): void {
    this.#restored++;
    this.#trouble.warn(`Somebody changed the nftables table inet ${this.#options.table}: it is restored.`);
    // The next time is news again.
    this.#trouble.forget();
  }

  /** Tracked connections that we led, and where from. */
  #led(listens = this.#listens): (ConntrackEntry & { readonly listen: Listen })[] {
    return listens.flatMap((listen) =>
      this.#conntrack
        .list(listen.nat)
        .filter(({ asked, server }) => !isSameTarget(asked, server))
        .map((entry) => ({ ...entry, listen })),
    );
  }

  async #endOthers(listens: readonly Listen[]): Promise<void> {
    if (listens.length === 0) return;
    const idle = new Map<string, { endpoint: string; server: Target; clients: Target[] }>();
    this.#trouble.trying(() => {
      for (const entry of this.#led(listens)) {
        const { server, seenAs, listen } = entry;
        if (listen.elements.allowed.some((allowed) => isSameTarget(allowed, server))) continue;
        if (entry.isHalfOpen) {
          this.#conntrack.delete(entry);
          continue;
        }
        const key = `${listen.endpoint} ${targetText(server)}`;
        const group = idle.get(key) ?? { endpoint: listen.endpoint, server, clients: [] };
        group.clients.push(seenAs);
        idle.set(key, group);
      }
    });
    // Nobody waits for a server that may be dead, but for the end.
    const killed = Promise.all(
      [...idle.values()].map(async ({ endpoint, server, clients }) => {
        const refusal = await this.#options.killClients(endpoint, server, clients);
        if (refusal !== null) this.#trouble.warn(refusal);
      }),
    );
    if (this.#isClosed) await killed;
  }

  #release(): void {
    clearInterval(this.#check);
    this.#nft.close();
    this.#rules.close();
    this.#conntrack.close();
  }
}

/** What the kernel can't lead clients from. */
function listenProblem(target: Target): Problem | null {
  const { host } = target;
  assert(isIP(host) !== 0, `not a numeric address: ${host}`);
  const bytes = addressBytes(host);
  const isIpv6 = bytes.length === 16;
  const isLoopback = isIpv6 ? host === '::1' : bytes[0] === 127;
  const isAny = bytes.every((byte) => byte === 0);
  const isLinkLocal = isIpv6 && bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
  if (!isLoopback && !isAny && !isLinkLocal) return null;
  const what = isLoopback ? 'a loopback address' : isAny ? 'every address' : 'a link-local address';
  const sentence = `${targetText(target)} is ${what}, which nat cannot lead clients from: name an address of this machine, or use --path ${isLoopback ? 'socket or --path relay' : 'relay'}`;
  return failure({ code: 'nat-listen', sentence }).problem;
}
