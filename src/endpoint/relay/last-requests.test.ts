// What a client asked for last before it closed, or asked to be closed: it is answered, whatever becomes of its server.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bulk, command } from './model-servers.ts';
import { Stage } from './test-kit.ts';

const quit = command('QUIT');

for (const isTransparent of [false, true]) {
  const whose = isTransparent ? 'a client with a connection of its own' : 'a client';
  describe(`the last requests of ${whose}`, () => {
    const staged = (): Stage => {
      const stage = new Stage(isTransparent);
      stage.connect();
      stage.send(0, command('ECHO', 'first'));
      stage.settle();
      return stage;
    };
    const received = (stage: Stage): string | undefined =>
      stage.wires[0]?.received.replace(bulk('first'), '');
    const isOver = (stage: Stage): boolean | undefined => stage.wires[0]?.isOver;
    const loseAll = (stage: Stage): void => {
      for (const connection of stage.connections) connection.cut();
    };

    it('are answered before it is closed by QUIT when their connection is lost, and nothing is done behind that', () => {
      const stage = staged();
      stage.send(0, command('GET', 'k') + quit + command('APPEND', 'k', 'x'));
      stage.flush();
      loseAll(stage);
      stage.send(0, command('APPEND', 'k', 'y'));
      stage.settle();
      assert.equal(received(stage), '$-1\r\n+OK\r\n');
      assert.equal(isOver(stage), true);
      assert.deepEqual(stage.data.log, []);
      assert.deepEqual([stage.relay.counts.unmovable, stage.relay.counts.outcomeUnknown], [0, 0]);
    });

    it('are sent to the new primary before it is closed by QUIT when the old one refuses them', () => {
      const stage = staged();
      stage.demote();
      stage.send(0, command('APPEND', 'k', 'x') + quit + command('APPEND', 'k', 'y'));
      stage.settle();
      assert.deepEqual([received(stage), isOver(stage)], ['', false]);
      stage.follow();
      stage.settle();
      assert.equal(received(stage), ':1\r\n+OK\r\n');
      assert.equal(isOver(stage), true);
      assert.deepEqual(stage.data.log, ['append 0/k x']);
    });

    it('are answered behind what was answered before, also if the next connection is lost, too', () => {
      const stage = staged();
      stage.demote();
      stage.servers[0].refuses.set('GET', 'LOADING the data set');
      stage.send(0, command('GET', 'k') + command('PUBLISH', 'news', 'x') + command('ECHO', 'last') + quit);
      stage.settle();
      assert.equal(received(stage), '');
      stage.follow();
      for (let round = 0; round < 2; round++) {
        stage.flush();
        // A server that hangs up before it says anything is not asked again at once.
        stage.connections.at(-1)?.reply();
        loseAll(stage);
        stage.relay.nowMs += 100;
        stage.relay.tick();
      }
      stage.settle();
      assert.equal(received(stage), `$-1\r\n:0\r\n${bulk('last')}+OK\r\n`);
      assert.equal(isOver(stage), true);
      assert.deepEqual(stage.data.log, ['publish news x']);
    });

    it('are answered before the end of the connection behind what is no request', () => {
      const stage = staged();
      stage.send(0, `${command('GET', 'k')}*1\r\nwrong`);
      stage.flush();
      loseAll(stage);
      stage.settle();
      assert.match(received(stage) ?? '', /^\$-1\r\n-ERR Protocol error/);
      assert.equal(isOver(stage), true);
    });

    it('may break off: then nothing is waited for, neither at once nor once the server takes what is there', () => {
      for (const isHeld of [false, true]) {
        const stage = staged();
        const beginning = command('APPEND', 'k', 'x'.repeat(400_000)).slice(0, 300_000);
        const send = (from: number, to: number): void => {
          for (let at = from; at < to; at += 50_000) stage.send(0, beginning.slice(at, at + 50_000));
        };
        send(0, 150_000);
        stage.settle();
        assert.equal(stage.clients[0]?.isMidRequest, true);
        if (isHeld) stage.clients[0].wait = 'room';
        send(150_000, 300_000);
        stage.clients[0].ended();
        assert.equal(isOver(stage), !isHeld);
        stage.clients[0].goOn();
        assert.equal(isOver(stage), true);
        stage.hold();
        stage.settle();
        assert.equal(stage.hasDrained, true);
        assert.deepEqual(stage.data.log, []);
      }
    });

    it('may be held, and answered by the relay itself: then the connection ends, too', () => {
      const stage = staged();
      stage.hold();
      stage.send(0, command('CLIENT', 'MAINT_NOTIFICATIONS', 'OFF'));
      stage.clients[0]?.ended();
      assert.equal(isOver(stage), false);
      stage.undo();
      stage.settle();
      assert.equal(received(stage), '+OK\r\n');
      assert.equal(isOver(stage), true);
    });
  });
}
