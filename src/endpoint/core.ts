// The state that every part of the endpoint machine shares, and its hands. Nothing here decides anything.

import type { ConnectionId, Effect, EndOfConnection, EventName, LogLevel } from './io.ts';
import type { Reply } from '../resp/reply.ts';
import { assert } from '../base/assert.ts';

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
  readonly #resolving = new Map<string, Set<(ips: readonly string[]) => void>>();

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
  resolve(host: string, answer: (ips: readonly string[]) => void): void {
    const waiting = this.#resolving.get(host);
    if (waiting !== undefined) {
      waiting.add(answer);
      return;
    }
    this.#resolving.set(host, new Set([answer]));
    this.emit({ kind: 'resolve', host });
  }

  resolved(host: string, ips: readonly string[]): void {
    const waiting = this.#resolving.get(host);
    this.#resolving.delete(host);
    for (const answer of waiting ?? []) answer(ips);
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
