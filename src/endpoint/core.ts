// The state that every part of the endpoint machine shares, and its hands. Nothing here decides anything.

import type { ConnectionId, Effect, EndOfConnection, EventName, LogLevel } from './io.ts';
import type { Reply } from '../resp/reply.ts';
import { assert } from '../base/assert.ts';
import { AddressSlots } from './address-slots.ts';
import type { ServerConf, SlotConf } from './endpoint-conf.ts';

/** Which of several addresses of a name is wanted; absent: any, in their order. */
export type Naming = Pick<ServerConf, 'slot' | 'family'>;

/** `ips`: those that may be tried. `isKnown`: the name has addresses, also if there is none for who asks. */
type Answer = (ips: readonly string[], isKnown: boolean) => void;

export const namingOf = ({ slot, family }: Naming): Naming => ({
  ...(slot === undefined ? {} : { slot }),
  ...(family === undefined ? {} : { family }),
});

/** Why there is no address for one: `isKnown`: its name has some. */
export const noAddressText = (host: string, isKnown: boolean): string =>
  isKnown ? `${host} has no address left: other servers have each of them` : `${host} has no address`;

/** Whoever owns a connection is told of it here. */
export interface ConnectionOwner {
  connected(): void;
  disconnected(reason: EndOfConnection, detail: string): void;
  replied(reply: Reply): void;
}

export class Core {
  /** Of the step under way. */
  now = 0;
  #effects: Effect[] = [];
  #lastId = 0;
  readonly #owners = new Map<ConnectionId, ConnectionOwner>();
  /** Who waits for which name. */
  readonly #resolving = new Map<string, { readonly naming: Naming; readonly answer: Answer }[]>();
  readonly #slots = new AddressSlots();

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** What the step asked for so far; the list starts anew. */
  takeEffects(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** For connections and runs of checks; never the same twice. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  own(connection: ConnectionId, owner: ConnectionOwner): void {
    this.#owners.set(connection, owner);
  }

  disown(connection: ConnectionId): void {
    this.#owners.delete(connection);
  }

  ownerOf(connection: ConnectionId): ConnectionOwner | null {
    return this.#owners.get(connection) ?? null;
  }

  /** Asks for a name's addresses; `answer` is called within a later step. */
  resolve(host: string, naming: Naming, answer: Answer): void {
    const waiting = this.#resolving.get(host);
    if (waiting !== undefined) {
      waiting.push({ naming, answer });
      return;
    }
    this.#resolving.set(host, [{ naming, answer }]);
    this.emit({ kind: 'resolve', host });
  }

  resolved(host: string, ips: readonly string[]): void {
    const waiting = this.#resolving.get(host);
    this.#resolving.delete(host);
    for (const { naming, answer } of waiting ?? []) {
      const { slot, family } = naming;
      const isWanted = (ip: string): boolean => family === undefined || (family === 6) === ip.includes(':');
      const ordered = [...ips.filter(isWanted), ...ips.filter((ip) => !isWanted(ip))];
      const own = slot === undefined ? null : this.#slots.take(slot, ordered);
      if (slot === undefined) answer(ordered, ips.length > 0);
      else answer(own === null ? [] : [own], ips.length > 0);
    }
  }

  /** Which of several servers that share a name there are now. */
  keepSlots(slots: readonly SlotConf[]): void {
    this.#slots.keep(slots);
    const isThere = ({ slot }: Naming): boolean =>
      slot === undefined || slots.some(({ group, index }) => group === slot.group && index === slot.index);
    // Whoever asked before he went would take an address with him.
    for (const [host, waiting] of this.#resolving)
      this.#resolving.set(
        host,
        waiting.filter(({ naming }) => isThere(naming)),
      );
  }

  log(level: LogLevel, text: string): void {
    this.emit({ kind: 'log', level, text });
  }

  tell(level: 'info' | 'alarm', name: EventName, backend: string, text: string): void {
    this.emit({ kind: 'event', level, name, backend, text });
  }

  decide(backend: string, sentence: string): void {
    assert(sentence !== '', 'a decision has a reason');
    this.emit({ kind: 'decision', backend, sentence });
  }
}
