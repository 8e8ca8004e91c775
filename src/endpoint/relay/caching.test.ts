// CLIENT CACHING, a word about the next command, while the server is replaced.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { command } from './model-servers.ts';
import { Stage } from './test-kit.ts';

const tracking = command('CLIENT', 'TRACKING', 'ON', 'OPTIN');
const caching = command('CLIENT', 'CACHING', 'YES');
const get = (key: string): string => command('GET', key);

for (const isTransparent of [false, true]) {
  const whose = isTransparent ? 'a client with a connection of its own' : 'a client';
  describe(`what ${whose} says of its next command`, () => {
    const staged = (text: string): Stage => {
      const stage = new Stage(isTransparent);
      stage.connect();
      stage.send(0, text);
      stage.settle();
      return stage;
    };
    const seenAfterMove = (stage: Stage, text: string): string[] => {
      stage.demote();
      stage.follow();
      stage.send(0, text);
      stage.settle();
      const { seen } = stage.servers[1];
      assert.equal(seen[0], 'CLIENT TRACKING ON OPTIN');
      return seen.slice(1);
    };

    it('is said again to a new server, in front of that command', () => {
      const stage = staged(tracking + caching);
      assert.deepEqual(seenAfterMove(stage, get('k') + get('l')), ['CLIENT CACHING YES', 'GET k', 'GET l']);
    });

    it('is not said again once that command was answered, or when the server had refused it', () => {
      assert.deepEqual(seenAfterMove(staged(tracking + caching + get('k')), get('l')), ['GET l']);
      const stage = staged(tracking);
      stage.servers[0].refuses.set('CLIENT CACHING', 'ERR only with OPTIN');
      stage.send(0, caching);
      stage.settle();
      assert.deepEqual(seenAfterMove(stage, get('k')), ['GET k']);
    });

    it('outlasts other words of CLIENT, and a transaction', () => {
      const transaction = caching + command('CLIENT', 'GETNAME') + command('MULTI') + get('k');
      assert.deepEqual(seenAfterMove(staged(tracking + transaction), get('l') + command('EXEC')), [
        'CLIENT CACHING YES',
        'MULTI',
        'GET k',
        'GET l',
        'EXEC',
      ]);
      const whole = transaction + command('EXEC');
      assert.deepEqual(seenAfterMove(staged(tracking + whole), get('l')), ['GET l']);
    });

    it('is said again when the connection is lost with that command unanswered', () => {
      const stage = staged(tracking);
      stage.send(0, caching + get('k') + get('l'));
      stage.flush();
      const [connection] = stage.connections;
      connection?.serve();
      connection?.reply('+OK\r\n'.length);
      stage.servers[1].isPrimary = true;
      stage.lead(stage.servers[1]);
      stage.settle();
      assert.deepEqual(stage.servers[1].seen, [
        'CLIENT TRACKING ON OPTIN',
        'CLIENT CACHING YES',
        'GET k',
        'GET l',
      ]);
      assert.deepEqual(
        stage.servers[0].seen.filter((line) => line.startsWith('GET')),
        ['GET k'],
        'what is behind it waits for its answer',
      );
    });

    it('is said again behind what the relay has to say in front of that command', () => {
      for (const [before, text, answer] of [
        [command('EVAL', 'body', '1', 'k', 'x'), command('EVALSHA', 'sha-body', '1', 'k', 'y'), ':2\r\n'],
        [command('SCRIPT', 'LOAD', 'body'), command('MULTI') + command('EXEC'), '+OK\r\n*0\r\n'],
        ['', command('MOD.GET', 'k'), '+modular\r\n'],
        ['', command('XREAD', 'BLOCK', '1', 'STREAMS', 's', '$'), '*-1\r\n'],
      ] as const) {
        const stage = staged(tracking + before);
        const [wire] = stage.wires;
        assert.ok(wire !== undefined);
        wire.received = '';
        const seen = stage.servers[0].seen.length;
        stage.send(0, caching + text);
        stage.settle();
        stage.connections.find(({ blocked }) => blocked !== null)?.unblock('*-1\r\n');
        stage.settle();
        assert.equal(wire.received, `+OK\r\n${answer}`);
        const lines = stage.servers[0].seen.slice(seen);
        assert.deepEqual([lines[0], lines[2]], ['CLIENT CACHING YES', 'CLIENT CACHING YES']);
        assert.ok(text.startsWith(command(...(lines[3] ?? '').split(' '))));
      }
    });

    it('is said again when that command was refused', () => {
      const stage = staged(tracking + caching);
      stage.demote();
      stage.servers[0].refuses.set('GET', 'LOADING the data set');
      stage.send(0, get('k'));
      stage.settle();
      stage.follow();
      stage.settle();
      assert.deepEqual(stage.servers[1].seen.slice(-2), ['CLIENT CACHING YES', 'GET k']);
    });
  });
}
