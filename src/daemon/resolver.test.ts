import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Resolver } from './resolver.ts';

it('asks for two names at a time, for each name once, and says null where there is none', () => {
  const asked: { host: string; done: (error: Error | null, ip: string) => void }[] = [];
  const answers: (readonly [string, string | null])[] = [];
  const resolver = new Resolver(
    (host, ip) => answers.push([host, ip]),
    (host, done) => asked.push({ host, done }),
  );
  for (const host of ['a', 'b', 'a', 'c', 'c']) resolver.resolve(host);
  assert.deepEqual(
    asked.map(({ host }) => host),
    ['a', 'b'],
  );
  asked[0]?.done(null, '192.0.2.1');
  asked[1]?.done(new Error('ENOTFOUND'), '');
  asked[2]?.done(null, '192.0.2.3');
  assert.deepEqual(answers, [
    ['a', '192.0.2.1'],
    ['b', null],
    ['c', '192.0.2.3'],
  ]);
  resolver.resolve('a');
  assert.equal(asked.length, 4);
});
