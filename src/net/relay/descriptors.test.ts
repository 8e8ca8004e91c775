import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { it } from 'node:test';
import { Descriptors } from './descriptors.ts';

const socketOf = (): Socket => new EventEmitter() as unknown as Socket;

it('lets clients in while files are left for the rest, and says once that it does not any more', () => {
  const warnings: string[] = [];
  const descriptors = new Descriptors(1_024, (sentence) => warnings.push(sentence));
  assert.equal(descriptors.room, 896);
  const sockets = Array.from({ length: 448 }, socketOf);
  // One of each for the client, one for its server.
  for (const socket of sockets) assert.equal(descriptors.admit(socket, 2), 'welcome');
  assert.deepEqual(warnings, []);
  const refused = Array.from({ length: 112 }, socketOf);
  assert.deepEqual(
    refused.map((socket) => descriptors.admit(socket, 2)),
    [...Array.from({ length: 111 }, () => 'full'), 'exhausted'],
  );
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /may have 1024 files open.*LimitNOFILE=/);
  // Room comes back with those who leave, and what it says is said again only after calm.
  for (const socket of refused) socket.emit('close');
  for (const socket of sockets.slice(0, 1)) socket.emit('close');
  assert.equal(descriptors.admit(socketOf(), 2), 'welcome');
  descriptors.admit(socketOf(), 2);
  assert.equal(warnings.length, 1);
  for (const socket of sockets.slice(1)) socket.emit('close');
  while (descriptors.admit(socketOf(), 2) === 'welcome');
  assert.equal(warnings.length, 2);
});

it('keeps half of a small limit, and nothing where there is none', () => {
  const quiet = (): void => undefined;
  assert.equal(new Descriptors(100, quiet).room, 50);
  assert.equal(new Descriptors(null, quiet).room, Infinity);
});
