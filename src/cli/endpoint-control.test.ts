// What an operator is told of orders about servers, also of those that name nothing that is there.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { backendConf, endpointsConf, serverConf, Stage } from '../endpoint/test-kit.ts';
import { type Ordered, ordersFor } from './endpoint-control.ts';

const [A, B] = ['10.0.0.1:6379', '10.0.0.2:6379'];

it('orders name what there is, and say what follows from them', async () => {
  const servers = [serverConf('a', A), serverConf('b', B)];
  const conf = backendConf({ name: 'primary', servers });
  const stage = new Stage(endpointsConf(conf));
  stage.model(A, { role: 'master' });
  stage.model(B);
  stage.pass(1_000);
  const given: string[] = [];
  const daemon = {
    status: () => ({ snapshot: stage.endpoints.snapshot(stage.now) }),
    setState: (...order: readonly string[]) => given.push(order.join(' ')) > 0,
    switchTo: () => Promise.reject(new Error('nobody asked for it')),
  } as unknown as Ordered;
  const nobodyReads = () => Promise.reject(new Error('nobody asked for it'));
  const say = async (body: unknown): Promise<unknown> =>
    (await ordersFor(daemon, nobodyReads)['/server']?.(body))?.body;

  assert.deepEqual(await say({ server: 'b', state: 'drain' }), {
    isDone: true,
    sentence: 'b is drained: no clients are led to it (primary)',
  });
  assert.deepEqual(given.splice(0), ['primary b drain']);
  for (const [body, sentence] of [
    [{ server: 'z', state: 'drain' }, 'there is no server z: there is a, b'],
    [{ server: 'z', state: 'drain', backend: 'primary' }, 'there is no server z in primary: there is a, b'],
    [{ server: 'a', state: 'drain', backend: 'x' }, 'there is no backend x: there is primary'],
    [{ server: 'a', state: 'banana' }, 'an order names a server and one of drain, maint, ready'],
    [null, 'an order names a server and one of drain, maint, ready'],
  ] as const) {
    assert.deepEqual(await say(body), { isDone: false, sentence });
  }
  assert.deepEqual(given, []);
  const lost = (await say({ server: 'a', state: 'maint' })) as { readonly sentence: string };
  assert.match(
    lost.sentence,
    /^a is in maintenance: .*; it was the primary, so primary may lead nowhere now/,
  );
});

it('reads anew from the file that is named, and says what is wrong with it', async () => {
  const read: (string | null)[] = [];
  const orders = ordersFor({} as Ordered, (file) => {
    read.push(file);
    return Promise.resolve(file === '/bad.cfg' ? ['/bad.cfg:1:1: one', '/bad.cfg:2:1: two'] : []);
  });
  const say = async (body: unknown): Promise<unknown> => (await orders['/reload']?.(body))?.body;
  assert.deepEqual(await say({ file: '/a.cfg' }), {
    isDone: true,
    sentence: 'the configuration was read anew',
  });
  assert.deepEqual(await say({ file: '/bad.cfg' }), {
    isDone: false,
    sentence: '/bad.cfg:1:1: one\n/bad.cfg:2:1: two',
  });
  assert.equal(((await say(null)) as { readonly isDone: boolean }).isDone, true);
  assert.deepEqual(read, ['/a.cfg', '/bad.cfg', null]);
});
