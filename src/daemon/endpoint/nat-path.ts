// The nat path: clients on other machines (and this one) are led by nftables rules, on the Redis host itself or on a
// gateway. What the rules say is endpoint/nat/; here they are kept as they should be.
//
// Elements end by themselves at the route's deadline, and are refreshed while it moves. Connections to a server that left
// are reset by the guard at their client's next packet; since an idle one sends none, the old server is asked to close
// it. Half-open ones are forgotten, so that the client's next SYN goes to the new server.

import { isIPv6 } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { natAdvice } from '../../endpoint/nat/advice.ts';
import { removalCommands, ruleCount, tableCommands } from '../../endpoint/nat/rules.ts';
import type { EndpointsConf } from '../../endpoint/endpoint-conf.ts';
import { type Route, type Target, isSameTarget, targetText } from '../../endpoint/route.ts';
import { assert } from '../../base/assert.ts';
import { failure, success, type Result } from '../../base/result.ts';
import { Conntrack, type ConntrackEntry } from '../../os/conntrack.ts';
import { NftRules } from '../../os/nft-rules.ts';
import { Nft, findNft } from '../../os/nft.ts';
import type { TlsFiles } from '../../net/tls-files.ts';
import { OsError } from '../../os/os-error.ts';
import { ownAddresses } from '../own-addresses.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { Forwarding } from './forwarding.ts';
import { type ListenNames, Listening } from './listening.ts';
import { type KillClients, killersOf } from './kill-clients.ts';
import { NatAddress, listenProblem } from './nat-address.ts';
import type { RoutePath } from './route-path.ts';
import { Trouble } from './trouble.ts';

export interface NatEndpoint {
  /** What clients connect to. */
  readonly listens: ListenNames;
  readonly killClients: KillClients;
}

export interface NatPathOptions {
  /** Of our table; letters, digits and underscores. */
  readonly table: string;
  /** By name. */
  readonly endpoints: ReadonlyMap<string, NatEndpoint>;
  /**
   * `auto`: what leaves this machine does so with its address, so that answers come back this way. `no`: clients keep
   * theirs; the servers must send their answers through this machine.
   */
  readonly masquerade: 'auto' | 'no';
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

/** A tracked connection that we led. */
type Led = ConntrackEntry & { readonly address: NatAddress };

interface Endpoint {
  killClients: KillClients;
  route: Route | null;
  readonly timer: DeadlineTimer;
}

export class NatPath implements RoutePath {
  readonly #options: NatPathOptions;
  readonly #trouble: Trouble;
  readonly #nft: Nft;
  readonly #rules: NftRules;
  readonly #conntrack: Conntrack;
  readonly #listening: Listening;
  readonly #forwarding: Forwarding;
  readonly #endpoints = new Map<string, Endpoint>();
  /** In the table's order. */
  #addresses: readonly NatAddress[] = [];
  readonly #check: NodeJS.Timeout;
  /** Transactions, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #isWaiting = false;
  #isWriting = false;
  #needsTable = true;
  /** In the table as it was written last. */
  #rulesWritten = 0;
  #restored = 0;
  #isClosed = false;

  /** Makes the table; every endpoint leads nowhere yet. */
  static async open(options: NatPathOptions): Promise<Result<NatPath>> {
    let rules: NftRules | undefined;
    let listening: Listening | undefined;
    try {
      rules = new NftRules();
      listening = new Listening(options.warn);
      const path = new NatPath(options, rules, new Conntrack(), listening);
      const made = await path.add(options.endpoints);
      if (made.ok) {
        path.#tryConntrack();
        return success(path);
      }
      path.#release();
      const { code, sentence } = made.problem;
      const advice = natAdvice(sentence);
      return failure({ code, sentence: advice === null ? sentence : `${sentence}; ${advice}` });
    } catch (error) {
      rules?.close();
      listening?.close();
      if (!(error instanceof OsError)) throw error;
      return failure({ code: 'nat-path', sentence: error.message });
    }
  }

  private constructor(options: NatPathOptions, rules: NftRules, conntrack: Conntrack, listening: Listening) {
    assert(/^\w+$/.test(options.table), `not a name for a table: ${options.table}`);
    this.#options = options;
    this.#trouble = new Trouble(options.warn);
    const nftFile = options.nftFile === undefined ? findNft() : options.nftFile;
    this.#nft = new Nft(nftFile);
    this.#forwarding = new Forwarding(options.warn, nftFile);
    this.#rules = rules;
    this.#conntrack = conntrack;
    this.#listening = listening;
    listening.onChange = () => this.#trouble.trying(() => this.#relist());
    this.#check = setInterval(() => this.#look(), CHECK_MS);
    this.#check.unref();
  }

  /** More endpoints, which lead nowhere yet; all of them or none. */
  async add(endpoints: ReadonlyMap<string, NatEndpoint>): Promise<Result<null>> {
    const added = await this.#tryAdd(endpoints);
    if (!added.ok) {
      this.#forget([...endpoints.keys()]);
      this.#addresses = this.#addresses.filter(({ endpoint }) => !endpoints.has(endpoint));
    }
    return added;
  }

  async #tryAdd(endpoints: ReadonlyMap<string, NatEndpoint>): Promise<Result<null>> {
    try {
      for (const [name, { listens, killClients }] of endpoints) {
        const timer = new DeadlineTimer(() => this.#lapse(name));
        this.#endpoints.set(name, { killClients, route: null, timer });
        const problem = this.#listening.add(name, listens).map(listenProblem).find(Boolean);
        if (problem !== undefined && problem !== null) return failure(problem);
      }
      void this.#leave(this.#takeUp());
      return await this.#inTurn(() => this.#write());
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      return failure({ code: 'nat-path', sentence: error.message });
    }
  }

  apply(route: Route): void {
    assert(!this.#isClosed, 'a route for a path that was closed');
    const endpoint = this.#endpoints.get(route.endpoint);
    assert(endpoint !== undefined, `a route for ${route.endpoint}, which the nat path does not carry`);
    const isChange = endpoint.route?.generation !== route.generation;
    endpoint.route = route;
    for (const address of this.#of(route.endpoint)) this.#lead(address, route, isChange);
    if (isChange) this.#lookAtForwarding(route);
    endpoint.timer.set(route.deadline);
    this.#push();
  }

  avoid(endpoint: string, servers: readonly Target[]): void {
    this.#listening.avoid(endpoint, servers);
  }

  endSessions(endpoints: readonly string[], server: Target): void {
    const mine = this.#addresses.filter(({ endpoint }) => endpoints.includes(endpoint));
    void this.#endLed(mine, (led) => isSameTarget(led.server, server));
  }

  renewAccess(conf: EndpointsConf, files: TlsFiles): void {
    for (const [name, killClients] of killersOf(conf, files)) {
      const endpoint = this.#endpoints.get(name);
      if (endpoint !== undefined) endpoint.killClients = killClients;
      for (const address of this.#of(name)) address.killClients = killClients;
    }
  }

  async drop(endpoints: readonly string[]): Promise<void> {
    const mine = this.#addresses.filter(({ endpoint }) => endpoints.includes(endpoint));
    this.#forget(endpoints);
    await this.#leave(mine);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#check);
    this.#forget([...this.#endpoints.keys()]);
    await this.#leave(this.#addresses);
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
        ...this.#elsewhere(),
        'New clients are dealt out by weight: leastconn and maxconn of servers are not to be had here.',
      ],
    };
  }

  /** A gateway leads from addresses of others, too. */
  #elsewhere(): string[] {
    const own = ownAddresses();
    const listens = this.#addresses.map(({ nat }) => nat).filter(({ host }) => !own.includes(host));
    if (listens.length === 0) return [];
    return [
      `This host does not have ${listens.map(targetText).join(', ')}: it leads those clients whose packets are routed through it, as a gateway does.`,
    ];
  }

  /** Those that an endpoint leads from. */
  #of(endpoint: string): NatAddress[] {
    return this.#addresses.filter((address) => address.endpoint === endpoint && !address.isLeaving);
  }

  /** No more routes for these. */
  #forget(endpoints: readonly string[]): void {
    for (const name of endpoints) {
      this.#endpoints.get(name)?.timer.clear();
      this.#endpoints.delete(name);
      this.#listening.drop(name);
    }
  }

  #relist(): void {
    if (this.#isClosed) return;
    const gone = this.#takeUp();
    if (this.#needsTable) this.#push();
    void this.#leave(gone);
  }

  /** Takes up the addresses that are new; returns those that are to be left. */
  #takeUp(): NatAddress[] {
    const gone: NatAddress[] = [];
    for (const [name, { route, killClients }] of this.#endpoints) {
      const wanted = this.#listening.targets(name).map((target) => new NatAddress(name, target, killClients));
      const present = this.#of(name);
      const fresh = wanted.filter(({ nat }) => !present.some((address) => isSameTarget(address.nat, nat)));
      gone.push(...present.filter(({ nat }) => !wanted.some((address) => isSameTarget(address.nat, nat))));
      for (const address of fresh) if (route !== null) this.#lead(address, route, false);
      this.#addresses = [...this.#addresses, ...fresh];
      if (fresh.length > 0) this.#needsTable = true;
    }
    return gone;
  }

  #lead(address: NatAddress, route: Route, isChange: boolean): void {
    const { balance } = address.nat;
    const problem = address.lead(route, isChange);
    if (problem !== null && isChange) this.#trouble.warn(problem);
    // It is in the rule how clients are dealt out.
    if ((balance === 'source') !== (route.balance === 'source')) this.#needsTable = true;
  }

  /** Needed at the first switch only, but to be known before. */
  #tryConntrack(): void {
    const [first] = this.#addresses;
    if (first !== undefined) this.#trouble.trying(() => this.#conntrack.list(first.nat));
  }

  #lookAtForwarding({ endpoint, servers }: Route): void {
    const families = this.#of(endpoint).map(({ nat }) => nat.family === 'ipv6');
    this.#forwarding.look(servers.filter(({ host }) => families.includes(isIPv6(host))));
  }

  /**
   * In the safe order: new clients are refused, and the guard resets the others as long as their connections are tracked
   * as led by us. Then they are forgotten: one that is still led when the rules are gone would be led for ever.
   */
  async #leave(leaving: readonly NatAddress[]): Promise<void> {
    if (leaving.length === 0) return;
    for (const address of leaving) {
      address.isLeaving = true;
      address.leadNowhere(true);
    }
    this.#push();
    await this.#work;
    await pause(SETTLE_MS);
    this.#trouble.trying(() => {
      for (const entry of this.#led(leaving)) this.#conntrack.delete(entry);
    });
    this.#addresses = this.#addresses.filter((address) => !leaving.includes(address));
    if (this.#isClosed) return;
    this.#needsTable = true;
    this.#push();
    await this.#work;
  }

  /** The kernel has dropped the elements by itself; idle connections are ended here. */
  #lapse(name: string): void {
    const endsOthers = this.#endpoints.get(name)?.route?.endsOthers === true;
    for (const address of this.#of(name)) address.leadNowhere(endsOthers);
    this.#push();
  }

  /** Writes what has changed, after what is being written. What comes meanwhile is written together. */
  #push(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    void this.#inTurn(() => this.#writeAndEnd());
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#work.then(act);
    this.#work = done.then(() => undefined);
    return done;
  }

  async #writeAndEnd(): Promise<void> {
    this.#isWaiting = false;
    const ending = this.#addresses.filter(({ endsOthers }) => endsOthers);
    const written = await this.#write();
    if (!written.ok) return this.#trouble.warn(`${written.problem.sentence}.`);
    for (const address of ending) address.endsOthers = false;
    await this.#endOthers(ending);
  }

  async #write(): Promise<Result<null>> {
    this.#isWriting = true;
    const written = await this.#transact();
    this.#isWriting = false;
    return written;
  }

  /** One transaction. If it is refused, the table is not what it was, and is made anew. */
  async #transact(): Promise<Result<null>> {
    if (!this.#needsTable) {
      const dirty = this.#addresses.filter(({ isDirty }) => isDirty);
      const written = await this.#nft.apply(this.#elements(dirty));
      if (written.ok) return written;
      if (written.problem.code !== 'nft-refused') {
        // Whether it was carried out is unknown; the next refresh will be.
        for (const address of dirty) address.isDirty = true;
        return written;
      }
      this.#tellRestored();
    }
    this.#needsTable = false;
    const { table, masquerade } = this.#options;
    const nats = this.#addresses.map(({ nat }) => nat);
    const isAuto = masquerade === 'auto';
    const commands = tableCommands(table, nats, isAuto);
    const made = await this.#nft.apply([...commands, ...this.#elements(this.#addresses)]);
    if (made.ok) this.#rulesWritten = ruleCount(nats, isAuto);
    else this.#needsTable = true;
    return made;
  }

  #elements(addresses: readonly NatAddress[]): string[] {
    const { table } = this.#options;
    return addresses.flatMap((address) => address.commands(table, this.#addresses.indexOf(address)));
  }

  /** Whether somebody took rules, or all, away. */
  #look(): void {
    // What is being written is neither the old nor the new.
    if (this.#isWriting) return;
    this.#trouble.trying(() => {
      if (this.#needsTable) return this.#push();
      if (this.#rules.count(this.#options.table) === this.#rulesWritten) return;
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
  #led(addresses: readonly NatAddress[]): Led[] {
    return addresses.flatMap((address) =>
      this.#conntrack
        .list(address.nat)
        .filter(({ asked, server }) => !isSameTarget(asked, server))
        .map((entry) => ({ ...entry, address })),
    );
  }

  /** Ends connections to servers that are not allowed any more. */
  #endOthers(addresses: readonly NatAddress[]): Promise<void> {
    return this.#endLed(addresses, ({ server, address }) => !address.allows(server));
  }

  async #endLed(addresses: readonly NatAddress[], which: (led: Led) => boolean): Promise<void> {
    if (addresses.length === 0) return;
    const idle = new Map<string, { address: NatAddress; server: Target; clients: Target[] }>();
    this.#trouble.trying(() => {
      for (const entry of this.#led(addresses)) {
        const { server, seenAs, address } = entry;
        if (!which(entry)) continue;
        if (entry.isHalfOpen) {
          this.#conntrack.delete(entry);
          continue;
        }
        const key = `${address.endpoint} ${targetText(server)}`;
        const group = idle.get(key) ?? { address, server, clients: [] };
        group.clients.push(seenAs);
        idle.set(key, group);
      }
    });
    // Nobody waits for a server that may be dead, but for the end.
    const killed = Promise.all(
      [...idle.values()].map(async ({ address, server, clients }) => {
        const refusal = await address.killClients(server, clients);
        if (refusal !== null) this.#trouble.warn(refusal);
      }),
    );
    if (this.#isClosed) await killed;
  }

  #release(): void {
    clearInterval(this.#check);
    this.#listening.close();
    this.#nft.close();
    this.#rules.close();
    this.#conntrack.close();
  }
}
