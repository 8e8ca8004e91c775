// Clients that send more than a server answers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { command } from './model-servers.ts';
import { Stage } from './test-kit.ts';

const CHUNK_LENGTH = 65_536;

/** Sends requests of `who` until they are not read any more, or `length` of them are sent. Returns the number of them. */
function pour(stage: Stage, who: number, length: number): number {
  const requests = command('ECHO', `${who}${'x'.repeat(1_000)}`).repeat(500);
  let sent = 0;
  while (sent < length && stage.wires[who]?.isPaused === false) {
    for (let at = 0; at < requests.length; at += CHUNK_LENGTH) {
      stage.send(who, requests.slice(at, at + CHUNK_LENGTH));
      stage.flush();
    }
    sent += requests.length;
  }
  return (sent / requests.length) * 500;
}

it('a request that is longer than may wait for a server reaches it, also if it came before the server knew whose it is', () => {
  const stage = new Stage();
  const [one, other] = [stage.connect(), stage.connect()];
  for (const who of [one, other]) {
    stage.send(who, command('SELECT', '1'));
    stage.settle();
  }
  // It has the connection that is signed on.
  stage.send(other, command('WATCH', 'k'));
  stage.settle();
  const text = command('APPEND', 'k', 'x'.repeat(3_000_000));
  for (let at = 0; at < text.length; at += CHUNK_LENGTH) {
    stage.send(one, text.slice(at, at + CHUNK_LENGTH));
    // Several come in one turn, and are more than is known to be too much.
    if (at % (6 * CHUNK_LENGTH) === 0) stage.flush();
  }
  assert.equal(stage.wires[one]?.isPaused, true);
  stage.settle();
  assert.equal(stage.wires[one]?.isPaused, false);
  assert.equal(stage.wires[one]?.received, '+OK\r\n:3000000\r\n');
});

describe('requests that a server does not answer', () => {
  it('are kept up to a limit; then their client is not read from until some are answered, in order', () => {
    const keptBytesMax = 300_000;
    const stage = new Stage(false, { keptBytesMax });
    const [many, other] = [stage.connect(), stage.connect()];
    stage.send(many, command('PING'));
    stage.settle();
    const count = pour(stage, many, 100_000_000);
    assert.equal(stage.wires[many]?.isPaused, true);
    assert.ok(stage.relay.kept.bytes > keptBytesMax);
    assert.ok(stage.relay.kept.bytes < keptBytesMax + 2 * CHUNK_LENGTH);
    stage.send(other, command('APPEND', 'a', 'one'));
    stage.settle();
    assert.equal(stage.wires[other]?.received, ':3\r\n');
    assert.equal(stage.wires[many]?.isPaused, false);
    const reply = `$1001\r\n0${'x'.repeat(1_000)}\r\n`;
    assert.ok(stage.wires[many]?.received === `+PONG\r\n${reply.repeat(count)}`);
    assert.equal(stage.relay.kept.bytes, 0);
  });

  it('are kept up to a limit of all: then nobody has more than a few', () => {
    const stage = new Stage(true, { allHeldBytesMax: 500_000 });
    for (let who = 0; who < 20; who++) {
      stage.connect();
      stage.send(who, command('PING'));
    }
    stage.settle();
    for (let who = 0; who < 20; who++) pour(stage, who, 2_000_000);
    assert.ok(stage.relay.kept.bytes < 4_000_000);
    const more = stage.connect();
    stage.send(more, command('PING'));
    stage.settle();
    assert.equal(stage.wires[more]?.received, '+PONG\r\n');
    assert.equal(stage.relay.kept.bytes, 0);
  });
});
