// How changes of virtual servers are told, with keepalived's means: commands, FIFOs and mails (vrrp.md §3).

import { Mailer } from '../../notify/mailer.ts';
import type { HookRunId } from '../../endpoint/io.ts';
import type { HookCommand } from '../../endpoint/virtual-conf.ts';
import type { FifoConf, MailConf } from '../../vrrp/router-conf.ts';
import { Fifos } from '../vrrp-fifos.ts';
import { Runs, type RunEnded } from '../vrrp-runs.ts';
import type { EndpointLog } from './endpoint-journal.ts';

export interface TellingOptions {
  readonly fifos: readonly FifoConf[];
  /** null: no mail is sent. */
  readonly mail: MailConf | null;
}

export class Telling {
  readonly #runs: Runs;
  readonly #fifos: Fifos;
  readonly #mailer: Mailer;

  constructor(log: EndpointLog, options: TellingOptions) {
    const warn = (sentence: string): void => log.write('warning', sentence);
    this.#runs = new Runs(warn);
    this.#fifos = new Fifos(warn);
    this.#mailer = new Mailer((level, sentence) => log.write(level, sentence));
    this.configure(options);
  }

  configure({ fifos, mail }: TellingOptions): void {
    this.#fifos.configure(fifos);
    this.#mailer.configure(mail);
  }

  run(run: HookRunId, command: HookCommand, ended: RunEnded): void {
    this.#runs.start(run, command, [], ended);
  }

  signal(run: HookRunId, signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#runs.signal(run, signal);
  }

  writeFifo(line: string): void {
    this.#fifos.write(line);
  }

  mail(subject: string, body: string): void {
    this.#mailer.send(subject, body);
  }

  /** Ends what runs; mails that wait get `mailMs`. */
  async close(mailMs: number): Promise<void> {
    this.#runs.killAll();
    this.#fifos.close();
    await this.#mailer.finish(mailMs);
  }
}
