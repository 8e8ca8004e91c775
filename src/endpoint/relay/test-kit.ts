// A stage for the relay's tests: clients whose bytes a test moves by hand, a relay, and the two servers of the model.

import { byteString, bytesOf } from '../../base/byte-string.ts';
import type { Client } from './client.ts';
import { LIMITS, type RelayLimits } from './limits.ts';
import { ModelData, ModelServer, ModelWire } from './model-servers.ts';
import { Relay } from './relay.ts';

/** Less than sockets have, as all is in the model. */
const HIGH_WATER_BYTES = 16;

/** A client's end. */
export class ModelClient extends ModelWire {
  /** All that was written to it, taken or not. */
  received = '';
  /** What is written to it waits until it is taken. */
  isSlow = false;

  write(parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      this.received += byteString(part, 0, part.length);
      if (this.isSlow) this.waitingBytes += part.length;
      this.needsDrain ||= this.waitingBytes >= HIGH_WATER_BYTES;
    }
  }
}

/** A relay between clients and two model servers, and a switch of them, step by step. */
export class Stage {
  readonly data = new ModelData();
  readonly servers: readonly [ModelServer, ModelServer];
  readonly relay: Relay;
  readonly wires: ModelClient[] = [];
  readonly clients: Client[] = [];
  readonly demoted: string[] = [];
  hasDrained = false;
  /** When the route does. */
  lapsesAtMs = Infinity;
  /** The primary that the relay does not lead to yet. */
  #promoted: ModelServer | null = null;
  #wantsFlush = false;
  #generation = 0;

  constructor(isTransparent = false, limits: Partial<RelayLimits> = {}) {
    this.servers = [new ModelServer('a', this.data, true), new ModelServer('b', this.data, false)];
    this.relay = new Relay({
      dial: ({ host }, events) => this.servers[host === 'a' ? 0 : 1].dial(events),
      wantsFlush: () => (this.#wantsFlush = true),
      checkTime: () => {
        if (this.relay.nowMs >= this.lapsesAtMs) this.relay.lapse();
      },
      sha1: (text) => `sha-${text}`,
      isTransparent,
      limits: { ...LIMITS, ...limits },
      rejection: { holdMsMax: 1_000, demoted: ({ host }, text) => this.demoted.push(`${host} ${text}`) },
    });
    this.lead(this.servers[0]);
  }

  get primary(): ModelServer {
    return this.servers[0].isPrimary ? this.servers[0] : this.servers[1];
  }

  get other(): ModelServer {
    return this.servers[0].isPrimary ? this.servers[1] : this.servers[0];
  }

  get connections() {
    return this.servers.flatMap(({ connections }) => connections).filter(({ isOver }) => !isOver);
  }

  lead(...servers: readonly ModelServer[]): void {
    this.leadKeeping([], ...servers);
  }

  /** `kept`: servers whose clients may stay. */
  leadKeeping(kept: readonly ModelServer[], ...servers: readonly ModelServer[]): void {
    this.relay.lead({
      endpoint: 'e',
      generation: ++this.#generation,
      servers: servers.map(({ host, port }) => ({ name: host, host, port, weight: 1, connectionsMax: null })),
      balance: 'roundrobin',
      deadline: Infinity,
      endsOthers: true,
      ...(kept.length === 0 ? {} : { keeps: kept.map(({ host, port }) => ({ host, port })) }),
      because: 'the test says so',
    });
  }

  connect(): number {
    const wire = new ModelClient();
    this.wires.push(wire);
    return this.clients.push(this.relay.accept(wire)) - 1;
  }

  send(who: number, text: string): void {
    if (text !== '') this.clients[who]?.received(bytesOf(text));
  }

  /** It takes `count` bytes of what waits for it. */
  take(who: number, count = Infinity): void {
    const [client, wire] = [this.clients[who], this.wires[who]];
    if (client === undefined || wire === undefined || wire.waitingBytes === 0) return;
    const taken = Math.min(count, wire.waitingBytes);
    wire.takenBytes += taken;
    wire.waitingBytes -= taken;
    if (wire.waitingBytes > 0 || !wire.needsDrain) return;
    wire.needsDrain = false;
    this.relay.clientDrained(client);
  }

  /** So much time passes. */
  pass(ms: number): void {
    this.relay.nowMs += ms;
    if (this.relay.nowMs >= this.relay.deadline()) this.relay.tick();
  }

  flush(): void {
    if (!this.#wantsFlush) return;
    this.#wantsFlush = false;
    this.relay.flush();
  }

  hold(): void {
    if (this.relay.isHolding || this.#promoted !== null) return;
    this.hasDrained = false;
    this.relay.beginHold(1_000, () => (this.hasDrained = true));
  }

  /** The servers change roles. */
  demote(): void {
    if (this.#promoted !== null) return;
    const { primary, other } = this;
    primary.isPrimary = false;
    other.isPrimary = true;
    this.#promoted = other;
    // As Redis does: whoever is blocked is sent back.
    for (const connection of primary.connections) {
      if (connection.blocked !== null) {
        connection.unblock('-UNBLOCKED force unblock from blocking operation, instance state changed\r\n');
      }
    }
  }

  /** The relay is told of it, in the midst of a hold or (`isHeld` false) out of the blue. */
  follow(isHeld = true): void {
    if (this.#promoted === null) return;
    if (isHeld && !this.relay.isHolding) this.relay.beginHold(1_000, () => (this.hasDrained = true));
    const promoted = this.#promoted;
    this.#promoted = null;
    this.lead(promoted);
    this.relay.release(false, isHeld);
  }

  /** The old one is gone, and the new one not known yet. */
  leadNowhere(): void {
    if (this.relay.isHolding && this.#promoted !== null) this.lead();
  }

  undo(): void {
    if (this.#promoted === null) this.relay.release(true);
  }

  /** Everything that is on its way arrives. */
  settle(): void {
    for (let round = 0; round < 1_000; round++) {
      this.flush();
      const busy = this.connections.filter(({ isBusy }) => isBusy);
      if (busy.length === 0 && !this.#wantsFlush) return;
      for (const connection of busy) {
        connection.serve();
        connection.reply();
      }
    }
    throw new Error('it never comes to rest');
  }
}
