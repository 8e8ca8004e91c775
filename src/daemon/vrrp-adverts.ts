// The sockets for adverts: one for each interface, source, and group (or none, for unicast) that virtual routers use.
// They follow the interfaces: one that vanishes and comes back is another to the kernel.

import { AdvertSocket } from '../os/advert-socket.ts';
import { FrameSocket } from '../os/frame-socket.ts';
import type { OsError } from '../os/os-error.ts';
import type { Effect, Event } from '../vrrp/io.ts';
import { familyOf, isMulticast } from '../vrrp/ip-address.ts';
import type { Interfaces } from './vrrp-interfaces.ts';

type SendAdvert = Extract<Effect, { readonly kind: 'send-advert' }>;

/** What one virtual router needs. */
export interface AdvertWay {
  /** '' for the one that has the source. */
  readonly interface: string;
  readonly source: string;
  /** null: unicast. */
  readonly group: string | null;
  /** TTL or hop limit of what is sent. */
  readonly hops: number;
}

interface Open {
  readonly way: AdvertWay;
  readonly linkIndex: number;
  readonly socket: AdvertSocket;
}

export interface AdvertsOptions {
  readonly interfaces: Interfaces;
  readonly tell: (event: Event) => void;
  readonly warn: (sentence: string) => void;
}

export class Adverts {
  readonly #options: AdvertsOptions;
  readonly #open = new Map<string, Open>();
  /** Why a socket could not be opened, said once. */
  readonly #problems = new Map<string, string>();
  #frames: FrameSocket | null = null;

  constructor(options: AdvertsOptions) {
    this.#options = options;
  }

  /**
   * Opens what is missing and closes what nobody needs. False: something could not be opened, and was reported; it may
   * be tried again later.
   */
  keep(ways: readonly AdvertWay[]): boolean {
    const wanted = new Set(ways.map(keyOf));
    for (const [key, { socket }] of this.#open) {
      if (wanted.has(key)) continue;
      socket.close();
      this.#open.delete(key);
    }
    let isWhole = true;
    for (const way of ways) {
      try {
        this.#socketFor(way);
        this.#problems.delete(keyOf(way));
      } catch (error) {
        isWhole = false;
        const sentence = (error as Error).message;
        if (this.#problems.get(keyOf(way)) !== sentence) this.#options.warn(sentence);
        this.#problems.set(keyOf(way), sentence);
      }
    }
    return isWhole;
  }

  /** Throws if it can't be sent. */
  send({ interface: name, source, destination, ttl, bytes }: SendAdvert): void {
    const group = isMulticast(destination) ? destination : null;
    this.#socketFor({ interface: name, source, group, hops: ttl }).send(destination, bytes);
  }

  /** Sends a whole Ethernet frame. Throws if it can't be sent. */
  sendFrame(name: string, frame: Uint8Array): void {
    const link = this.#options.interfaces.link(name);
    if (link === null) throw new Error(`there is no interface ${name}`);
    this.#frames ??= new FrameSocket();
    this.#frames.send(link.index, frame);
  }

  /** Tells what has arrived up to now. */
  receiveWaiting(): void {
    for (const { socket } of this.#open.values()) socket.receiveWaiting();
  }

  close(): void {
    for (const { socket } of this.#open.values()) socket.close();
    this.#open.clear();
    this.#frames?.close();
  }

  #socketFor(way: AdvertWay): AdvertSocket {
    const { interfaces, tell, warn } = this.#options;
    const key = keyOf(way);
    const link = way.interface === '' ? interfaces.linkWith(way.source) : interfaces.link(way.interface);
    if (link === null) {
      throw new Error(
        way.interface === ''
          ? `no interface has the address ${way.source}`
          : `there is no interface ${way.interface}`,
      );
    }
    const found = this.#open.get(key);
    if (found?.linkIndex === link.index) return found.socket;
    found?.socket.close();
    this.#open.delete(key);
    const { name, index } = link;
    const socket = new AdvertSocket(
      { link: { name, index }, source: way.source, group: way.group, hops: way.hops },
      {
        packet: ({ source, destination, hops, bytes }) => {
          if (!this.#isFirst(key)) return;
          const family = familyOf(source);
          tell({ kind: 'packet', interface: name, family, source, destination, ttl: hops, bytes });
        },
        failed: (error: OsError) => warn(error.message),
      },
    );
    this.#open.set(key, { way, linkIndex: index, socket });
    return socket;
  }

  /** Sockets that differ only in how they send receive the same packets: one of them tells. */
  #isFirst(key: string): boolean {
    const mine = this.#open.get(key);
    if (mine === undefined) return false;
    for (const one of this.#open.values()) {
      if (one.linkIndex === mine.linkIndex && receivesSame(one.way, mine.way)) return one === mine;
    }
    return false;
  }
}

const keyOf = ({ interface: name, source, group, hops }: AdvertWay): string =>
  [name, source, group ?? '', hops].join(' ');

const receivesSame = (a: AdvertWay, b: AdvertWay): boolean =>
  a.group === b.group && (a.group !== null || a.source === b.source);
