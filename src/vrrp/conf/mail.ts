// What keepalived.conf says about mail (vrrp.md §3.4): where it goes, and who asks for it.

import type { MailBlock } from './conf.ts';
import { type Report, show } from './problems.ts';
import type { Statement, Word } from './tree.ts';
import { integerIn, noMore, readBoolean, valueAt } from './values.ts';

const SMTP_PORT = 25;

/** `smtp_alert` as it was said, and where. */
export interface MailWish {
  readonly isWanted: boolean;
  readonly place: Word;
}

/** What a file may say for all who do not say it themselves; null: not said. */
export interface MailWishes {
  readonly smtpAlert: MailWish | null;
  readonly smtpAlertVrrp: MailWish | null;
  readonly smtpAlertChecker: MailWish | null;
}

/** What counts for virtual and real servers that do not say; null: nobody said. */
export function serverMailDefault({ smtpAlertChecker, smtpAlert }: MailWishes): boolean | null {
  return (smtpAlertChecker ?? smtpAlert)?.isWanted ?? null;
}

/** The value of `smtp_alert`; null: reported. */
export function readMailWish(report: Report, statement: Statement): MailWish | null {
  const isWanted = readBoolean(report, statement);
  return isWanted === null ? null : { isWanted, place: statement.keyword };
}

/** What counts for an instance or a group that said `own`. */
function wishOf(own: MailWish | null, defaults: MailWishes): MailWish | null {
  return own ?? defaults.smtpAlertVrrp ?? defaults.smtpAlert;
}

export function wantsMail(own: MailWish | null, defaults: MailWishes): boolean {
  return wishOf(own, defaults)?.isWanted ?? false;
}

/** `smtp_server ADDRESS [PORT]`; null: reported. */
export function readMailServer(report: Report, statement: Statement): MailBlock['server'] {
  const host = valueAt(report, statement, 0, 'an address or a name, and may take a port');
  noMore(report, statement, 2);
  const port = statement.values[1];
  const number = port === undefined ? SMTP_PORT : integerIn(report, port, 'the port', 1, 65_535);
  return host === null || number === null ? null : { host: host.text, port: number };
}

/**
 * The addresses in one line of notification_email. Every word is one, but those before a word in angle brackets are
 * the name that belongs to it.
 *
 * Differs from keepalived: there a name has to be in quotes with its address, and 2.2.7 sends both to the server.
 */
export function mailAddresses(words: readonly string[]): string[] {
  const addresses: string[] = [];
  let names: string[] = [];
  for (const word of words) {
    if (/^<.*>$/.test(word)) {
      addresses.push([...names, word].join(' '));
      names = [];
    } else if (word.includes('@')) {
      addresses.push(...names, word);
      names = [];
    } else {
      names.push(word);
    }
  }
  return [...addresses, ...names];
}

/** Somebody who may ask for mail. */
export interface Asking {
  readonly nameWord: Word;
  readonly smtpAlert: MailWish | null;
}

/** Mail that is asked for and can't be sent: keepalived says nothing, and people wait for it in vain. */
export function warnOfNoMail(
  mail: MailBlock,
  asking: readonly Asking[],
  defaults: MailWishes,
  report: Report,
): void {
  const missing = [
    ...(mail.server === null ? ['smtp_server'] : []),
    ...(mail.to.length === 0 ? ['notification_email'] : []),
  ];
  if (missing.length === 0) return;
  for (const { nameWord, smtpAlert } of asking) {
    const wish = wishOf(smtpAlert, defaults);
    if (wish?.isWanted !== true) continue;
    const who = wish === smtpAlert ? show(nameWord.text) : 'every instance and group';
    const sentence = `${who} asks for mail, and none is sent: there is no ${missing.join(' and no ')} in global_defs`;
    report.warn(wish.place, 'no-mail', sentence);
  }
}
