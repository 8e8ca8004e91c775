import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Resolver } from './resolver.ts';

it('asks for two names at a time, for each name once, and says all its addresses', () => {
  const asked: { host: string; done: (error: Error | null, ips: readonly string[]) => void }[] = [];
  const answers: (readonly [string, readonly string[]])[] = [];
  const resolver = new Resolver(
    (host, ips) => answers.push([host, ips]),
    (host, done) => asked.push({ host, done }),
  );
  for (const host of ['a', 'b', 'a', 'c', 'c']) resolver.resolve(host);
  assert.deepEqual(
    asked.map(({ host }) => host),
    ['a', 'b'],
  );
  asked[0]?.done(null, ['192.0.2.1', '2001:db8::1']);
  asked[1]?.done(new Error('ENOTFOUND'), []);
  asked[2]?.done(null, ['192.0.2.3']);
  assert.deepEqual(answers, [
    ['a', ['192.0.2.1', '2001:db8::1']],
    ['b', []],
    ['c', ['192.0.2.3']],
  ]);
  resolver.resolve('a');
  assert.equal(asked.length, 4);
});
