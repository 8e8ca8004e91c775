// What is too small for a file of tests of its own: lines, echoes, questions, commands.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { byteString } from '../../base/byte-string.ts';
import { commandOutcome, externalCheckCall } from './command-check.ts';
import { dnsQuery, dnsTrouble } from './dns-query.ts';
import type { DialogueStep } from './dialogue.ts';
import { fileOutcome } from './file-check.ts';
import { echoRequest, internetChecksum, isEchoReply } from './echo.ts';
import { RedisPing, SmtpGreeting } from './line-checks.ts';

const bytes = (data: Uint8Array): string => byteString(data, 0, data.length);

function told(steps: readonly DialogueStep[]): string {
  const last = steps.at(-1);
  if (last?.kind !== 'end') return 'waits';
  return last.outcome.isUp ? 'up' : last.outcome.detail;
}

describe('PING', () => {
  const ping = (credentials: { user: string | null; password: string } | null): RedisPing => {
    const check = new RedisPing({ kind: 'redis-ping', host: null, port: null, credentials, tls: null });
    check.begin();
    return check;
  };

  it('is good when PONG comes, in any split', () => {
    const check = ping(null);
    assert.deepEqual(check.connected(), [{ kind: 'send', bytes: '*1\r\n$4\r\nPING\r\n' }]);
    assert.equal(told(check.received('+PO')), 'waits');
    assert.equal(told(check.received('NG\r\n')), 'up');
  });

  it('authenticates first, and says what was wrong with that', () => {
    const check = ping({ user: null, password: 'sesame' });
    assert.match(JSON.stringify(check.connected()), /AUTH.*sesame.*PING/);
    assert.equal(told(check.received('-WRONGPASS no\r\n+PONG\r\n')), "AUTH was answered by '-WRONGPASS no'");
  });

  it('says what a server answers instead', () => {
    const check = ping(null);
    check.connected();
    assert.equal(told(check.received('-NOAUTH x\r\n')), "PING was answered by '-NOAUTH x'");
    assert.equal(told(check.received('x'.repeat(5_000))), 'it answers with no end of line');
    assert.match(told(check.closed()), /closed the connection instead of \+PONG/);
  });
});

describe('SMTP', () => {
  it('greets, says HELO and leaves', () => {
    const check = new SmtpGreeting({ kind: 'smtp', host: null, port: null, heloName: 'me.example' });
    assert.deepEqual(check.begin()[0], {
      kind: 'connect',
      host: null,
      port: 25,
      tls: null,
      proxyVersion: null,
    });
    assert.deepEqual(check.connected(), []);
    assert.deepEqual(check.received('220-hello\r\n220 there\r\n'), [
      { kind: 'send', bytes: 'HELO me.example\r\n' },
    ]);
    assert.equal(told(check.received('250 ok\r\n')), 'up');
  });

  it('is down for another code', () => {
    const check = new SmtpGreeting({ kind: 'smtp', host: null, port: null, heloName: 'x' });
    assert.equal(told(check.received('554 go away\r\n')), "it greets with '554 go away'");
  });
});

describe('echo', () => {
  it('has a checksum that sums up to zero, and knows its reply (RFC 792)', () => {
    const data = Uint8Array.of(1, 2, 3);
    const request = echoRequest('ipv4', 0x1234, 0x5678, data);
    assert.equal(internetChecksum(request), 0);
    const reply = Uint8Array.from(request);
    reply[0] = 0;
    assert.equal(isEchoReply('ipv4', reply, 0x5678, data), true);
    assert.equal(isEchoReply('ipv4', request, 0x5678, data), false);
    assert.equal(isEchoReply('ipv4', reply, 0x5679, data), false);
    assert.equal(isEchoReply('ipv4', reply, 0x5678, Uint8Array.of(1, 2, 4)), false);
  });
});

describe('DNS', () => {
  it('asks one question (RFC 1035 §4.1)', () => {
    const query = dnsQuery(0x0102, 'a.bc', 'SOA');
    assert.ok(query !== null);
    assert.equal(
      bytes(query),
      '\x01\x02\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x02bc\x00\x00\x06\x00\x01',
    );
    assert.equal(bytes(dnsQuery(1, '.', 'A') ?? new Uint8Array()).length, 17);
    for (const [name, type] of [
      ['a..b', 'A'],
      ['x'.repeat(64), 'A'],
      ['a', 'NONSENSE'],
    ] as const) {
      assert.equal(dnsQuery(1, name, type), null);
    }
  });

  it('takes only an answer to its own question, and names an error', () => {
    const answer = (flags: number, code: number): Uint8Array =>
      Uint8Array.of(1, 2, flags, code, 0, 1, 0, 0, 0, 0, 0, 0);
    assert.equal(dnsTrouble(0x0102, answer(0x81, 0x80)), '');
    assert.equal(dnsTrouble(0x0102, answer(0x81, 0x83)), 'NXDOMAIN');
    assert.equal(dnsTrouble(0x0103, answer(0x81, 0x80)), null);
    assert.equal(dnsTrouble(0x0102, answer(0x01, 0)), null);
  });
});

describe('commands', () => {
  it('says by exit code what it found (misc_dynamic: keepalived.conf(5))', () => {
    assert.deepEqual(commandOutcome({ saysWeight: false }, 0, 0), { isUp: true, detail: '', weight: null });
    assert.equal(commandOutcome({ saysWeight: false }, 2, 0).isUp, false);
    assert.deepEqual(commandOutcome({ saysWeight: true }, 52, 0), { isUp: true, detail: '', weight: 50 });
    assert.equal(commandOutcome({ saysWeight: true }, 1, 0).isUp, false);
    assert.equal(commandOutcome({ saysWeight: true }, 0, 9).detail, 'it was ended by signal 9');
  });

  it('tells an external check of HAProxy whom to check', () => {
    const call = externalCheckCall(
      {
        kind: 'command',
        argv: ['/bin/x'],
        user: null,
        group: null,
        saysWeight: false,
        haproxy: {
          proxyName: 'redis',
          proxyId: 3,
          proxyAddress: null,
          proxyPort: null,
          serverName: 'a',
          serverId: 1,
          serverConnectionsMax: null,
          path: '/usr/bin',
        },
      },
      { host: '10.0.0.1', port: 6379 },
    );
    assert.deepEqual(call.args, ['NOT_USED', 'NOT_USED', '10.0.0.1', '6379']);
    assert.equal(call.environment['HAPROXY_SERVER_NAME'], 'a');
    assert.equal(call.environment['PATH'], '/usr/bin');
  });
});

describe('a file', () => {
  const found = (weight: number, text: string | null): string => {
    const { isUp, weight: change } = fileOutcome({ weight }, text);
    return isUp ? `up ${change}` : 'down';
  };

  it('without a weight takes the server out while it is not 0', () => {
    assert.deepEqual(
      ['0', ' 1\n', '-1', '', 'on', null].map((text) => found(0, text)),
      ['up 0', 'down', 'down', 'up 0', 'up 0', 'up 0'],
    );
  });

  it('with a weight changes that of the server, and takes it out from -254 down', () => {
    assert.deepEqual(
      ['2', '0', '-126', '-127'].map((text) => found(2, text)),
      ['up 4', 'up 0', 'up -252', 'down'],
    );
    assert.deepEqual([found(-1, '0'), found(-3, '1')], ['up 0', 'up -3']);
  });
});
