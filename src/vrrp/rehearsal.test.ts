import assert from 'node:assert/strict';
import { it } from 'node:test';
import { rehearse } from './rehearsal.ts';
import { routerConf, scriptConf, virtualAddress, vrrpConf } from './test-conf.ts';
import type { RouterConf } from './router-conf.ts';

const confs: Readonly<Record<string, Partial<RouterConf>>> = {
  'version 2': {},
  'version 3': { version: 3, advertIntervalMs: 100 },
  'an owner': { priority: 255 },
  IPv6: { addresses: [virtualAddress('fe80::100')] },
  'a password': { password: 'secret' },
  nopreempt: { preempt: false },
  unicast: {
    sourceAddress: '10.0.0.1',
    unicast: { peers: [{ address: '10.0.0.2', ttlMin: 0, ttlMax: 255 }], ttl: 255, checkSource: true },
  },
  'a script that never ran': { tracking: [{ kind: 'script', name: 'check', weight: 0, reverse: false }] },
};

for (const [what, more] of Object.entries(confs)) {
  it(`plays everything that a take-over and a step down ask for, with ${what}`, () => {
    const effects = rehearse(vrrpConf([routerConf(more)], { scripts: [scriptConf()] }));
    const kinds = new Set(effects.map(({ kind }) => kind));
    for (const kind of ['send-advert', 'set-address', 'send-frame', 'remove-address', 'decision'] as const) {
      assert.ok(kinds.has(kind), `no ${kind}`);
    }
    assert.ok(!kinds.has('run-script'), 'a script would have been run');
  });
}
