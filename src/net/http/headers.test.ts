import assert from 'node:assert/strict';
import { it } from 'node:test';
import { headWithoutUpgrade, passedOn, requestLines } from './headers.ts';

const REQUEST = {
  method: 'GET',
  rawHeaders: ['Host', 'a'],
  isChunked: false,
  clientAddress: null,
  serverHost: '10.0.0.1:80',
  upgrade: null,
  isLast: false,
};

it('keeps what belongs to one connection from the next, and the order and spelling of the rest', () => {
  const lines = ['X-A', '1', 'Connection', 'close, X-Mine, Host', 'x-mine', '2', 'Keep-Alive', 'timeout=5'];
  assert.deepEqual(passedOn([...lines, 'x-a', '3', 'TE', 'trailers', 'HOST', 'h']), [
    'X-A',
    '1',
    'x-a',
    '3',
    'HOST',
    'h',
  ]);
});

it('a client cannot have the length of its body dropped', () => {
  assert.deepEqual(passedOn(['Connection', 'Content-Length', 'Content-Length', '3']), [
    'Content-Length',
    '3',
  ]);
});

it('names the client behind the proxies before us, the host where the client did not, and the end of a body', () => {
  assert.deepEqual(
    requestLines({
      ...REQUEST,
      rawHeaders: ['Host', 'a', 'X-Forwarded-For', '10.0.0.9'],
      clientAddress: '10.0.0.8',
    }),
    ['Host', 'a', 'X-Forwarded-For', '10.0.0.9', 'X-Forwarded-For', '10.0.0.8'],
  );
  assert.deepEqual(requestLines({ ...REQUEST, rawHeaders: [] }), ['Host', '10.0.0.1:80']);
  assert.deepEqual(requestLines({ ...REQUEST, method: 'POST' }), ['Host', 'a', 'Content-Length', '0']);
  assert.deepEqual(requestLines({ ...REQUEST, method: 'POST', isChunked: true }), [
    'Host',
    'a',
    'Transfer-Encoding',
    'chunked',
  ]);
  assert.deepEqual(requestLines({ ...REQUEST, upgrade: 'websocket' }), [
    'Host',
    'a',
    'Connection',
    'Upgrade',
    'Upgrade',
    'websocket',
  ]);
});

it('takes the wish for another protocol out of a head and leaves the rest', () => {
  const lines = ['Host', 'a', 'Connection', 'Upgrade, HTTP2-Settings, close', 'Upgrade', 'h2c'];
  assert.equal(
    headWithoutUpgrade('GET', '/x', '1.1', [...lines, 'HTTP2-Settings', 'AAMAAABk', 'Content-Length', '0']),
    'GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
  );
});
