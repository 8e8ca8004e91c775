import assert from 'node:assert/strict';
import { it } from 'node:test';
import { bindTargets } from './bind-targets.ts';
import type { Bind } from './endpoint-conf.ts';
import { targetText } from './route.ts';

const OWN = ['127.0.0.1', '10.0.0.1', '10.0.0.100', '::1', 'fd00::1', 'fe80::1'];
const bind = (host: string, port = 6379): Bind => ({
  kind: 'tcp',
  host,
  port,
  tls: null,
  acceptsProxyProtocol: false,
});
const told = (withLoopback: boolean, ...binds: Bind[]): string[] =>
  bindTargets(binds, OWN, withLoopback).map(targetText);

it('spells out `*` and `::` as the addresses of this host, without those of one link only', () => {
  assert.deepEqual(told(false, bind('*')), ['10.0.0.1:6379', '10.0.0.100:6379']);
  assert.deepEqual(told(false, bind('::')), ['10.0.0.1:6379', '10.0.0.100:6379', '[fd00::1]:6379']);
  assert.deepEqual(told(true, bind('*')), ['127.0.0.1:6379', '10.0.0.1:6379', '10.0.0.100:6379']);
});

it('takes a named address as it is, each once, and no unix socket', () => {
  assert.deepEqual(
    told(false, bind('10.9.9.9'), bind('10.0.0.100'), bind('*'), bind('10.0.0.1', 7000), {
      kind: 'unix',
      path: '/run/a.sock',
      mode: null,
      user: null,
      group: null,
      tls: null,
      acceptsProxyProtocol: false,
    }),
    ['10.9.9.9:6379', '10.0.0.100:6379', '10.0.0.1:6379', '10.0.0.1:7000'],
  );
});
