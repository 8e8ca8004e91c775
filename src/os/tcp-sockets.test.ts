import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseTcpSocket, tcpSocketRequest } from './tcp-sockets.ts';

const AF_INET6 = 10;
/** What a 6.18 kernel said of a dual-stack socket from port 41000 to ::ffff:10.0.0.1 port 6379. */
const MESSAGE = Buffer.from(
  [
    '0a010200',
    'a02818eb',
    '00000000000000000000ffff0a000009',
    '00000000000000000000ffff0a000001',
    '00000000',
    '4200000001000000',
    '00'.repeat(20),
  ].join(''),
  'hex',
);

it('reads a socket: where to, its cookie, and what names it to the kernel', () => {
  const socket = parseTcpSocket(MESSAGE);
  assert.ok(socket);
  assert.equal(socket.family, AF_INET6);
  assert.equal(socket.remotePort, 6379);
  assert.equal(socket.remoteAddress.toString('hex'), '00000000000000000000ffff0a000001');
  assert.equal(socket.cookie.readBigUInt64LE(0), 0x1_0000_0042n);
  assert.equal(parseTcpSocket(Buffer.from([2, ...MESSAGE.subarray(1)]))?.remoteAddress.length, 4);
  assert.equal(parseTcpSocket(MESSAGE.subarray(0, 51)), null);
});

it('asks for one socket by all that names it', () => {
  const id = parseTcpSocket(MESSAGE)?.id;
  assert.ok(id);
  const request = tcpSocketRequest(AF_INET6, 0xffff_ffff, id);
  assert.equal(request.length, 56);
  assert.equal(request.subarray(0, 8).toString('hex'), '0a060000ffffffff');
  assert.equal(request.subarray(8).toString('hex'), MESSAGE.subarray(4, 52).toString('hex'));
});
