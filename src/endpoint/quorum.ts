// Whether a virtual server's living servers are enough, and telling people and programs of it and of each server: by
// commands, FIFO lines and mails, in keepalived's words (vrrp.md §2.3, §3.4). Of one cause the server is told first and
// then what it means for the virtual server.

import type { CheckedServer } from './checked-server.ts';
import type { Core } from './core.ts';
import type { HookLines } from './hook-lines.ts';
import type { RealConf, TellingConf, VirtualConf } from './virtual-conf.ts';

export class Quorum {
  readonly conf: VirtualConf;
  readonly #core: Core;
  readonly #backend: string;
  readonly #hooks: HookLines;
  /** null: not judged yet. */
  #isUp: boolean | null;

  /** `wasUp`: before a reload; null: there was none. */
  constructor(core: Core, backend: string, conf: VirtualConf, hooks: HookLines, wasUp: boolean | null) {
    this.#core = core;
    this.#backend = backend;
    this.conf = conf;
    this.#hooks = hooks;
    this.#isUp = wasUp;
  }

  get isUp(): boolean {
    return this.#isUp === true;
  }

  /** The server that says sorry is the one to serve. */
  get isSorry(): boolean {
    return !this.isUp && this.conf.sorry !== null;
  }

  /** The conditions, in this order: enough is gained; too little, or nothing, is left. In between all stays as it is. */
  judge(servers: readonly CheckedServer[]): void {
    const { quorum, hysteresis, sorry } = this.conf;
    const weight = servers.reduce((sum, server) => sum + (server.isAlive ? server.effectiveWeight : 0), 0);
    if (!this.isUp && weight >= quorum + hysteresis) {
      this.#isUp = true;
      this.#change(true, `its servers weigh ${weight}, and ${quorum + hysteresis} is enough`);
    } else if (this.isUp && (weight === 0 || weight < quorum - hysteresis)) {
      this.#isUp = false;
      this.#change(false, `its servers weigh ${weight}, and it takes ${Math.max(1, quorum - hysteresis)}`);
    } else if (this.#isUp === null) {
      this.#isUp = false;
      // Down from the start is worth a word where another server has to serve (as in keepalived).
      if (sorry !== null)
        this.#change(false, `its servers weigh ${weight}, and it takes ${quorum + hysteresis}`);
    }
  }

  serverChanged(real: RealConf, isAlive: boolean, why: string): void {
    const { label, routerId } = this.conf;
    const word = isAlive ? 'UP' : 'DOWN';
    this.#tell(real, isAlive, `RS ${real.label} ${label} ${word}\n`, {
      subject: `[${routerId}] Realserver ${real.label} of virtual server ${label} - ${word}`,
      body: isAlive ? '=> Its checks succeed. <=' : `=> ${why}. <=`,
    });
  }

  /** The daemon stops. */
  stop(servers: readonly CheckedServer[]): void {
    if (!this.conf.tellsStop) return;
    for (const { isAlive, conf } of servers) {
      if (isAlive && conf.real !== undefined) this.serverChanged(conf.real, false, 'The daemon stops');
    }
    if (this.isUp) this.#change(false, 'the daemon stops');
    this.#isUp = false;
  }

  #change(isUp: boolean, why: string): void {
    const { label, routerId } = this.conf;
    const word = isUp ? 'UP' : 'DOWN';
    const happened = isUp ? 'gained' : 'lost';
    this.#core.tell(isUp ? 'info' : 'alarm', 'quorum', this.#backend, `${happened}: ${why}`);
    this.#tell(this.conf, isUp, `VS ${label} ${word}\n`, {
      subject: `[${routerId}] Virtualserver ${label} - ${word}`,
      body: `=> It ${happened} its quorum: ${why}. <=`,
    });
  }

  #tell(
    conf: TellingConf,
    isUp: boolean,
    line: string,
    mail: { readonly subject: string; readonly body: string },
  ): void {
    const owner = conf === this.conf ? this.#backend : `${this.#backend} ${conf.label}`;
    this.#hooks.tell(owner, isUp ? conf.up : conf.down);
    if (this.conf.hasFifo) this.#core.emit({ kind: 'write-fifo', line });
    if (conf.sendsMail) this.#core.emit({ kind: 'send-mail', ...mail });
  }
}
