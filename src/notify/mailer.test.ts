// Mail through real conversations: with a real SMTP server, and with servers that no mail program was tested against.

import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Relay } from '../../test/harness/smtp-relay.ts';
import { until } from '../../test/harness/wait.ts';
import { Mailer, WAITING_MAX } from './mailer.ts';
import type { MailSettings } from './smtp.ts';

const SUBJECT = '[db1] VRRP Instance VI_1 - Entering MASTER state';
const BODY = '=> The addresses are held here now. <=';

function settings(port: number, more: Partial<MailSettings> = {}): MailSettings {
  return {
    server: { host: '127.0.0.1', port },
    helloName: 'db1.example.org',
    timeoutMs: 10_000,
    from: 'root@db1',
    to: ['ops@example.org'],
    ...more,
  };
}

/** One that sends as `conf` says, and what it logged. */
function mailer(conf: MailSettings | null): { readonly mailer: Mailer; readonly warnings: string[] } {
  const warnings: string[] = [];
  const mailer = new Mailer((level, sentence) => {
    if (level === 'warning') warnings.push(sentence);
  });
  mailer.configure(conf);
  return { mailer, warnings };
}

async function relay(t: TestContext, ...args: Parameters<typeof Relay.start>): Promise<Relay> {
  const started = await Relay.start(...args);
  t.after(() => started.close());
  return started;
}

const PATIENCE_MS = 60_000;

/** A server that answers every line as `answer` says; what it was told is in `said`. */
async function scripted(
  t: TestContext,
  answer: (line: string, isData: boolean) => string,
): Promise<{ readonly port: number; readonly said: string[] }> {
  const said: string[] = [];
  const port = await listen(t, (socket) => {
    let isData = false;
    let rest = '';
    socket.write('220 here\r\n');
    socket.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        said.push(line);
        const isEnd = isData && line === '.';
        if (isData && !isEnd) continue;
        const reply = answer(line, isEnd);
        isData = reply.startsWith('354');
        if (reply !== '') socket.write(`${reply}\r\n`);
      }
    });
  });
  return { port, said };
}

async function listen(t: TestContext, serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Answers as a simple server does. */
function plain(line: string, isEnd = false): string {
  if (isEnd) return '250 taken';
  if (line === 'DATA') return '354 go on';
  return line === 'QUIT' ? '221 bye' : '250 ok';
}

describe('a mail (vrrp.md §3.4)', () => {
  it('has the headers of ours, and reaches every recipient in the clear', async (t) => {
    const server = await relay(t);
    const conf = settings(server.port, {
      from: 'Redis pair <ha@example.org>',
      to: ['Ops Team <ops@example.org>', '"Anna B." <anna@example.org>'],
    });
    const { mailer: one, warnings } = mailer(conf);
    const before = Date.now();
    one.send(SUBJECT, BODY);
    await one.finish(PATIENCE_MS);
    assert.deepEqual(warnings, []);
    const [mail] = server.received;
    assert.ok(mail !== undefined);
    assert.equal(mail.hello, 'db1.example.org');
    assert.equal(mail.wasEncrypted, false, 'a certificate nobody signed must not matter');
    assert.equal(mail.from, 'ha@example.org');
    assert.deepEqual(mail.to, ['ops@example.org', 'anna@example.org']);
    assert.equal(mail.headers.get('Subject'), SUBJECT);
    assert.equal(mail.headers.get('X-Mailer'), 'Baton');
    assert.equal(mail.headers.get('From'), 'Redis pair <ha@example.org>');
    assert.equal(mail.headers.get('To'), 'Ops Team <ops@example.org>, "Anna B." <anna@example.org>');
    const date = Date.parse(mail.headers.get('Date') ?? '');
    assert.ok(date >= before - 1000 && date <= Date.now(), mail.headers.get('Date'));
    assert.match(mail.body, /^=> The addresses are held here now\. <=\r\n/);
  });

  it('may speak of names in any script', async (t) => {
    const server = await relay(t);
    const { mailer: one } = mailer(
      settings(server.port, { to: [Buffer.from('Jürgen <j@example.org>').toString('latin1')] }),
    );
    one.send(Buffer.from('[zürich] VRRP Instance 東 - Stopping').toString('latin1'), BODY);
    await one.finish(PATIENCE_MS);
    const { headers } = server.received[0] ?? assert.fail('nothing came');
    const decode = (word: string): string =>
      word.replaceAll(/=\?UTF-8\?Q\?(.*?)\?=\s?/gi, (_, text: string) =>
        decodeURIComponent(text.replaceAll('_', ' ').replaceAll('=', '%')),
      );
    assert.equal(decode(headers.get('Subject') ?? ''), '[zürich] VRRP Instance 東 - Stopping');
    assert.match(decode(headers.get('To') ?? ''), /^"?Jürgen"? ?<j@example\.org>$/);
  });

  it('is told line by line, to a server that knows only HELO too', async (t) => {
    const old = await scripted(t, (line, isEnd) =>
      line.startsWith('EHLO') ? '500 what?' : plain(line, isEnd),
    );
    const { mailer: one, warnings } = mailer(settings(old.port, { to: ['a@example.org', 'root'] }));
    one.send(SUBJECT, BODY);
    await one.finish(PATIENCE_MS);
    assert.deepEqual(warnings, []);
    const commands = old.said.filter((line) => /^(?:EHLO|HELO|MAIL|RCPT|DATA|QUIT|\.$)/.test(line));
    assert.deepEqual(commands, [
      'EHLO db1.example.org',
      'HELO db1.example.org',
      'MAIL FROM:<root@db1>',
      'RCPT TO:<a@example.org>',
      'RCPT TO:<root>',
      'DATA',
      '.',
      'QUIT',
    ]);
  });

  it('reaches a server by name, and over IPv6', async (t) => {
    const reaches = async (host: string, server: Relay): Promise<void> => {
      const { mailer: one, warnings } = mailer(settings(0, { server: { host, port: server.port } }));
      one.send(`to ${host}`, BODY);
      await one.finish(PATIENCE_MS);
      assert.deepEqual(warnings, []);
      assert.deepEqual(server.subjects, [`to ${host}`]);
    };
    await reaches('localhost', await relay(t));
    const server = await relay(t, '::1').catch(() => null);
    if (server === null) return t.skip('kernel: no IPv6');
    await reaches('::1', server);
  });

  it('goes to the others when one recipient is refused, and says which', async (t) => {
    const server = await relay(t, '127.0.0.1', 0, 'gone');
    const conf = settings(server.port, { to: ['gone@example.org', 'ops@example.org'] });
    const { mailer: one, warnings } = mailer(conf);
    one.send(SUBJECT, BODY);
    await one.finish(PATIENCE_MS);
    assert.deepEqual(server.received[0]?.to, ['ops@example.org']);
    assert.equal(warnings.length, 1);
    assert.match(
      warnings[0] ?? '',
      /MASTER state" was refused by 127\.0\.0\.1:\d+ for gone@example\.org \("550 .*"\); check notification_email$/,
    );
  });
});

describe('a mail that fails is one sentence with what to look at', () => {
  const failing = async (conf: MailSettings): Promise<string> => {
    const { mailer: one, warnings } = mailer(conf);
    one.send(SUBJECT, BODY);
    await one.finish(PATIENCE_MS);
    assert.equal(warnings.length, 1, warnings.join('\n'));
    return warnings[0] ?? '';
  };

  it('where nothing listens', async (t) => {
    const port = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo;
        server.close(() => resolve(port));
      });
    });
    assert.equal(
      await failing(settings(port)),
      `"${SUBJECT}" could not be mailed through 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}; ` +
        'check smtp_server, and that this host can reach it',
    );
    t.diagnostic('and a name that nobody knows');
    const server = { host: 'relay.invalid', port: 25 };
    assert.match(
      await failing(settings(0, { server })),
      /relay\.invalid:25: getaddrinfo .*; check smtp_server/,
    );
  });

  it('where the server accepts the connection and says nothing', async (t) => {
    const port = await listen(t, () => undefined);
    assert.match(
      await failing(settings(port, { timeoutMs: 100 })),
      /: it said nothing for 0\.1 s; check smtp_server/,
    );
    const later = await scripted(t, (line) => (line.startsWith('MAIL') ? '' : plain(line)));
    assert.match(await failing(settings(later.port, { timeoutMs: 100 })), /: it said nothing for 0\.1 s;/);
  });

  it('where the server never comes to an end', async (t) => {
    const port = await listen(t, (socket) => {
      const timer = setInterval(() => socket.write('220-and\r\n'), 20);
      socket.once('close', () => clearInterval(timer));
    });
    assert.match(await failing(settings(port, { timeoutMs: 100 })), /it (?:takes too long|said nothing)/);
  });

  it('where the server closes the connection', async (t) => {
    const port = await listen(t, (socket) => socket.end());
    assert.match(await failing(settings(port)), /: Connection closed unexpectedly; check smtp_server/);
  });

  for (const [step, answer, setting] of [
    ['EHLO', '421 not now', 'smtp_helo_name'],
    ['MAIL FROM', '553 who?', 'notification_email_from'],
    ['RCPT TO', '550 no such user\x1b[31m', 'notification_email'],
    ['DATA', '552 too much', 'who runs that server'],
  ] as const) {
    it(`where ${step} is refused`, async (t) => {
      const server = await scripted(t, (line, isEnd) =>
        line.startsWith(step) ? answer : plain(line, isEnd),
      );
      const sentence = await failing(settings(server.port));
      assert.match(
        sentence,
        new RegExp(`: it answered ${step} with "${answer.slice(0, 8)}.*"; .* ?${setting}$`),
      );
      assert.doesNotMatch(sentence, /\p{Cc}/u);
    });
  }

  it('where the server takes back the mail at its end', async (t) => {
    const server = await scripted(t, (line, isEnd) => (isEnd ? '554 spam' : plain(line)));
    assert.match(
      await failing(settings(server.port)),
      /: it answered DATA with "554 spam"; ask who runs that server$/,
    );
  });

  it('where an address is none', async (t) => {
    const server = await relay(t);
    const sentence = await failing(settings(server.port, { to: ['a\r\nRCPT TO:<b@example.org>'] }));
    assert.match(sentence, /could not be mailed .*; check notification_email/);
    assert.deepEqual(server.received, []);
  });
});

describe('mails that wait', () => {
  it('leave one by one, in order', async (t) => {
    const server = await relay(t);
    const { mailer: one } = mailer(settings(server.port));
    const subjects = Array.from({ length: 5 }, (_, index) => `mail ${index}`);
    for (const subject of subjects) one.send(subject, BODY);
    await one.finish(PATIENCE_MS);
    assert.deepEqual(server.subjects, subjects);
    assert.deepEqual([server.connections, server.busiest], [5, 1]);
  });

  it('are not more than a bound: the oldest are dropped, and counted in one line', async (t) => {
    const server = await scripted(t, plain);
    const { mailer: one, warnings } = mailer(settings(server.port));
    for (let index = 0; index < WAITING_MAX + 7; index += 1) one.send(`mail ${index}`, BODY);
    await one.finish(PATIENCE_MS);
    const subjects = server.said.filter((line) => line.startsWith('Subject: '));
    assert.equal(subjects.length, WAITING_MAX);
    assert.deepEqual([subjects[0], subjects.at(-1)], ['Subject: mail 7', `Subject: mail ${WAITING_MAX + 6}`]);
    assert.equal(warnings.length, 1);
    assert.match(
      warnings[0] ?? '',
      /^7 mails were dropped, the oldest of more than 256 that waited for 127\./,
    );
  });

  it('never make the one who sends them wait', async (t) => {
    const port = await listen(t, () => undefined);
    const { mailer: one, warnings } = mailer(settings(port, { timeoutMs: PATIENCE_MS }));
    let turns = 0;
    one.send('first', BODY);
    one.send('second', BODY);
    await until('the loop to go on', () => (turns += 1) > 3);
    const finished = one.finish(50);
    await finished;
    assert.deepEqual(warnings, [
      '2 of the mails that waited could not be sent before this daemon had to end: is smtp_server slow, or down?',
    ]);
  });

  it('go where the newest settings say, and nowhere if those have no server', async (t) => {
    const [old, next] = [await relay(t), await relay(t)];
    const { mailer: one, warnings } = mailer(settings(old.port));
    one.send('before', BODY);
    await until('the first mail', () => old.received.length === 1);
    one.configure(settings(next.port, { to: ['new@example.org'] }));
    one.send('after', BODY);
    await one.finish(PATIENCE_MS);
    assert.deepEqual([old.subjects, next.subjects], [['before'], ['after']]);
    assert.deepEqual(next.received[0]?.to, ['new@example.org']);
    one.send('too late', BODY);
    one.configure(null);
    one.send('unasked', BODY);
    await one.finish(PATIENCE_MS);
    assert.equal(next.received.length, 1);
    assert.deepEqual(warnings, [
      '1 of the mails that waited could not be sent since the new configuration has no server or no recipients',
    ]);
  });
});
