// WAIT and WAITAOF after the server of a client's writes was replaced, against model servers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { command } from './model-servers.ts';
import { Stage } from './test-kit.ts';

const write = command('APPEND', 'k', 'x');
const wait = command('WAIT', '1', '100');

for (const isTransparent of [false, true]) {
  const whose = isTransparent ? 'a client with a connection of its own' : 'a client';
  describe(`WAIT of ${whose}`, () => {
    const staged = (): Stage => {
      const stage = new Stage(isTransparent);
      stage.connect();
      return stage;
    };
    /** What it is answered, once `replicas` have everything; null: nobody was asked. */
    const ask = (stage: Stage, text: string, replicas: number | null): string | undefined => {
      const [wire] = stage.wires;
      assert.ok(wire !== undefined);
      wire.received = '';
      stage.send(0, text);
      stage.settle();
      const blocked = stage.connections.filter((connection) => connection.blocked !== null);
      assert.equal(blocked.length, replicas === null ? 0 : 1);
      for (const connection of blocked) connection.unblock(`:${replicas}\r\n`);
      stage.settle();
      return wire.received;
    };
    /** Out of the blue. */
    const failOver = (stage: Stage): void => {
      stage.other.isPrimary = true;
      const { servers } = stage;
      const [from, to] = servers[0].connections.some(({ isOver }) => !isOver)
        ? servers
        : [...servers].reverse();
      for (const connection of Array.from(from?.connections ?? [])) connection.cut();
      if (from !== undefined) from.isPrimary = false;
      if (to !== undefined) stage.lead(to);
      stage.settle();
    };

    it('counts nobody for a write whose server was lost, as often as it is asked, until the next write', () => {
      const stage = staged();
      ask(stage, write, null);
      failOver(stage);
      assert.equal(ask(stage, wait, null), ':0\r\n');
      assert.equal(ask(stage, wait, null), ':0\r\n');
      assert.equal(ask(stage, command('WAITAOF', '0', '1', '100'), null), '*2\r\n:0\r\n:0\r\n');
      assert.equal(ask(stage, write + wait, 1), ':2\r\n:1\r\n');
      assert.equal(ask(stage, wait, 1), ':1\r\n');
    });

    it('counts nobody for it behind further writes, either', () => {
      const stage = staged();
      ask(stage, write, null);
      failOver(stage);
      assert.equal(ask(stage, write + wait, null), ':2\r\n:0\r\n');
      assert.equal(ask(stage, write + wait, 1), ':3\r\n:1\r\n');
    });

    it('is answered by the new server for a client that wrote nothing, or whose writes were confirmed', () => {
      const stage = staged();
      ask(stage, command('GET', 'k'), null);
      failOver(stage);
      assert.equal(ask(stage, wait, 1), ':1\r\n');
      assert.equal(ask(stage, write + wait, 1), ':1\r\n:1\r\n');
      failOver(stage);
      assert.equal(ask(stage, wait, 1), ':1\r\n');
    });

    it('that counted too few has confirmed nothing', () => {
      const stage = staged();
      ask(stage, write, null);
      assert.equal(ask(stage, command('WAIT', '2', '100'), 1), ':1\r\n');
      failOver(stage);
      assert.equal(ask(stage, wait, null), ':0\r\n');
    });

    it('goes on behind an ordered switch, for writes before it, too', () => {
      const stage = staged();
      ask(stage, write, null);
      for (const which of [1, 0]) {
        stage.hold();
        stage.settle();
        stage.demote();
        stage.follow();
        stage.settle();
        assert.equal(ask(stage, wait, 1), ':1\r\n');
        // A new connection counts from what was replicated last on itself.
        assert.deepEqual(stage.servers[which as 0 | 1].seen.slice(-2), [
          'PUBLISH __baton__:wait ',
          'WAIT 1 100',
        ]);
        ask(stage, write, null);
      }
      failOver(stage);
      assert.equal(ask(stage, wait, null), ':0\r\n');
    });

    it('counts nobody for writes before an ordered switch if the server behind it is lost', () => {
      const stage = staged();
      ask(stage, write, null);
      stage.hold();
      stage.settle();
      stage.demote();
      stage.follow();
      ask(stage, command('GET', 'k'), null);
      failOver(stage);
      assert.equal(ask(stage, wait, null), ':0\r\n');
    });

    it('counts nobody when a hold ended with the clients led elsewhere and nobody knows what is there', () => {
      const stage = staged();
      ask(stage, write, null);
      stage.hold();
      stage.settle();
      stage.other.isPrimary = true;
      stage.servers[0].isPrimary = false;
      stage.lead(stage.servers[1]);
      stage.relay.release(false, false);
      assert.equal(ask(stage, wait, null), ':0\r\n');
    });

    it('is told what is wrong with it by the server', () => {
      const stage = staged();
      ask(stage, write, null);
      failOver(stage);
      stage.servers[1].refuses.set('WAIT', 'ERR timeout is not an integer');
      assert.match(ask(stage, command('WAIT', '1', 'x'), null) ?? '', /^-ERR timeout/);
    });

    it('knows of writes that nobody answered, and of transactions', () => {
      for (const text of [
        command('CLIENT', 'REPLY', 'SKIP') + write,
        command('MULTI') + write + command('EXEC'),
      ]) {
        const stage = staged();
        ask(stage, text, null);
        failOver(stage);
        assert.equal(ask(stage, wait, null), ':0\r\n');
      }
    });
  });
}
