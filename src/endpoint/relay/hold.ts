// Holding clients through a switch: no request is begun, replies in flight come home, and when the endpoint leads to the
// new primary everybody goes on. Whoever asked for it (CLIENT MAINT_NOTIFICATIONS) is told before and after, always
// both, also when nothing was switched.

import { bytesOf } from '../../base/byte-string.ts';
import type { Client } from './client.ts';
import type { Fate } from './writes.ts';

/** Which shards of a cluster it concerns, as text: Lettuce warns of each notification without, and nobody else reads it. */
const NO_SHARDS = '$2\r\n[]\r\n';

export class Hold {
  isOn = false;
  /** When clients go on in any case. */
  untilMs = Infinity;
  /** Begun because a server refused writes, not by order: it ends as soon as the endpoint leads elsewhere. */
  isOwn = false;
  /** It is over, but for subscribers that are not back yet. */
  isEnding = false;
  /** Of what was written before an ordered one. */
  fates: ReadonlySet<Fate> = new Set();
  /** Told once the last reply is home. */
  #onDrained: (() => void) | null = null;
  /** After a hold that brought nothing, refusals reach the clients until then. */
  #noneUntilMs = -Infinity;
  readonly #told = new Set<Client>();
  #number = 0;

  begin(untilMs: number, isOwn: boolean, onDrained: (() => void) | null): void {
    if (!this.isOn) this.#number++;
    this.isOn = true;
    this.isEnding = false;
    this.isOwn = isOwn;
    this.untilMs = untilMs;
    this.#onDrained = onDrained;
  }

  /** Whether refusals may begin a hold. */
  mayBegin(nowMs: number): boolean {
    return this.isOn || nowMs >= this.#noneUntilMs;
  }

  get awaitsDrained(): boolean {
    return this.#onDrained !== null;
  }

  drained(): void {
    const tell = this.#onDrained;
    this.#onDrained = null;
    tell?.();
  }

  /** `wasInVain`: refusals in the next `quietMs` are not held for. */
  end(nowMs: number, wasInVain: boolean, quietMs: number): void {
    this.isOn = false;
    this.isEnding = false;
    this.isOwn = false;
    this.untilMs = Infinity;
    this.#onDrained = null;
    this.fates = new Set();
    this.#noneUntilMs = wasInVain ? nowMs + quietMs : -Infinity;
  }

  /** Tells the client that a switch is under way or over, if it asked, once between two replies. */
  tell(client: Client, secondsLeft: number): void {
    if (client.isMidReply || client.isGone) return;
    // RESET and HELLO 2 end it.
    const hears = client.hearsOfSwitches && client.signOn.protocol === 3;
    if (this.isOn && hears && !this.#told.has(client)) {
      this.#told.add(client);
      say(client, `>4\r\n$12\r\nFAILING_OVER\r\n:${this.#number}\r\n:${secondsLeft}\r\n${NO_SHARDS}`);
    } else if (!this.isOn && this.#told.delete(client) && hears) {
      say(client, `>3\r\n$11\r\nFAILED_OVER\r\n:${this.#number}\r\n${NO_SHARDS}`);
    }
  }

  /** Those who know of a switch and not yet of its end. */
  get told(): ReadonlySet<Client> {
    return this.#told;
  }

  forget(client: Client): void {
    this.#told.delete(client);
  }
}

function say(client: Client, text: string): void {
  const bytes = bytesOf(text);
  client.deliver(bytes, 0, bytes.length);
}
