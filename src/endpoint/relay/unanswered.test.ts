// Clients that want no answers (CLIENT REPLY OFF and SKIP), around a switch: what they wrote is done, or they are closed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bulk, command } from './model-servers.ts';
import { Stage } from './test-kit.ts';

const off = command('CLIENT', 'REPLY', 'OFF');
const skip = command('CLIENT', 'REPLY', 'SKIP');
const on = command('CLIENT', 'REPLY', 'ON');
const append = (text: string): string => command('APPEND', 'k', text);

for (const isTransparent of [false, true]) {
  const whose = isTransparent ? 'a client with a connection of its own' : 'a client';
  describe(`${whose} that wants no answers`, () => {
    const staged = (): Stage => {
      const stage = new Stage(isTransparent);
      stage.connect();
      stage.send(0, command('ECHO', 'first'));
      stage.settle();
      return stage;
    };
    const send = (stage: Stage, text: string): void => {
      stage.send(0, text);
      stage.settle();
    };
    const isOver = (stage: Stage): boolean | undefined => stage.wires[0]?.isOver;
    const received = (stage: Stage): string | undefined =>
      stage.wires[0]?.received.replace(bulk('first'), '');
    const value = (stage: Stage): string | undefined => stage.data.values.get('0/k');
    const moveHeld = (stage: Stage): void => {
      stage.hold();
      stage.settle();
      assert.ok(stage.hasDrained);
      stage.demote();
      stage.follow();
      stage.settle();
    };

    for (const [mode, text] of [
      ['OFF', off + append('1') + append('2')],
      ['SKIP', skip + append('1') + skip + append('2')],
    ] as const) {
      it(`has what it wrote under ${mode} done before a hold has drained, and nothing of the questions`, () => {
        const stage = staged();
        stage.send(0, text);
        stage.flush();
        stage.hold();
        assert.equal(stage.hasDrained, false);
        stage.send(0, append('3') + (mode === 'OFF' ? on : '') + command('GET', 'k'));
        moveHeld(stage);
        assert.deepEqual(stage.data.log, ['append 0/k 1', 'append 0/k 2', 'append 0/k 3']);
        assert.equal(stage.servers[0].seen.includes('APPEND k 3'), false);
        assert.equal(received(stage), `${mode === 'OFF' ? '+OK' : ':3'}\r\n${bulk('123')}`);
        assert.equal(isOver(stage), false);
        assert.equal(stage.relay.counts.outcomeUnknown, 0);
      });

      it(`is closed and counted when its connection breaks with writes under ${mode} not known to be done`, () => {
        const stage = staged();
        stage.send(0, text);
        stage.flush();
        stage.servers[1].isPrimary = true;
        stage.lead(stage.servers[1]);
        stage.settle();
        assert.equal(isOver(stage), true);
        assert.deepEqual([stage.relay.counts.outcomeUnknown, stage.relay.counts.unmovable], [1, 0]);
      });

      it(`goes on when it breaks with all of them under ${mode} done`, () => {
        const stage = staged();
        send(stage, text);
        stage.lead(stage.servers[1]);
        stage.servers[1].isPrimary = true;
        send(stage, append('3') + (mode === 'OFF' ? on : ''));
        assert.equal(isOver(stage), false);
        assert.equal(value(stage), '123');
        assert.equal(received(stage), mode === 'OFF' ? '+OK\r\n' : ':3\r\n');
      });
    }

    it('is closed, and its server seen to be none, when that refused its writes', () => {
      const stage = staged();
      send(stage, off + append('1'));
      stage.demote();
      send(stage, append('2'));
      assert.equal(isOver(stage), true);
      assert.equal(received(stage), '');
      assert.equal(stage.relay.counts.outcomeUnknown, 1);
      assert.equal(stage.demoted.length, 1);
      assert.equal(stage.relay.isHolding, true);
    });

    it('costs one question for all that was sent together, and one more for what came meanwhile', () => {
      const stage = staged();
      stage.send(0, off + append('1') + append('2') + append('3'));
      stage.flush();
      stage.send(0, append('4') + append('5') + command('GET', 'k'));
      stage.settle();
      assert.equal(stage.servers[0].seen.filter((line) => line === 'ROLE').length, 2);
      send(stage, command('GET', 'k') + on);
      assert.equal(stage.servers[0].seen.filter((line) => line === 'ROLE').length, 2);
      assert.equal(received(stage), '+OK\r\n');
    });

    it('may say a transaction, which is not moved half', () => {
      const stage = staged();
      send(stage, off + command('MULTI') + append('1'));
      assert.equal(stage.servers[0].seen.includes('ROLE'), false);
      stage.hold();
      stage.settle();
      assert.equal(stage.hasDrained, false);
      send(stage, append('2') + command('EXEC'));
      moveHeld(stage);
      send(stage, append('3') + command('MULTI') + append('4') + command('DISCARD') + on);
      assert.equal(value(stage), '123');
      assert.equal(received(stage), '+OK\r\n');
      send(stage, off + command('MULTI') + append('5'));
      stage.demote();
      stage.follow();
      stage.settle();
      assert.equal(isOver(stage), true);
      assert.equal(value(stage), '123');
      assert.equal(stage.relay.counts.outcomeUnknown, 1);
    });

    it('has a transaction behind a move fail if it watched', () => {
      const stage = staged();
      send(stage, command('WATCH', 'k') + off);
      moveHeld(stage);
      send(stage, command('MULTI') + append('1') + command('EXEC') + append('2') + on);
      assert.equal(value(stage), '2');
      assert.equal(received(stage), '+OK\r\n+OK\r\n');
    });

    it('is answered RESET, and again from then on', () => {
      const stage = staged();
      send(stage, off + append('1') + command('RESET') + append('2'));
      assert.match(received(stage) ?? '', /^\+[A-Z]+\r\n:2\r\n$/);
      assert.equal(stage.clients[0]?.own === null, !isTransparent);
    });

    it('is closed by QUIT, and by the end of its side, once all it wrote is done', () => {
      for (const ends of [true, false]) {
        const stage = staged();
        stage.send(0, off + append('1') + (ends ? '' : command('QUIT')));
        if (ends) stage.clients[0]?.ended();
        assert.equal(isOver(stage), false);
        stage.settle();
        assert.equal(isOver(stage), true);
        assert.equal(received(stage), '');
        assert.equal(value(stage), '1');
      }
    });

    it('is answered what comes behind a request that was refused here, and not skipped', () => {
      const stage = staged();
      send(stage, skip + command('SHUTDOWN') + append('1'));
      assert.equal(received(stage), ':1\r\n');
    });

    it('may send requests that are too long to be kept', () => {
      const stage = staged();
      const text = off + append('x'.repeat(300_000));
      for (let at = 0; at < text.length; at += 65_536) {
        stage.send(0, text.slice(at, at + 65_536));
        stage.settle();
      }
      moveHeld(stage);
      send(stage, append('y') + on);
      assert.equal(value(stage)?.length, 300_001);
      assert.equal(received(stage), '+OK\r\n');
    });

    it('does not keep a switch from going on by what may take long, and is closed by it', () => {
      const stage = staged();
      send(stage, off + command('BLPOP', 'list', '0') + append('1'));
      stage.hold();
      stage.settle();
      assert.ok(stage.hasDrained);
      stage.demote();
      stage.follow();
      stage.settle();
      assert.equal(isOver(stage), true);
      assert.equal(stage.relay.counts.outcomeUnknown, 1);
    });

    it('hears what it subscribes to, is asked nothing as a subscriber, and is closed by a move', () => {
      for (const mode of [off, skip]) {
        const stage = staged();
        send(stage, mode + command('SUBSCRIBE', 'a', 'b'));
        const confirmed = ['a', 'b'].map(
          (channel, at) => `*3\r\n${bulk('subscribe')}${bulk(channel)}:${at + 1}\r\n`,
        );
        assert.equal(received(stage), confirmed.join(''));
        if (mode === off) send(stage, append('refused by a real server'));
        assert.equal(stage.servers[0].seen.includes('ROLE'), false);
        moveHeld(stage);
        assert.equal(isOver(stage), true);
        assert.equal(stage.relay.counts.unmovable, 1);
      }
    });

    it('has the scripts that it calls at the new server', () => {
      const stage = staged();
      send(
        stage,
        off + command('EVAL', 'body', '1', 'k', 'x') + command('EVALSHA', 'sha-body', '1', 'k', 'y'),
      );
      moveHeld(stage);
      send(stage, command('EVALSHA', 'sha-body', '1', 'k', 'z'));
      assert.equal(value(stage), 'xyz');
    });
  });
}
