// A model client: asks the members where the primary is, writes to it twice a second, and remembers what was
// acknowledged, so that a run can say what its failovers cost. It is no part of any rule: Sentinel promises no more than
// asynchronous replication does.

import type { EndOfConnection } from '../sentinel/io.ts';
import type { Network, Socket } from './network.ts';
import { Process } from './process.ts';
import type { Wire } from './wire.ts';
import { isCommand } from './wire.ts';
import type { Remote } from './witness.ts';

const WRITE_EVERY_MS = 500;
const PATIENCE_MS = 2_000;

export class Writer extends Process {
  readonly group: string;
  readonly acknowledged: string[] = [];
  readonly #network: Network;
  readonly #members: readonly Remote[];
  #socket: Socket | null = null;
  #isWriting = false;
  #askedMember = 0;
  #written = 0;
  #unanswered: string[] = [];
  #lastHeardAt = 0;

  constructor(network: Network, name: string, ip: string, group: string, members: readonly Remote[]) {
    super(name, ip);
    this.group = group;
    this.#network = network;
    this.#members = members;
  }

  start(): void {
    this.markStarted();
    this.#beat();
  }

  #beat(): void {
    const { now } = this.#network.timeline;
    if (this.#socket === null) this.#ask();
    else if (now - this.#lastHeardAt > PATIENCE_MS) this.#giveUp();
    else if (this.#isWriting) this.#write();
    this.#network.timeline.after(WRITE_EVERY_MS, () => this.#beat());
  }

  #write(): void {
    this.#written += 1;
    const id = `${this.name}:${this.#written}`;
    this.#unanswered.push(id);
    this.#socket?.write([['SET', id, 'x']]);
  }

  #giveUp(): void {
    this.#socket?.close();
    this.#forget();
  }

  #forget(): void {
    this.#socket = null;
    this.#isWriting = false;
    this.#unanswered = [];
  }

  #ask(): void {
    const member = this.#members[this.#askedMember % this.#members.length] as Remote;
    this.#askedMember += 1;
    this.#dial(member, [['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.group]], (items) => {
      const [reply] = items;
      this.#giveUp();
      if (reply === undefined || isCommand(reply) || reply.kind !== 'array') return;
      const [host, port] = reply.items;
      if (host?.kind !== 'bulk' || port?.kind !== 'bulk') return;
      this.#dial({ ip: host.value, port: Number(port.value) }, [], (replies) => this.#takeReplies(replies));
      this.#isWriting = true;
    });
  }

  #takeReplies(replies: readonly Wire[]): void {
    for (const reply of replies) {
      const id = this.#unanswered.shift();
      if (isCommand(reply)) continue;
      if (reply.kind !== 'simple') {
        this.#giveUp();
        return;
      }
      if (id !== undefined) this.acknowledged.push(id);
    }
  }

  #dial(to: Remote, first: readonly Wire[], received: (items: readonly Wire[]) => void): void {
    this.#lastHeardAt = this.#network.timeline.now;
    const socket = this.#network.connect(this, to.ip, to.port, {
      received: (items) => {
        if (this.#socket !== socket) return;
        this.#lastHeardAt = this.#network.timeline.now;
        received(items);
      },
      ended: (_reason: EndOfConnection) => {
        if (this.#socket === socket) this.#forget();
      },
    });
    socket.write(first);
    this.#socket = socket;
  }
}
