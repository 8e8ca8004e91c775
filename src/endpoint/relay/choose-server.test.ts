import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Chooser } from './choose-server.ts';

interface Choice {
  readonly server: {
    readonly name: string;
    readonly weight: number;
    readonly connectionsMax: number | null;
    readonly connectionsAgain?: number;
  };
  clients: number;
}

const choice = (name: string, more: Partial<Choice['server']> = {}): Choice => ({
  server: { name, weight: 1, connectionsMax: null, ...more },
  clients: 0,
});

const addresses = Array.from({ length: 3_000 }, (_, index) => `10.${index >> 8}.0.${index & 255}`);

it('an address keeps its server when another one goes, and has it again when that returns', () => {
  const all = ['a', 'b', 'c'].map((name) => choice(name));
  const chooser = new Chooser<Choice>();
  const led = (among: readonly Choice[]): string[] => {
    chooser.set(among, 'source');
    return addresses.map((sourceAddress) => chooser.choose({ sourceAddress })?.server.name ?? '');
  };
  const before = led(all);
  const without = led(all.filter(({ server }) => server.name !== 'b'));
  assert.ok(before.every((name, index) => name === 'b' || without[index] === name));
  assert.deepEqual(led(all), before);
});

it('addresses are spread by weight', () => {
  const chooser = new Chooser<Choice>();
  chooser.set([choice('a'), choice('b', { weight: 3 })], 'source');
  const share =
    addresses.filter((sourceAddress) => chooser.choose({ sourceAddress })?.server.name === 'b').length /
    addresses.length;
  assert.ok(share > 0.7 && share < 0.8, `${share}`);
});

it('a full server gets clients again only below its lower threshold', () => {
  const chooser = new Chooser<Choice>();
  const only = choice('a', { connectionsMax: 4, connectionsAgain: 3 });
  chooser.set([only], 'roundrobin');
  const takesWith = (clients: number): boolean => {
    only.clients = clients;
    return chooser.choose({}) !== null;
  };
  assert.deepEqual([3, 4, 3, 2, 3].map(takesWith), [true, false, false, true, true]);
});

it('ranks all, full or not, the one to choose first', () => {
  const [a, b, c] = [choice('a', { connectionsMax: 1 }), choice('b'), choice('c')];
  a.clients = 3;
  b.clients = 1;
  c.clients = 2;
  const chooser = new Chooser<Choice>();
  chooser.set([a, b, c], 'leastconn');
  assert.deepEqual(chooser.rank({}), [b, c, a]);
  assert.deepEqual(chooser.rank({}, new Set([b])), [c, a]);
  chooser.set([a, b, c], 'first');
  assert.deepEqual(chooser.rank({}), [a, b, c]);
  chooser.set([], 'first');
  assert.deepEqual(chooser.rank({}), []);
});
