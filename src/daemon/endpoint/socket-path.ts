// The socket path: clients on this machine are led to the server at the moment of connect(), by the connect hook. After
// that their bytes flow directly, so there is nothing that could break or slow down.
//
// A route becomes an entry of the hook's map, with the deadline that the program itself checks. Connections to a server
// that left are reset by netlink's sock_diag: exactly those that the hook led, in this network namespace. UDP is never
// touched.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Route, type Target, isSameTarget, targetText } from '../../endpoint/route.ts';
import { dealSlots } from '../../endpoint/deal-slots.ts';
import { SLOTS, encodeEntry, encodePlace, isIpv4Place } from '../../endpoint/connect-hook/layout.ts';
import { failure, success, type Result } from '../../base/result.ts';
import { assert } from '../../base/assert.ts';
import { byteString } from '../../base/byte-string.ts';
import { bootClockMs } from '../../os/boot-clock.ts';
import { addressBytes, isPlainAddress } from '../../os/ip-address.ts';
import { isBpfFatal } from '../../os/bpf-sandbox.ts';
import { cgroupFolder } from '../../os/cgroup.ts';
import { networkNamespaceCookie } from '../../os/network-namespace.ts';
import { OsError } from '../../os/os-error.ts';
import { type TcpSocket, TcpSockets } from '../../os/tcp-sockets.ts';
import { ConnectHook } from './connect-hook.ts';
import { DeadlineTimer } from './deadline-timer.ts';
import { type ListenNames, Listening } from './listening.ts';
import type { RoutePath } from './route-path.ts';
import { Trouble } from './trouble.ts';

/** Where the hook is to work. */
export interface SocketPathScope {
  /** `--cgroup`: what {@link cgroupFolder} takes; null for every process of this machine that we may cover. */
  readonly cgroup: string | null;
  /** `--netns all`; false: this network namespace only. */
  readonly coversAllNamespaces: boolean;
}

export interface SocketPathOptions extends SocketPathScope {
  /** What clients connect to, by the endpoint's name. */
  readonly listens: ReadonlyMap<string, ListenNames>;
  /** Told trouble, in sentences. */
  readonly warn: (sentence: string) => void;
}

export interface SocketPathStatus {
  readonly path: 'socket';
  /** Folder of the cgroup whose processes are covered. */
  readonly cgroup: string;
  readonly networkNamespaces: 'this' | 'all';
  /** Connections that were reset since the start. */
  readonly connectionsReset: number;
  /** What this covers and what it doesn't. */
  readonly sentences: readonly string[];
}

/**
 * When to look again for connections that a connect() made which had read the old entry, but was not yet visible when
 * we looked.
 */
const SECOND_LOOK_MS = 100;
/** Resets in one go: a reset takes some 80 microseconds, and the daemon has other things to do meanwhile. */
const RESETS_PER_TURN = 64;

const textOf = (place: Uint8Array): string => byteString(place, 0, place.length);
const placeOf = ({ host, port }: Target): Uint8Array => encodePlace(addressBytes(host), port);

/** An address that clients connect to. */
interface Listen {
  readonly target: Target;
  readonly place: Uint8Array;
  /** Places that it leads to, and all that it ever led to, as text. */
  current: ReadonlySet<string>;
  readonly ever: Set<string>;
  /** False: clients are not led from it any more, but those who were are still ours to reset. */
  isListed: boolean;
}

interface Endpoint {
  listens: readonly Listen[];
  route: Route | null;
  readonly timer: DeadlineTimer;
  /** It goes, with all its connections. */
  isLeaving: boolean;
}

/** Why the socket path can't be used here, as a sentence with the next step; null if it can. Attaches nothing. */
export function socketPathProblem(scope: SocketPathScope): string | null {
  const loaded = load(scope);
  if (!loaded.ok) return loaded.problem.sentence;
  loaded.value.hook.close();
  loaded.value.sockets.close();
  return null;
}

interface Loaded {
  readonly hook: ConnectHook;
  readonly sockets: TcpSockets;
  readonly folder: string;
}

function load({ cgroup, coversAllNamespaces }: SocketPathScope): Result<Loaded> {
  const folder = cgroupFolder(cgroup);
  if (!folder.ok) return folder;
  if (isBpfFatal()) {
    const sentence =
      "bpf(2) would end this process: its sandbox kills whoever calls that (systemd's SystemCallFilter=): name bpf there, too, or use --path relay";
    return failure({ code: 'socket-path', sentence });
  }
  let sockets: TcpSockets | undefined;
  try {
    sockets = new TcpSockets();
    const hook = new ConnectHook(coversAllNamespaces ? null : networkNamespaceCookie());
    try {
      sockets.checkDestroy();
    } catch (error) {
      hook.close();
      throw error;
    }
    return success({ hook, sockets, folder: folder.value });
  } catch (error) {
    sockets?.close();
    return refusal(error);
  }
}

function refusal(error: unknown): Result<never> {
  if (!(error instanceof OsError)) throw error;
  return failure({ code: 'socket-path', sentence: error.message });
}

export class SocketPath implements RoutePath {
  readonly #options: SocketPathOptions;
  readonly #trouble: Trouble;
  readonly #hook: ConnectHook;
  readonly #sockets: TcpSockets;
  readonly #folder: string;
  readonly #listening: Listening;
  readonly #endpoints = new Map<string, Endpoint>();
  #secondLook: NodeJS.Timeout | undefined;
  /** One after the other. */
  #looks = Promise.resolve();
  #connectionsReset = 0;
  #isClosed = false;

  /** Loads and attaches the hook; every endpoint leads nowhere yet. */
  static open(options: SocketPathOptions): Result<SocketPath> {
    const loaded = load(options);
    if (!loaded.ok) return loaded;
    const { hook, sockets, folder } = loaded.value;
    let listening: Listening | undefined;
    try {
      listening = new Listening(options.warn);
      const path = new SocketPath(options, loaded.value, listening);
      path.add(options.listens);
      hook.attach(folder);
      return success(path);
    } catch (error) {
      listening?.close();
      hook.close();
      sockets.close();
      return refusal(error);
    }
  }

  private constructor(options: SocketPathOptions, { hook, sockets, folder }: Loaded, listening: Listening) {
    this.#options = options;
    this.#trouble = new Trouble(options.warn);
    this.#hook = hook;
    this.#sockets = sockets;
    this.#folder = folder;
    this.#listening = listening;
    listening.onChange = () => this.#trouble.trying(() => this.#relist());
  }

  /** More endpoints, which lead nowhere yet. Throws an OsError. */
  add(listens: ReadonlyMap<string, ListenNames>): void {
    for (const [name, names] of listens) {
      this.#listening.add(name, names);
      const timer = new DeadlineTimer(() => this.#lapse(name));
      this.#endpoints.set(name, { listens: [], route: null, timer, isLeaving: false });
    }
    this.#relist();
  }

  apply(route: Route): void {
    assert(!this.#isClosed, 'a route for a path that was closed');
    const endpoint = this.#endpoints.get(route.endpoint);
    assert(endpoint !== undefined, `a route for ${route.endpoint}, which the socket path does not carry`);
    const isChange = endpoint.route?.generation !== route.generation;
    endpoint.route = route;
    for (const listen of endpoint.listens) this.#lead(listen, route, isChange);
    endpoint.timer.set(route.deadline);
    if (isChange && route.endsOthers) this.#resetOthers();
  }

  avoid(endpoint: string, servers: readonly Target[]): void {
    this.#listening.avoid(endpoint, servers);
  }

  endSessions(endpoints: readonly string[], server: Target): void {
    // Nobody was ever led to a name that was not resolved.
    if (!isPlainAddress(server.host)) return;
    const place = new Set([textOf(placeOf(server))]);
    const listens = endpoints.flatMap((name) => this.#endpoints.get(name)?.listens ?? []);
    const led = new Map(listens.map((listen) => [textOf(listen.place), place]));
    this.#looks = this.#looks.then(async () => void (await this.#reset(led)));
  }

  async drop(names: readonly string[]): Promise<void> {
    for (const name of names) {
      this.#listening.drop(name);
      const endpoint = this.#endpoints.get(name);
      if (endpoint === undefined) continue;
      endpoint.isLeaving = true;
      endpoint.timer.clear();
      for (const listen of endpoint.listens) this.#leadNowhere(listen);
    }
    await this.#looked();
    // What a connect() had just read.
    await nextTurn();
    await this.#looked();
    for (const name of names) {
      for (const listen of this.#endpoints.get(name)?.listens ?? []) this.#unlist(listen);
      this.#endpoints.delete(name);
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#secondLook);
    await this.drop([...this.#endpoints.keys()]);
    this.#listening.close();
    this.#hook.close();
    this.#sockets.close();
  }

  status(): SocketPathStatus {
    const { coversAllNamespaces } = this.#options;
    const sentences = [
      `Covers the processes of the cgroup ${this.#folder} and of those below it.`,
      coversAllNamespaces
        ? 'Covers every network namespace; connections made in another one than ours can not be reset at a switch.'
        : 'Covers this network namespace only: programs in containers with a network of their own are not led.',
      'New clients are dealt out by weight: leastconn and maxconn of servers are not to be had here.',
      ...this.#hook.limits,
    ];
    return {
      path: 'socket',
      cgroup: this.#folder,
      networkNamespaces: coversAllNamespaces ? 'all' : 'this',
      connectionsReset: this.#connectionsReset,
      sentences,
    };
  }

  /** Takes up the addresses that are new, and leaves those that are gone, but not the connections made by them. */
  #relist(): void {
    for (const [name, endpoint] of this.#endpoints) {
      if (endpoint.isLeaving) continue;
      const wanted = this.#listening.targets(name);
      for (const listen of endpoint.listens) {
        if (!wanted.some((target) => isSameTarget(target, listen.target))) this.#unlist(listen);
      }
      for (const target of wanted) {
        let listen = endpoint.listens.find((one) => isSameTarget(one.target, target));
        if (listen?.isListed === true) continue;
        if (listen === undefined) {
          const [current, ever] = [new Set<string>(), new Set<string>()];
          listen = { target, place: placeOf(target), current, ever, isListed: true };
          endpoint.listens = [...endpoint.listens, listen];
        }
        listen.isListed = true;
        if (endpoint.route === null) this.#leadNowhere(listen);
        else this.#lead(listen, endpoint.route, false);
      }
    }
  }

  /** Whoever asks for this address gets what is there. */
  #unlist(listen: Listen): void {
    if (!listen.isListed) return;
    listen.isListed = false;
    this.#trouble.trying(() => this.#hook.deleteEntry(listen.place));
  }

  #setEntry({ place, isListed }: Listen, entry: Uint8Array): void {
    if (isListed) this.#trouble.trying(() => this.#hook.setEntry(place, entry));
  }

  /** Writes the entry of one address. */
  #lead(listen: Listen, route: Route, isChange: boolean): void {
    // A socket for IPv4 can't be connected to IPv6.
    const isIpv4Only = isIpv4Place(listen.place);
    const servers = route.servers.flatMap((server) => {
      const place = isPlainAddress(server.host) ? placeOf(server) : null;
      if (place !== null && (!isIpv4Only || isIpv4Place(place))) return [{ server, place }];
      if (isChange) {
        const remedy =
          place === null
            ? 'that is no address that a connect() could be led to; name another one'
            : 'let the endpoint listen on an IPv6 address';
        this.#trouble.warn(
          `Clients of ${targetText(listen.target)} cannot be led to ${targetText(server)}: ${remedy}, or use --path relay.`,
        );
      }
      return [];
    });
    // All clients have this machine's address, so `source` gives them all one server, as `first` does.
    const isForOne = route.balance === 'first' || route.balance === 'source';
    const used = servers.slice(0, isForOne ? 1 : SLOTS);
    const dealt = dealSlots(
      used.map(({ server }) => server.weight),
      SLOTS,
    );
    const slots = dealt.map((index) => used[index]?.place).filter((place) => place !== undefined);
    listen.current = new Set(used.map(({ place }) => textOf(place)));
    for (const text of listen.current) listen.ever.add(text);
    this.#setEntry(listen, encodeEntry(route.deadline, slots));
  }

  #leadNowhere(listen: Listen): void {
    listen.current = new Set();
    this.#setEntry(listen, encodeEntry(0, []));
  }

  /** The program refuses new connections by itself; those there are end here. */
  #lapse(name: string): void {
    const endpoint = this.#endpoints.get(name);
    for (const listen of endpoint?.listens ?? []) this.#leadNowhere(listen);
    if (endpoint?.route?.endsOthers === true) this.#resetOthers();
  }

  #resetOthers(): void {
    void this.#looked();
    clearTimeout(this.#secondLook);
    this.#secondLook = setTimeout(() => void this.#looked(true), SECOND_LOOK_MS);
    this.#secondLook.unref();
  }

  #looked(isLast = false): Promise<void> {
    this.#looks = this.#looks.then(() => this.#look(isLast));
    return this.#looks;
  }

  /** Resets every connection that the hook led to where its endpoint does not lead any more. */
  async #look(isLast: boolean): Promise<void> {
    const gone = new Map<string, ReadonlySet<string>>();
    for (const { listens, route, isLeaving } of this.#endpoints.values()) {
      if (route?.endsOthers === false && !isLeaving) continue;
      const stands = route !== null && route.deadline > bootClockMs() && !isLeaving;
      const keeps = (stands ? (route.keeps ?? []) : []).filter(({ host }) => isPlainAddress(host));
      const kept = new Set(keeps.map((server) => textOf(placeOf(server))));
      for (const { place, current, ever } of listens) {
        gone.set(textOf(place), new Set([...ever].filter((text) => !current.has(text) && !kept.has(text))));
      }
    }
    const isDone = await this.#reset(gone);
    if (!isLast || !isDone) return;
    // Nobody is there any more; addresses of a cloud change for ever.
    for (const { place, current, ever } of [...this.#endpoints.values()].flatMap(({ listens }) => listens)) {
      for (const text of gone.get(textOf(place)) ?? []) if (!current.has(text)) ever.delete(text);
    }
  }

  /** Resets the connections that the hook led to these places, by the endpoint's. False: some could not be. */
  async #reset(gone: ReadonlyMap<string, ReadonlySet<string>>): Promise<boolean> {
    const suspects = new Set([...gone.values()].flatMap((places) => [...places]));
    if (suspects.size === 0) return true;
    const found: TcpSocket[] = [];
    let isDone = this.#trouble.trying(() => {
      for (const socket of this.#sockets.list()) {
        const place = textOf(encodePlace(socket.remoteAddress, socket.remotePort));
        if (!suspects.has(place)) continue;
        const led = this.#hook.ledSocket(socket.cookie);
        if (led === null || textOf(led.target) !== place) continue;
        if (gone.get(textOf(led.endpoint))?.has(place) === true) found.push(socket);
      }
    });
    for (let count = 0; count < found.length; count += RESETS_PER_TURN) {
      if (count > 0) await nextTurn();
      const isReset = this.#trouble.trying(() => {
        for (const socket of found.slice(count, count + RESETS_PER_TURN)) {
          if (this.#sockets.destroy(socket)) this.#connectionsReset++;
        }
      });
      isDone &&= isReset;
    }
    return isDone;
  }
}
