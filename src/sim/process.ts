// A running program as the network sees it: it can be frozen (SIGSTOP), and then its kernel goes on accepting
// connections and bytes for it; when it thaws it finds all of that waiting, in the order it came.

import type { Socket } from './network.ts';

export class Process {
  /** As the story calls it. */
  readonly name: string;
  /** The address of its machine. */
  readonly ip: string;
  readonly sockets = new Set<Socket>();
  #running = false;
  #frozen = false;
  #incarnation = 0;
  #inbox: (() => void)[] = [];

  constructor(name: string, ip: string) {
    this.name = name;
    this.ip = ip;
  }

  get running(): boolean {
    return this.#running;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  /** Running and not frozen. */
  get awake(): boolean {
    return this.#running && !this.#frozen;
  }

  /** Grows with each start, so that what an earlier life planned can be told apart. */
  get incarnation(): number {
    return this.#incarnation;
  }

  protected markStarted(): void {
    this.#running = true;
    this.#frozen = false;
    this.#incarnation += 1;
    this.#inbox = [];
  }

  protected markStopped(): void {
    this.#running = false;
    this.#frozen = false;
    this.#inbox = [];
  }

  /** Has the program look at something now, or when it thaws. */
  deliver(action: () => void): void {
    if (this.#frozen) this.#inbox.push(action);
    else if (this.#running) action();
  }

  freeze(): void {
    if (this.#running) this.#frozen = true;
  }

  /** Wakes it. Everything that came meanwhile is handed over first, as the daemon drains its sockets before it judges. */
  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    const { incarnation } = this;
    const waiting = this.#inbox;
    this.#inbox = [];
    for (const action of waiting) {
      if (this.#running && this.#incarnation === incarnation) action();
    }
  }

  /** The process is gone; its kernel closes what it had open (a reset where bytes were still unread). */
  protected closeSockets(how: 'closed' | 'reset' | 'silently'): void {
    for (const socket of this.sockets) {
      if (how === 'silently') socket.vanish();
      else if (how === 'reset') socket.reset();
      else socket.close();
    }
    this.sockets.clear();
  }
}
