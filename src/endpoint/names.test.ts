// Servers that are known by a name, whose addresses change, or are several.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backendConf, endpointsConf, serverConf, Stage, TIMING } from './test-kit.ts';

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

describe('a Redis server whose name goes elsewhere', () => {
  it('is followed there, though it still answers where it was', () => {
    const stage = named('10.0.0.1');
    stage.model(A, { role: 'master' });
    stage.model(B, { role: 'master' });
    stage.pass(1_000);
    stage.model(A).role = 'slave';
    stage.names.set('redis.example', ['10.0.0.2']);
    stage.pass(11_000);
    assert.deepEqual(stage.leadsTo(), [B]);
  });
});

describe('a Redis server whose name has several addresses', () => {
  it('is found at the one where it listens, and stays there', () => {
    const stage = named('10.0.0.1', '10.0.0.2');
    stage.model(B, { role: 'master' });
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    stage.cut(B);
    stage.pass(5);
    assert.deepEqual(stage.leadsTo(), [B]);
    const connects = stage.effects.filter(({ effect }) => effect.kind === 'connect').length;
    stage.pass(20_000);
    assert.equal(stage.effects.filter(({ effect }) => effect.kind === 'connect').length, connects);
    stage.kill(B);
    stage.model(A, { role: 'master' });
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [A]);
  });
});

describe('a checked server that is known by a name', () => {
  const check = { check: { kind: 'tcp', host: null, port: null, tls: null }, timing: TIMING } as const;

  /** One server, `web.example`; checks find what is in `up`. */
  function checked(up: Set<string>, ...addresses: readonly string[]): Stage {
    const servers = [serverConf('a', 'web.example:80', { checks: [check] })];
    const stage = new Stage(endpointsConf(backendConf({ role: { kind: 'any' }, servers })));
    stage.names.set('web.example', addresses);
    stage.checkFinds = (address) => ({ isUp: up.has(address) });
    return stage;
  }

  it('is followed to where its name goes, and gets nobody there before a check', () => {
    const up = new Set(['10.0.0.1:80']);
    const stage = checked(up, '10.0.0.1');
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), ['10.0.0.1:80']);
    stage.names.set('web.example', []);
    stage.pass(20_000);
    assert.deepEqual(stage.leadsTo(), ['10.0.0.1:80'], 'a name that is lost for a moment');
    stage.names.set('web.example', ['10.0.0.2']);
    stage.pass(11_000);
    assert.deepEqual(stage.leadsTo(), []);
    up.add('10.0.0.2:80');
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), ['10.0.0.2:80']);
  });

  it('is looked for at another address when it is down, and needs its rise there', () => {
    const up = new Set(['10.0.0.1:80']);
    const stage = checked(up, '10.0.0.1', '10.0.0.2');
    stage.pass(30_000);
    assert.deepEqual(stage.leadsTo(), ['10.0.0.1:80']);
    up.clear();
    up.add('10.0.0.2:80');
    stage.pass(5_000);
    assert.deepEqual(stage.leadsTo(), ['10.0.0.2:80']);
  });

  it('keeps no clients, where it never had an address', () => {
    const sessions = { endWhenDown: false, endBackupsWhenUp: false };
    const servers = [
      serverConf('a', '10.0.0.1:80', { checks: [check], sessions }),
      serverConf('b', 'web.example:80', { checks: [check], sessions }),
    ];
    const stage = new Stage(endpointsConf(backendConf({ role: { kind: 'any' }, servers })));
    stage.names.set('web.example', []);
    stage.checkFinds = () => ({ isUp: true });
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), ['10.0.0.1:80']);
    assert.equal(stage.routes.at(-1)?.keeps, undefined);
  });

  it('without an address says so once', () => {
    const stage = checked(new Set());
    stage.pass(10_000);
    assert.deepEqual(stage.alarms(), ['server: a: web.example has no address']);
  });
});
