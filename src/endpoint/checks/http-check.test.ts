import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CheckConf, HttpExpect } from './check-conf.ts';
import { HttpCheck, requestText } from './http-check.ts';

type HttpConf = Extract<CheckConf, { readonly kind: 'http' }>;

const conf = (expects: readonly HttpExpect[] = [], more: Partial<HttpConf> = {}): HttpConf => ({
  kind: 'http',
  host: null,
  port: null,
  tls: null,
  method: 'GET',
  path: '/',
  version: '1.0',
  headers: [],
  body: '',
  expects,
  ...more,
});

/** `up`, `down: why`, `waits`; the answer comes byte by byte. */
function verdict(expects: readonly HttpExpect[], answer: string, closes = true): string {
  const check = new HttpCheck(conf(expects), {
    matches: (pattern, text) => pattern.test(text),
    md5: (bytes) => `md5:${bytes}`,
  });
  check.begin();
  check.connected();
  const steps = [
    ...answer.split('').flatMap((byte) => check.received(byte)),
    ...(closes ? check.closed() : []),
  ];
  const last = steps.find((step) => step.kind === 'end');
  if (last?.kind !== 'end') return 'waits';
  return last.outcome.isUp ? 'up' : `down: ${last.outcome.detail}`;
}

const status = (from: number, to: number, isNegated = false): HttpExpect => ({
  kind: 'status',
  ranges: [[from, to]],
  isNegated,
});

describe('checks by HTTP', () => {
  it('asks as it is told to', () => {
    assert.equal(requestText(conf()), 'GET / HTTP/1.0\r\nConnection: close\r\n\r\n');
    const post = conf([], {
      method: 'POST',
      path: '/x',
      version: '1.1',
      headers: [
        ['Host', 'a'],
        ['connection', 'x'],
      ],
      body: 'ab',
    });
    assert.equal(
      requestText(post),
      'POST /x HTTP/1.1\r\nHost: a\r\nconnection: x\r\nContent-Length: 2\r\n\r\nab',
    );
  });

  it('takes 2xx and 3xx for good unless told otherwise', () => {
    assert.equal(verdict([], 'HTTP/1.1 200 OK\r\n', false), 'up');
    assert.equal(verdict([], 'HTTP/1.0 302\r\n', false), 'up');
    assert.equal(verdict([], 'HTTP/1.1 503 Service Unavailable\r\n', false), 'down: status 503');
    assert.equal(verdict([status(503, 503)], 'HTTP/1.1 503 x\r\n', false), 'up');
    assert.equal(verdict([status(200, 299, true)], 'HTTP/1.1 204 x\r\n', false), 'down: status 204');
  });

  it('judges a body when it is whole: by its length, its chunks, or the end of the connection', () => {
    const master: HttpExpect = { kind: 'string', text: 'master', isNegated: false };
    assert.equal(
      verdict([master], 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nmaster\n and more', false),
      'up',
    );
    assert.equal(
      verdict(
        [master],
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nmas\r\n3\r\nter\r\n0\r\n\r\n',
        false,
      ),
      'up',
    );
    assert.equal(verdict([master], 'HTTP/1.0 200 OK\r\n\r\nmas', false), 'waits');
    assert.match(verdict([master], 'HTTP/1.0 200 OK\r\n\r\nmas'), /lacks/);
    assert.match(verdict([{ ...master, isNegated: true }], 'HTTP/1.0 200 OK\r\n\r\nmaster'), /must not/);
    assert.equal(
      verdict([{ kind: 'regex', pattern: 'm.s', isNegated: false }], 'HTTP/1.0 200 OK\r\n\r\nmas'),
      'up',
    );
  });

  it('says which digest the body has', () => {
    const digest = (md5: string): readonly HttpExpect[] => [{ kind: 'digest', md5 }];
    assert.equal(verdict(digest('MD5:a'), 'HTTP/1.0 200 OK\r\n\r\na'), 'up');
    assert.match(verdict(digest('x'), 'HTTP/1.0 200 OK\r\n\r\na'), /digest of its body is md5:a/);
  });

  it('is down for what does not speak HTTP', () => {
    assert.equal(
      verdict([], '-ERR unknown command\r\n'),
      "down: it does not speak HTTP: '-ERR unknown command'",
    );
    assert.match(verdict([], ''), /does not speak HTTP/);
  });
});
