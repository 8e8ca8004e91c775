// Mail on its way: what is to be sent waits in a line and leaves one by one, so that nothing else ever waits for a mail
// server. A mail that fails is told in the log and not tried again, as in keepalived: what it says is soon old news.

import { hostPort } from '../base/host-port.ts';
import { deliver, type Delivery, type Letter, type MailSettings } from './smtp.ts';

/** More are not kept waiting; the oldest go. Every virtual router of an interface may have one to send at once. */
export const WAITING_MAX = 256;

/** Takes byte strings. */
export type MailLog = (level: 'verbose' | 'warning', sentence: string) => void;

export class Mailer {
  readonly #log: MailLog;
  readonly #waiting: Letter[] = [];
  readonly #end = new AbortController();
  #settings: MailSettings | null = null;
  /** Sends what waits; null: nothing does. */
  #work: Promise<void> | null = null;
  #dropped = 0;

  constructor(log: MailLog) {
    this.#log = log;
  }

  /** Counts from the next mail that leaves, also one that waits already. null: none does. */
  configure(settings: MailSettings | null): void {
    this.#settings = settings;
  }

  /** Both are byte strings. */
  send(subject: string, body: string): void {
    if (this.#settings === null) {
      return this.#log('verbose', `not mailed, for want of a server or of recipients: ${subject}`);
    }
    this.#waiting.push({ subject, body, at: new Date() });
    if (this.#waiting.length > WAITING_MAX) {
      this.#waiting.shift();
      this.#dropped += 1;
    }
    this.#work ??= this.#sendWaiting();
  }

  /** Settles when nothing waits any more; what has not been sent within `patienceMs` is given up. */
  async finish(patienceMs: number): Promise<void> {
    if (this.#work === null) return;
    const timer = setTimeout(() => this.#end.abort(), Math.max(0, patienceMs));
    await this.#work;
    clearTimeout(timer);
  }

  async #sendWaiting(): Promise<void> {
    // What else is to be done in this turn, adverts above all, goes first.
    await new Promise((resolve) => setImmediate(resolve));
    let unsent = 0;
    for (let letter = this.#waiting.shift(); letter !== undefined; letter = this.#waiting.shift()) {
      const settings = this.#settings;
      if (settings === null || this.#end.signal.aborted) {
        unsent += 1;
        continue;
      }
      const delivery = await deliver(letter, settings, this.#end.signal);
      if (delivery.kind === 'failed' && this.#end.signal.aborted) unsent += 1;
      else this.#report(letter, settings, delivery);
      this.#reportDropped(settings);
    }
    if (unsent > 0) {
      const why = this.#end.signal.aborted
        ? 'before this daemon had to end: is smtp_server slow, or down?'
        : 'since the new configuration has no server or no recipients';
      this.#log('warning', `${unsent} of the mails that waited could not be sent ${why}`);
    }
    this.#work = null;
  }

  #report({ subject }: Letter, { server }: MailSettings, delivery: Delivery): void {
    const where = hostPort(server.host, server.port);
    if (delivery.kind === 'failed') {
      const { reason, advice } = delivery;
      return this.#log('warning', `"${subject}" could not be mailed through ${where}: ${reason}; ${advice}`);
    }
    this.#log('verbose', `mailed: ${subject}`);
    if (delivery.refused.length === 0) return;
    // Differs from keepalived: one recipient who is refused keeps the mail from nobody else.
    const refused = delivery.refused.join(', ');
    this.#log('warning', `"${subject}" was refused by ${where} for ${refused}; check notification_email`);
  }

  #reportDropped({ server }: MailSettings): void {
    if (this.#dropped === 0) return;
    const where = hostPort(server.host, server.port);
    const sentence = `${this.#dropped} mails were dropped, the oldest of more than ${WAITING_MAX} that waited for ${where}`;
    this.#log('warning', `${sentence}: is it slow, or down?`);
    this.#dropped = 0;
  }
}
