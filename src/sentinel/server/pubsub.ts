// Publish and subscribe: who hears which channel, and the frames they get, as arrays in RESP2 and pushes in RESP3
// (sentinel.md §1.2).

import { globMatches } from '../../base/glob.ts';
import { array, bulk, integer, NULL, push, type Reply } from '../../resp/reply.ts';
import type { Desk, OwnHandler } from './desk.ts';
import { wrongArity } from './replies.ts';
import type { Session } from './session.ts';

/** Listeners by channel and by pattern. Sessions keep what they listen to; this is the same seen from the other side. */
export class PubSub {
  readonly #byChannel = new Map<string, Set<Session>>();
  readonly #byPattern = new Map<string, Set<Session>>();

  /** Channels somebody hears. */
  get channelCount(): number {
    return this.#byChannel.size;
  }

  /** Patterns somebody hears. */
  get patternCount(): number {
    return this.#byPattern.size;
  }

  add(session: Session, name: string, isPattern: boolean): void {
    (isPattern ? session.patterns : session.channels).add(name);
    const listeners = isPattern ? this.#byPattern : this.#byChannel;
    const sessions = listeners.get(name) ?? new Set();
    sessions.add(session);
    listeners.set(name, sessions);
  }

  remove(session: Session, name: string, isPattern: boolean): void {
    (isPattern ? session.patterns : session.channels).delete(name);
    const listeners = isPattern ? this.#byPattern : this.#byChannel;
    const sessions = listeners.get(name);
    sessions?.delete(session);
    if (sessions?.size === 0) listeners.delete(name);
  }

  removeAll(session: Session): void {
    for (const channel of session.channels) this.remove(session, channel, false);
    for (const pattern of session.patterns) this.remove(session, pattern, true);
  }

  /** Hands a message to everyone who hears it, by channel first; returns how many frames that were. */
  publish(channel: string, message: string, send: (session: Session, frame: Reply) => void): number {
    let count = 0;
    for (const session of this.#byChannel.get(channel) ?? []) {
      send(session, frame(session, ['message', channel, message].map(bulk)));
      count += 1;
    }
    for (const [pattern, sessions] of this.#byPattern) {
      if (!globMatches(pattern, channel)) continue;
      for (const session of sessions) {
        send(session, frame(session, ['pmessage', pattern, channel, message].map(bulk)));
        count += 1;
      }
    }
    return count;
  }
}

function frame(session: Session, items: readonly Reply[]): Reply {
  return session.protocol === 3 ? push(items) : array(items);
}

/** One frame a name, so the client can count them; `null` when there was nothing to unsubscribe from. */
function confirm(desk: Desk, session: Session, what: string, name: string | null): void {
  const items = [bulk(what), name === null ? NULL : bulk(name), integer(session.subscriptionCount)];
  desk.push(session, frame(session, items));
}

/** SUBSCRIBE and PSUBSCRIBE. */
export const subscribe =
  (isPattern: boolean): OwnHandler =>
  ({ session, args }, desk) => {
    for (const name of args.slice(1)) {
      desk.pubsub.add(session, name, isPattern);
      confirm(desk, session, isPattern ? 'psubscribe' : 'subscribe', name);
    }
    return 'none';
  };

/** UNSUBSCRIBE and PUNSUBSCRIBE; without names, from all of that kind. */
export const unsubscribe =
  (isPattern: boolean): OwnHandler =>
  ({ session, args }, desk) => {
    const what = isPattern ? 'punsubscribe' : 'unsubscribe';
    const names = args.length > 1 ? args.slice(1) : [...(isPattern ? session.patterns : session.channels)];
    for (const name of names) {
      desk.pubsub.remove(session, name, isPattern);
      confirm(desk, session, what, name);
    }
    if (names.length === 0) confirm(desk, session, what, null);
    return 'none';
  };

/** PING: a status, or the message; a RESP2 subscriber gets a frame it can tell from a message. */
export const ping: OwnHandler = ({ session, args }) => {
  const [, message, ...more] = args;
  // The table only knows a least number of words.
  if (more.length > 0) return wrongArity('ping');
  if (session.isSubscribedOnly) return array([bulk('pong'), bulk(message ?? '')]);
  // Other sentinels count only a status as a sign of life (sentinel.md §12.5).
  return message === undefined ? { kind: 'simple', text: 'PONG' } : bulk(message);
};
