// CLIENT PAUSE: until when nobody is served, and what waits meanwhile (sentinel.md §1.1, §1.6).

import { strictInteger } from '../../base/strict-integer.ts';
import { OK, error } from '../../resp/reply.ts';
import type { OwnHandler } from './desk.ts';
import type { Session } from './session.ts';

/** `write` holds back writing commands only, and a sentinel has none. */
export type PauseMode = 'all' | 'write';

export class Pause {
  #endsAt = -Infinity;
  #mode: PauseMode = 'write';
  /** The one command each held client was about to have served, in the order they came. */
  #waiting = new Map<Session, readonly string[]>();

  /** Begins a pause, or makes the present one longer or stricter; never shorter or milder. */
  begin(endsAt: number, mode: PauseMode, now: number): void {
    const isStricter = this.#endsAt > now && this.#mode === 'all';
    this.#mode = isStricter ? 'all' : mode;
    this.#endsAt = Math.max(this.#endsAt, endsAt);
  }

  end(): void {
    this.#endsAt = -Infinity;
  }

  /** Whether commands wait now. */
  holds(now: number): boolean {
    return this.#mode === 'all' && now < this.#endsAt;
  }

  add(session: Session, args: readonly string[]): void {
    this.#waiting.set(session, args);
  }

  forget(session: Session): void {
    this.#waiting.delete(session);
  }

  /** Takes out everything that waited. */
  take(): readonly (readonly [Session, readonly string[]])[] {
    const taken = [...this.#waiting];
    this.#waiting = new Map();
    return taken;
  }

  /** When something that waits can go on; Infinity if nothing does. */
  deadline(): number {
    return this.#waiting.size === 0 ? Infinity : this.#endsAt;
  }
}

export const clientPause: OwnHandler = ({ args, now }, { pause }) => {
  const mode = (args[3] ?? 'ALL').toUpperCase();
  if ((mode !== 'ALL' && mode !== 'WRITE') || args.length > 4) {
    return error('ERR CLIENT PAUSE mode must be WRITE or ALL');
  }
  const ms = strictInteger(args[2] ?? '');
  if (ms === null) return error('ERR timeout is not an integer or out of range');
  if (ms < 0) return error('ERR timeout is negative');
  pause.begin(now + ms, mode === 'ALL' ? 'all' : 'write', now);
  return OK;
};

export const clientUnpause: OwnHandler = (_call, { pause }) => {
  pause.end();
  return OK;
};
