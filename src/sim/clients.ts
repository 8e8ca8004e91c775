// The clients of a simulated member: connections that came in, what each asked and has not been answered yet, and those
// the machine wants held back until a vote is on disk.

import type { Reply } from '../resp/reply.ts';
import type { Event } from '../sentinel/io.ts';
import type { Socket } from './network.ts';
import type { Command } from './wire.ts';

/** What the desk needs of its member. */
export interface ClientsOwner {
  step(event: Event): void;
  /** In a turn of its own, if the process still lives. */
  soon(action: () => void): void;
  answered(command: Command, reply: Reply): Reply;
  /** `ip:port` of our end. */
  readonly listensAt: string;
}

interface Client {
  /** Null: the simulation itself, through a local socket that never fails. */
  readonly socket: Socket | null;
  readonly listener: ((reply: Reply) => void) | null;
  readonly unanswered: Command[];
  waiting: Command[];
  isHeld: boolean;
  outbox: Reply[];
}

export class Clients {
  readonly #owner: ClientsOwner;
  readonly #clients = new Map<number, Client>();
  readonly #touched = new Set<Client>();
  #last = 0;

  constructor(owner: ClientsOwner) {
    this.#owner = owner;
  }

  /** Nobody is connected any more. Ids go on growing. */
  clear(): void {
    this.#clients.clear();
    this.#touched.clear();
  }

  /** A new client; the answer is its id. */
  add(socket: Socket | null, listener: ((reply: Reply) => void) | null): number {
    this.#last += 1;
    const client = this.#last;
    this.#clients.set(client, {
      socket,
      listener,
      unanswered: [],
      waiting: [],
      isHeld: false,
      outbox: [],
    });
    this.#owner.step({
      kind: 'client-connected',
      client,
      address: socket === null ? '127.0.0.1:1' : `${socket.remoteIp}:${socket.remotePort}`,
      localAddress: this.#owner.listensAt,
      isLocal: socket === null,
      fd: 8 + client,
    });
    return client;
  }

  /** The other end closed. */
  gone(id: number): void {
    if (this.#clients.delete(id)) this.#owner.step({ kind: 'client-closed', client: id });
  }

  take(id: number, command: Command): void {
    const client = this.#clients.get(id);
    if (client === undefined) return;
    if (client.isHeld) {
      client.waiting.push(command);
      return;
    }
    client.unanswered.push(command);
    this.#owner.step({ kind: 'command', client: id, args: command });
  }

  answer(id: number, reply: Reply): void {
    const client = this.#clients.get(id);
    if (client === undefined) return;
    const command = client.unanswered.shift();
    const said = command === undefined ? reply : this.#owner.answered(command, reply);
    if (client.listener !== null) {
      client.listener(said);
      this.#owner.soon(() => this.gone(id));
      return;
    }
    client.outbox.push(said);
    this.#touched.add(client);
  }

  hold(id: number): void {
    const client = this.#clients.get(id);
    if (client !== undefined) client.isHeld = true;
  }

  release(id: number): void {
    const client = this.#clients.get(id);
    if (client === undefined || !client.isHeld) return;
    client.isHeld = false;
    this.#owner.soon(() => {
      while (!client.isHeld && this.#clients.has(id)) {
        const command = client.waiting.shift();
        if (command === undefined) return;
        this.take(id, command);
      }
    });
  }

  /** Closes once everything answered so far has been written. */
  close(id: number): void {
    const client = this.#clients.get(id);
    if (client === undefined) return;
    this.#clients.delete(id);
    client.socket?.write(client.outbox);
    client.outbox = [];
    client.socket?.close();
  }

  /** Writes what was answered since the last time. */
  flush(): void {
    for (const client of this.#touched) {
      const items = client.outbox;
      client.outbox = [];
      client.socket?.write(items);
    }
    this.#touched.clear();
  }
}
