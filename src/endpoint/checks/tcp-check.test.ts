import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TcpCheckStep } from './check-conf.ts';
import type { DialogueStep, Matcher } from './dialogue.ts';
import { TcpCheck } from './tcp-check.ts';

const matches: Matcher = (pattern, text) => pattern.test(text);
type What = Extract<TcpCheckStep, { readonly kind: 'expect' }>['what'];

const send = (bytes: string): TcpCheckStep => ({ kind: 'send', bytes });
const expect = (what: What, pattern: string, more: { not?: true; min?: number } = {}): TcpCheckStep => ({
  kind: 'expect',
  what,
  pattern,
  isNegated: more.not === true,
  bytesMin: more.min ?? null,
  comment: null,
});

const tcpCheck = (steps: readonly TcpCheckStep[], matcher = matches): TcpCheck =>
  new TcpCheck({ kind: 'tcp-check', host: null, port: null, tls: null, steps }, matcher);

/** What came of it once the server has said `answer`, and, if `closed`, has closed. */
function verdict(step: TcpCheckStep, answer: string, closed = false): string {
  const check = tcpCheck([step]);
  check.begin();
  check.connected();
  const steps = [...check.received(answer), ...(closed ? check.closed() : [])];
  return told(steps) ?? `waits for ${check.waitsFor}`;
}

function told(steps: readonly DialogueStep[]): string | null {
  const last = steps.at(-1);
  if (last?.kind !== 'end') return null;
  return last.outcome.isUp ? 'up' : `down: ${last.outcome.detail}`;
}

describe('tcp-check, as HAProxy 2.6.12 was seen to do it', () => {
  const ladder = [
    send('AUTH sesame\r\n'),
    expect('string', '+OK'),
    send('PING\r\n'),
    expect('string', '+PONG'),
    send('info replication\r\n'),
    expect('string', 'role:master'),
    expect('rstring', 'connected_slaves:[1-9]'),
    send('QUIT\r\n'),
    expect('string', '+OK'),
  ];

  it('walks the ladder of the tutorials: connects by itself, and sends when the answer before was good', () => {
    const check = tcpCheck(ladder);
    assert.deepEqual(
      check.begin().map(({ kind }) => kind),
      ['connect'],
    );
    assert.deepEqual(check.connected(), [send('AUTH sesame\r\n')]);
    assert.deepEqual(check.received('+O'), []);
    assert.deepEqual(check.received('K\r\n'), [send('PING\r\n')]);
    assert.deepEqual(check.received('+PONG\r\n'), [send('info replication\r\n')]);
    // Both expects look at the same answer.
    assert.deepEqual(check.received('$60\r\nrole:master\r\nconnected_slaves:2\r\n'), [send('QUIT\r\n')]);
    assert.equal(told(check.received('+OK\r\n')), 'up');
  });

  it('waits for a primary on a replica until its time is over, and says for what', () => {
    assert.equal(
      verdict(expect('string', 'role:master'), 'role:slave\r\n'),
      "waits for expect string 'role:master' (step 1)",
    );
  });

  it('never shows what it sent', () => {
    const check = tcpCheck(ladder);
    check.begin();
    check.connected();
    assert.doesNotMatch(JSON.stringify([check.waitsFor, check.closed()]), /sesame/);
  });

  it('waits for a connection first, and counts steps as HAProxy does', () => {
    const check = tcpCheck([expect('string', 'x')]);
    check.begin();
    assert.equal(check.waitsFor, 'a connection');
    check.connected();
    assert.equal(check.waitsFor, "expect string 'x' (step 1)");
  });

  it('begins a new answer with each send', () => {
    const check = tcpCheck([send('a'), expect('string', '+OK'), send('b'), expect('string', '+OK')]);
    check.begin();
    check.connected();
    assert.deepEqual(check.received('+OK +OK'), [send('b')]);
    assert.equal(told(check.received('+OK')), 'up');
  });

  it('opens a connection of its own for each connect', () => {
    const connect = (port: number): TcpCheckStep => ({
      kind: 'connect',
      host: null,
      port,
      tls: null,
      proxyVersion: null,
    });
    const check = tcpCheck([connect(1), expect('string', 'x'), connect(2)]);
    assert.deepEqual(check.begin(), [connect(1)]);
    assert.deepEqual(check.connected(), []);
    assert.deepEqual(check.received('x'), [connect(2)]);
    assert.equal(told(check.connected()), 'up');
  });

  it('fails what was not found once no more can come: closed, or 16 KiB', () => {
    assert.equal(
      verdict(expect('string', 'nope'), '+OK abc', true),
      "down: expect string 'nope' (step 1): not in the answer",
    );
    assert.match(verdict(expect('string', 'nope'), 'x'.repeat(16_384)), /^down/);
    assert.match(verdict(expect('string', 'nope'), 'x'.repeat(16_383)), /^waits/);
  });

  it('passes what must not be there only when no more can come, or min-recv says so', () => {
    const not = (min?: number): TcpCheckStep =>
      expect('string', 'slave', { not: true, ...(min === undefined ? {} : { min }) });
    assert.match(verdict(not(), '+OK abc\r\n'), /^waits/);
    assert.equal(verdict(not(), '+OK abc\r\n', true), 'up');
    assert.equal(verdict(not(3), '+OK abc\r\n'), 'up');
    assert.match(verdict(not(), 'role:slave'), /holds what it must not/);
    // Shorter than the text itself: not judged.
    assert.match(verdict(not(2), 'foo'), /^waits/);
  });

  it('finds text behind a NUL, and binary, and hexadecimal in upper case', () => {
    const answer = 'aa\0role:master\xab\xcd';
    assert.equal(verdict(expect('string', 'role:master'), answer), 'up');
    assert.equal(verdict(expect('rstring', 'role:m.ster'), answer), 'up');
    assert.equal(verdict(expect('binary', '\xab\xcd'), answer), 'up');
    assert.equal(verdict(expect('rbinary', 'ABCD$'), answer), 'up');
    assert.match(verdict(expect('rbinary', 'abcd$'), answer), /^waits/);
  });

  it('is down when a pattern takes too long to match', () => {
    const check = tcpCheck([expect('rstring', '(a+)+$')], () => null);
    check.begin();
    check.connected();
    assert.match(told(check.received('aaaa')) ?? '', /takes too long/);
  });
});
