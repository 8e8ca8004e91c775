// When clients that a server already has are closed: by order, or by HAProxy's on-marked-down and on-marked-up.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ServerConf, SessionsConf } from './endpoint-conf.ts';
import type { Effect } from './io.ts';
import { targetText } from './route.ts';
import { backendConf, endpointsConf, serverConf, Stage } from './test-kit.ts';

const [A, B, C] = ['10.0.0.1:80', '10.0.0.2:80', '10.0.0.3:80'];
const NEVER: SessionsConf = { endWhenDown: false, endBackupsWhenUp: false };
const CHECKS: ServerConf['checks'] = [
  { check: { kind: 'tcp', host: null, port: null, tls: null }, timing: backendConf().timing },
];

class Farm extends Stage {
  readonly dead = new Set<string>();

  /** `a` and `b`, and `c` as their backup. */
  constructor(a: Partial<SessionsConf>, b: Partial<SessionsConf> = {}) {
    const servers = [
      serverConf('a', A, { checks: CHECKS, sessions: { ...NEVER, ...a } }),
      serverConf('b', B, { checks: CHECKS, sessions: { ...NEVER, ...b } }),
      serverConf('c', C, { checks: CHECKS, isBackup: true, sessions: NEVER }),
    ];
    super(endpointsConf(backendConf({ role: { kind: 'any' }, servers })));
    this.checkFinds = (address) => ({ isUp: !this.dead.has(address) });
    this.pass(3_000);
  }

  /** Who keeps clients without getting new ones. */
  keeps(): string[] {
    return (this.routes.at(-1)?.keeps ?? []).map(targetText);
  }

  dies(...addresses: readonly string[]): void {
    for (const address of addresses) this.dead.add(address);
    this.pass(5_000);
  }

  revives(...addresses: readonly string[]): void {
    for (const address of addresses) this.dead.delete(address);
    this.pass(5_000);
  }

  /** What comes of an order. */
  orders(backend: string, server: string): Effect[] {
    const before = this.effects.length;
    this.feed({ kind: 'end-sessions', backend, server });
    const effects = this.effects.slice(before).map(({ effect }) => effect);
    return effects.filter(({ kind }) => kind === 'end-sessions');
  }
}

describe('clients that a server already has', () => {
  it('stay on one that is down, unless that one says on-marked-down shutdown-sessions', () => {
    const stage = new Farm({ endWhenDown: true });
    stage.dies(A);
    assert.deepEqual([stage.leadsTo(), stage.keeps()], [[B], [C]]);
    stage.revives(A);
    stage.dies(B);
    assert.deepEqual([stage.leadsTo(), stage.keeps()], [[A], [B, C]]);
  });

  it('stay while a server is drained, and are closed by maintenance as if it were down', () => {
    const stage = new Farm({ endWhenDown: true });
    stage.feed({ kind: 'set-state', backend: 'redis', server: 'a', state: 'drain' });
    assert.deepEqual([stage.leadsTo(), stage.keeps()], [[B], [A, C]]);
    stage.feed({ kind: 'set-state', backend: 'redis', server: 'a', state: 'maint' });
    assert.deepEqual([stage.leadsTo(), stage.keeps()], [[B], [C]]);
  });

  it('stay on a backup until one is up again that says on-marked-up shutdown-backup-sessions', () => {
    const stage = new Farm({}, { endBackupsWhenUp: true });
    stage.dies(A, B);
    assert.deepEqual(stage.leadsTo(), [C]);
    stage.revives(A);
    assert.deepEqual([stage.leadsTo(), stage.keeps()], [[A], [B, C]]);
    stage.revives(B);
    assert.deepEqual([stage.leadsTo(), stage.keeps()], [[A, B], []]);
  });

  it('are closed by order, on every path of the backend, while new ones come as before', () => {
    const stage = new Farm({});
    assert.deepEqual(stage.orders('redis', 'a'), [
      { kind: 'end-sessions', endpoints: ['to-redis'], server: { host: '10.0.0.1', port: 80 } },
    ]);
    assert.deepEqual(stage.leadsTo(), [A, B]);
    assert.deepEqual([stage.orders('redis', 'z'), stage.orders('other', 'a')], [[], []]);
  });
});
