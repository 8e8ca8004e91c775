import assert from 'node:assert/strict';
import { it } from 'node:test';
import { NO_ENDS, type Condition } from '../condition.ts';
import type { RouteServer } from '../route.ts';
import { Steering } from './steering.ts';

const server = (name: string, last: number): { readonly server: RouteServer } => ({
  server: { name, host: `10.0.0.${last}`, port: 6379, weight: 1, connectionsMax: null },
});
const [a, b] = [server('a', 1), server('b', 2)];
const from = (sourceAddress: string): typeof NO_ENDS => ({ ...NO_ENDS, sourceAddress });
const when = (address: string): Condition => ({
  isNegated: false,
  anyOf: [
    [{ isNegated: false, tests: [{ kind: 'address', of: 'source', ranges: [{ address, bits: 32 }] }] }],
  ],
});

it('the first rule that holds and whose server is able decides, before where an address stays', () => {
  const rules = [
    { when: when('10.9.0.1'), server: 'c' },
    { when: when('10.9.0.1'), server: 'b' },
  ];
  const steering = new Steering({ serverRules: rules, persistMs: 1_000 }, () => ({}));
  assert.equal(steering.choose(from('10.9.0.1'), 0, [a, b]), b);
  assert.equal(steering.choose(from('10.9.0.1'), 0, [a]), null);
  assert.equal(steering.choose(from('10.9.0.2'), 0, [a, b]), null);
  steering.began(from('10.9.0.1'), a.server, 0);
  steering.began(from('10.9.0.2'), a.server, 0);
  assert.equal(steering.choose(from('10.9.0.1'), 0, [a, b]), b);
  assert.equal(steering.choose(from('10.9.0.2'), 0, [a, b]), a);
  // A server that is down has nobody.
  assert.equal(steering.choose(from('10.9.0.2'), 0, [b]), null);
  steering.ended(from('10.9.0.2'), a.server, 100);
  assert.equal(steering.choose(from('10.9.0.2'), 1_099, [a, b]), a);
  assert.equal(steering.choose(from('10.9.0.2'), 1_100, [a, b]), null);
});

it('a full table takes nobody, or forgets who was met first', () => {
  const stays = (isFixed: boolean): readonly (typeof a | null)[] => {
    const persistTable = { addressesMax: 1, isFixed };
    const steering = new Steering({ persistMs: Infinity, persistTable }, () => ({}));
    steering.began(from('x'), a.server, 0);
    steering.began(from('y'), b.server, 0);
    return ['x', 'y'].map((address) => steering.choose(from(address), 1e12, [a, b]));
  };
  assert.deepEqual(stays(true), [a, null]);
  assert.deepEqual(stays(false), [null, b]);
});
