// Subscribers whose server is replaced, against model servers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bulk, command } from './model-servers.ts';
import { Stage } from './test-kit.ts';

const confirmed = (kind: string, channel: string, count: number): string =>
  `*3\r\n${bulk(kind)}${bulk(channel)}:${count}\r\n`;

for (const isTransparent of [false, true]) {
  const whose = isTransparent ? 'a client with a connection of its own' : 'a client';
  describe(`a subscription of ${whose}`, () => {
    const staged = (): Stage => {
      const stage = new Stage(isTransparent);
      stage.connect();
      return stage;
    };
    /** The connection is lost when so many bytes of the replies to `text` have come. */
    const cutAt = (stage: Stage, text: string, bytes: number): void => {
      stage.send(0, text);
      for (let round = 0; round < 3; round++) {
        stage.flush();
        stage.connections[0]?.serve();
        if (round === 0) stage.connections[0]?.reply();
      }
      stage.connections[0]?.reply(bytes);
      stage.connections[0]?.cut();
      stage.settle();
    };

    it('that was confirmed in part is made for the rest, and for all at the next server', () => {
      const parts = ['x', 'y', 'z'].map((channel, at) => confirmed('subscribe', channel, at + 1));
      for (let count = 1; count <= 3; count++) {
        const stage = staged();
        cutAt(stage, command('SUBSCRIBE', 'x', 'y', 'z'), parts.slice(0, count).join('').length);
        assert.equal(stage.wires[0]?.received, parts.join(''), `${count} of them`);
        assert.equal(stage.wires[0]?.isOver, false);
        stage.demote();
        stage.follow();
        stage.settle();
        assert.deepEqual(stage.servers[1].seen, ['SUBSCRIBE x y z']);
        assert.equal(stage.clients[0]?.pinned.subscribing, 0);
      }
    });

    it('that was ended in part is ended whole', () => {
      for (const names of [['x', 'y', 'z'], []]) {
        const parts = ['x', 'y', 'z'].map((channel, at) => confirmed('unsubscribe', channel, 2 - at));
        for (let count = 1; count <= 3; count++) {
          const stage = staged();
          stage.send(0, command('SUBSCRIBE', 'x', 'y', 'z'));
          stage.settle();
          const [wire] = stage.wires;
          assert.ok(wire !== undefined);
          wire.received = '';
          cutAt(stage, command('UNSUBSCRIBE', ...names), parts.slice(0, count).join('').length);
          // A server that starts from nothing counts none.
          const received = wire.received.replace(/:\d+/g, ':');
          assert.equal(received, parts.join('').replace(/:\d+/g, ':'), `${count} of them`);
          assert.equal(stage.clients[0]?.pinned.isSubscribed, false);
          assert.equal(stage.clients[0]?.pinned.hearsMessages, false);
          stage.send(0, command('ECHO', 'on'));
          stage.settle();
          assert.ok(wire.received.endsWith(bulk('on')));
        }
      }
    });
  });
}

describe('those who publish behind a switch', () => {
  const news = command('PUBLISH', 'news', 'now');
  /** Moved, and what the new server is asked on all connections but that of the subscriber is done. */
  const moved = (): Stage => {
    const stage = new Stage();
    for (let count = 0; count < 2; count++) stage.connect();
    stage.send(0, command('SUBSCRIBE', 'news'));
    stage.settle();
    stage.send(1, command('ECHO', 'x'));
    stage.settle();
    stage.hold();
    stage.settle();
    stage.send(1, news);
    stage.demote();
    stage.follow();
    return stage;
  };
  const published = ({ servers }: Stage): boolean =>
    servers[1].seen.some((line) => line.startsWith('PUBLISH'));

  it('go on once subscribers are back', () => {
    const stage = moved();
    assert.equal(stage.relay.isHolding, true);
    stage.settle();
    assert.equal(stage.relay.isHolding, false);
    assert.deepEqual(stage.servers[1].seen, ['SUBSCRIBE news', 'PUBLISH news now']);
  });

  it('do not wait for one that is gone, or longer than clients are held', () => {
    const gone = moved();
    gone.clients[0]?.reset();
    gone.settle();
    assert.equal(published(gone), true);
    const late = moved();
    for (const connection of late.connections) connection.reply();
    assert.equal(published(late), false);
    late.relay.nowMs += 1_000;
    late.relay.tick();
    assert.equal(late.relay.isHolding, false);
    // What is refused from now on is held for: the switch was not in vain.
    assert.equal(late.relay.hold.mayBegin(late.relay.nowMs), true);
  });

  it('do not wait for one whom the new server refuses', () => {
    const stage = moved();
    stage.servers[1].refuses.set('SUBSCRIBE', 'NOPERM not you');
    stage.settle();
    assert.equal(published(stage), true);
    assert.equal(stage.wires[0]?.isOver, true);
  });
});
