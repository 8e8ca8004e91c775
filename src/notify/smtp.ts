// One mail, told to an SMTP server in one conversation (RFC 5321).
//
// As keepalived does (vrrp.md §3.4) it speaks in the clear and logs in nowhere. STARTTLS is not used even where it is
// offered: the relay beside a pair of hosts often has a certificate that nobody signed, so the choice is to check
// nothing or to lose the mail that says that a host is gone; and there is no secret in it.

import { connect, isIP, type Socket } from 'node:net';
import { addAbortSignal } from 'node:stream';
import MailComposer from 'nodemailer/lib/mail-composer';
import SMTPConnection, { type SMTPEnvelope } from 'nodemailer/lib/smtp-connection';
import { hostPort } from '../base/host-port.ts';

/** Text is byte strings; an address is `user@host` or `Name <user@host>`. */
export interface MailSettings {
  readonly server: { readonly host: string; readonly port: number };
  /** What we call ourselves to the server. */
  readonly helloName: string;
  /** For connecting, and for every answer of the server. */
  readonly timeoutMs: number;
  readonly from: string;
  /** At least one. */
  readonly to: readonly string[];
}

/** What is to be mailed. Text is byte strings. */
export interface Letter {
  readonly subject: string;
  readonly body: string;
  /** When what it tells happened. */
  readonly at: Date;
}

/** What came of it. Text is byte strings, fit for a log. */
export type Delivery =
  /** The server has it. `refused`: the recipients it did not take, each with what it said of them. */
  | { readonly kind: 'accepted'; readonly refused: readonly string[] }
  /** It has not. `reason` says why, `advice` what to look at. */
  | { readonly kind: 'failed'; readonly reason: string; readonly advice: string };

/** A whole conversation may take so many times the patience for one answer. */
const WHOLE_CONVERSATION = 4;
/** How long the goodbye may take, after which the connection is cut: nothing depends on it. */
const GOODBYE_MS = 1000;
/** Of several addresses that a name has, the next one is tried after this. */
const NEXT_ADDRESS_MS = 1000;
const ANSWER_BYTES_MAX = 65_536;
const SHOWN_MAX = 200;

const toText = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

/** Never rejects. After `signal` it fails at once, unless the server has the mail already. */
export async function deliver(
  letter: Letter,
  settings: MailSettings,
  signal: AbortSignal,
): Promise<Delivery> {
  try {
    const mail = await compose(letter, settings);
    const socket = await reach(settings, signal);
    return await converse(socket, mail, settings);
  } catch (error) {
    return explain(error, settings.timeoutMs);
  }
}

interface Composed {
  readonly envelope: SMTPEnvelope;
  readonly message: Buffer;
}

async function compose({ subject, body, at }: Letter, { from, to }: MailSettings): Promise<Composed> {
  const sender = splitAddress(from);
  const recipients = to.map(splitAddress);
  const message = await new MailComposer({
    date: at,
    from: sender,
    subject: toText(subject),
    to: recipients,
    text: `${toText(body)}\n`,
    // What it is, for filters, and so that no holiday reply comes back (RFC 3834 §5).
    headers: { 'X-Mailer': 'Baton', 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  })
    .compile()
    .build();
  return { message, envelope: { from: sender.address, to: recipients.map(({ address }) => address) } };
}

/** Name and address of `Name <address>`. A name without an `@` is an address too: a user of the relay's own host. */
function splitAddress(bytes: string): { readonly name: string; readonly address: string } {
  const text = toText(bytes).trim();
  const [, name = '', address = text] = /^(.*?)\s*<([^<>]*)>$/.exec(text) ?? [];
  return { name: name.replace(/^"(.*)"$/, '$1'), address: address.trim() };
}

/** A connection to the server. How long its name may take is the resolver's business, and ends by itself. */
function reach({ server: { host, port }, timeoutMs }: MailSettings, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const name = toText(host);
    const socket = connect({
      host: name,
      port,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: Math.min(NEXT_ADDRESS_MS, timeoutMs),
    });
    addAbortSignal(signal, socket);
    let timer: NodeJS.Timeout | undefined;
    const isLate = (): void =>
      void socket.destroy(new Error(`no connection to ${hostPort(name, port)} within ${timeoutMs / 1000} s`));
    const watch = (): void => {
      timer ??= setTimeout(isLate, timeoutMs);
    };
    if (isIP(name) === 0) socket.once('lookup', watch);
    else watch();
    const failed = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

function converse(
  socket: Socket,
  { envelope, message }: Composed,
  { server, helloName, timeoutMs }: MailSettings,
): Promise<Delivery> {
  return new Promise((resolve) => {
    const connection = new SMTPConnection({
      connection: socket,
      host: toText(server.host),
      port: server.port,
      name: toText(helloName),
      secure: false,
      ignoreTLS: true,
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      socketCloseTimeout: 0,
      maxResponseSize: ANSWER_BYTES_MAX,
    });
    let outcome: Delivery | null = null;
    let goodbye: NodeJS.Timeout | undefined;
    const whole = setTimeout(
      () => finish(explain(new Error('it takes too long'), timeoutMs)),
      timeoutMs * WHOLE_CONVERSATION,
    );
    const leave = (): void => {
      clearTimeout(whole);
      clearTimeout(goodbye);
      connection.close();
      if (outcome !== null) resolve(outcome);
    };
    /** The first outcome counts: what goes wrong with the goodbye changes nothing. */
    const finish = (reached: Delivery): void => {
      if (outcome !== null) return;
      outcome = reached;
      if (connection.destroyed) return leave();
      clearTimeout(whole);
      goodbye = setTimeout(leave, GOODBYE_MS);
      connection.once('end', leave);
      connection.quit();
    };
    connection.on('error', (error) => {
      outcome ??= explain(error, timeoutMs);
      leave();
    });
    connection.connect((problem) => {
      if (problem !== undefined) return finish(explain(problem, timeoutMs));
      connection.send(envelope, message, (error, info) => {
        if (error !== null) return finish(explain(error, timeoutMs));
        const refused = (info?.rejectedErrors ?? []).map(({ recipient = '', response = '' }) =>
          fitForLog(`${recipient} ("${response}")`),
        );
        finish({ kind: 'accepted', refused });
      });
    });
  });
}

/** What to look at when a step of the conversation fails. */
const ADVICE: Readonly<Record<string, string>> = {
  EHLO: 'check smtp_helo_name',
  HELO: 'check smtp_helo_name',
  'MAIL FROM': 'check notification_email_from',
  'RCPT TO': 'check notification_email',
  DATA: 'ask who runs that server',
  API: 'check notification_email and notification_email_from',
};

interface Trouble {
  readonly message: string;
  /** nodemailer's: the step, and what the server answered to it. */
  readonly command?: string;
  readonly response?: string;
  readonly timeoutType?: string;
  /** Where a name has several addresses: each one's. */
  readonly errors?: readonly Error[];
}

function explain(error: unknown, timeoutMs: number): Delivery {
  const { message, command = '', response, timeoutType, errors } = error as Trouble;
  const advice = ADVICE[command] ?? 'check smtp_server, and that this host can reach it';
  let reason = message;
  if (errors !== undefined) reason = errors.map((one) => one.message).join(', ');
  if (timeoutType !== undefined) reason = `it said nothing for ${timeoutMs / 1000} s`;
  if (response !== undefined) reason = `it answered ${command in ADVICE ? command : 'us'} with "${response}"`;
  return { kind: 'failed', reason: fitForLog(reason), advice };
}

/** In one line, and not endless: some of it is what a stranger's server said. */
function fitForLog(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
  const short = line.length > SHOWN_MAX ? `${line.slice(0, SHOWN_MAX)}...` : line;
  return Buffer.from(short, 'utf8').toString('latin1');
}
