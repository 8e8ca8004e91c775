// Clients that wait for others while their server is replaced, against model servers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bulk, command } from './model-servers.ts';
import { Stage } from './test-kit.ts';

const read = (...ids: string[]): string =>
  command('XREAD', 'BLOCK', '2000', 'STREAMS', ...ids.map((_, at) => `s${at}`), ...ids);

for (const isTransparent of [false, true]) {
  const whose = isTransparent ? 'of a client with a connection of its own' : 'of a client';
  describe(`a request ${whose} that blocks`, () => {
    const staged = (): Stage => {
      const stage = new Stage(isTransparent);
      stage.connect();
      return stage;
    };
    const send = (stage: Stage, text: string): void => {
      stage.send(0, text);
      stage.settle();
    };
    const move = (stage: Stage, isLost: boolean): void => {
      if (isLost) {
        stage.lead(stage.servers[1]);
        for (const connection of stage.servers[0].connections) connection.cut();
      } else {
        stage.demote();
        stage.settle();
        stage.follow();
      }
      stage.settle();
    };
    const last = (stage: Stage, which: 0 | 1): string | undefined => stage.servers[which].seen.at(-1);

    it('asks the new primary for the rest of its time, counted from when it was first sent', () => {
      const stage = staged();
      send(stage, command('BLPOP', 'list', '2'));
      stage.relay.nowMs += 500;
      stage.demote();
      stage.settle();
      stage.relay.nowMs += 250;
      stage.follow();
      stage.settle();
      assert.equal(last(stage, 1), 'BLPOP list 1.250');
      stage.relay.nowMs += 250;
      stage.demote();
      stage.settle();
      stage.follow();
      stage.settle();
      assert.equal(last(stage, 0), 'BLPOP list 1.000');
      stage.connections.find(({ blocked }) => blocked !== null)?.unblock('*-1\r\n');
      send(stage, command('BLPOP', 'list', '2'));
      assert.equal(last(stage, 0), 'BLPOP list 2');
      assert.equal(stage.wires[0]?.received, '*-1\r\n');
    });

    it('is sent behind another that blocks once that is answered', () => {
      const stage = staged();
      send(stage, command('BLPOP', 'one', '2') + command('BLPOP', 'two', '3'));
      stage.demote();
      stage.settle();
      stage.relay.nowMs += 500;
      stage.follow();
      stage.settle();
      assert.equal(last(stage, 1), 'BLPOP one 1.500');
      stage.connections.find(({ blocked }) => blocked !== null)?.unblock('*-1\r\n');
      stage.settle();
      assert.equal(last(stage, 1), 'BLPOP two 3');
    });

    it('goes on behind what was new at the first server, in a switch and when the connection is lost', () => {
      for (const isLost of [false, true]) {
        const stage = staged();
        for (const server of stage.servers) server.newest = '5-1';
        send(stage, read('$', '3-0', '$'));
        stage.servers[1].newest = '9-9';
        stage.relay.nowMs += 500;
        move(stage, isLost);
        assert.equal(last(stage, 1), 'XREAD BLOCK 1500 STREAMS s0 s1 s2 5-1 3-0 5-1');
        assert.equal(stage.servers[1].seen.includes('XREVRANGE s0 + - COUNT 1'), false);
      }
    });

    it('is told to ask anew if nobody knows what was new at the first server', () => {
      for (const isLost of [false, true]) {
        const stage = staged();
        stage.servers[0].refuses.set('XREVRANGE', 'NOPERM not you');
        send(stage, read('$'));
        move(stage, isLost);
        send(stage, command('ECHO', 'on'));
        assert.match(stage.wires[0]?.received ?? '', /^-UNBLOCKED force unblock .*\r\n\$2\r\non\r\n$/);
        assert.equal(
          stage.servers[1].seen.some((line) => line.startsWith('XREAD')),
          false,
        );
        stage.servers[1].newest = '7-7';
        send(stage, read('$'));
        assert.deepEqual(stage.servers[1].seen.slice(-2), [
          'XREVRANGE s0 + - COUNT 1',
          'XREAD BLOCK 2000 STREAMS s0 $',
        ]);
      }
    });

    it('is first asked of the server that it reaches', () => {
      const stage = staged();
      stage.send(0, read('$'));
      stage.flush();
      move(stage, true);
      assert.deepEqual(
        stage.servers.map(({ seen }) => seen),
        [[], ['XREVRANGE s0 + - COUNT 1', 'XREAD BLOCK 2000 STREAMS s0 $']],
      );
    });
  });
}

it('a request that does not block is not preceded by a question', () => {
  const stage = new Stage();
  stage.connect();
  stage.send(0, command('XREAD', 'BLOCK', '0', 'STREAMS', 's', '4-0') + command('ECHO', 'x'));
  stage.settle();
  stage.connections.find(({ blocked }) => blocked !== null)?.unblock('*-1\r\n');
  stage.settle();
  assert.equal(stage.wires[0]?.received, `*-1\r\n${bulk('x')}`);
  assert.deepEqual(stage.servers[0].seen, ['XREAD BLOCK 0 STREAMS s 4-0', 'ECHO x']);
});
