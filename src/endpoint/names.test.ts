// Servers that are known by a name, whose addresses change, or are several.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backendConf, endpointsConf, serverConf, Stage } from './test-kit.ts';

const A = '10.0.0.1:6379';
const B = '10.0.0.2:6379';

/** One server, `redis.example`, which is at these addresses. */
function named(...addresses: readonly string[]): Stage {
  const stage = new Stage(endpointsConf(backendConf({ servers: [serverConf('a', 'redis.example:6379')] })));
  stage.names.set('redis.example', addresses);
  return stage;
}

describe('a Redis server that is known by a name', () => {
  it('gets nobody at another address before it has answered there', () => {
    const stage = named('10.0.0.1');
    stage.model(A, { role: 'master' });
    stage.model(B, { role: 'slave' });
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    stage.names.set('redis.example', ['10.0.0.2']);
    stage.cut(A);
    stage.pass(3_000);
    const ledTo = new Set(stage.routes.flatMap(({ servers }) => servers.map(({ host }) => host)));
    assert.deepEqual([...ledTo], ['10.0.0.1'], 'the other one says that it is a replica');
    assert.deepEqual(stage.leadsTo(), []);
    stage.model(B).role = 'master';
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [B]);
  });
});
