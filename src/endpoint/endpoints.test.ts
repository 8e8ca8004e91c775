// The machine with nobody to ask but the servers, and its replica endpoints. Sentinels: sentinels.test.ts; ordered
// switches: switchover.test.ts.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backendConf, endpointsConf, type Model, PRIMARY, REPLICA, serverConf, Stage } from './test-kit.ts';

const A = '10.0.0.1:6379';
const B = '10.0.0.2:6379';
const C = '10.0.0.3:6379';

function pair(): Stage {
  const stage = new Stage(endpointsConf(backendConf()));
  stage.model(A, { role: 'master' });
  stage.model(B);
  return stage;
}

describe('a primary endpoint that judges by what the servers say', () => {
  it('leads nowhere before a positive check', () => {
    const stage = pair();
    stage.model(A, { isFrozen: true });
    stage.model(B, { isFrozen: true });
    stage.pass(400);
    assert.deepEqual(stage.leadsTo(), []);
    assert.match(stage.backend().because, /waiting for the first word of a .* and b/);
  });

  it('tells of a start that finds no primary, once, when everybody could have been heard', () => {
    const stage = pair();
    stage.model(A, { role: 'slave' });
    stage.pass(2_900);
    assert.deepEqual(stage.alarms(), []);
    stage.pass(10_000);
    assert.equal(stage.alarms().length, 1);
    assert.match(
      stage.alarms()[0] ?? '',
      /primary: nobody since the start: no server says that it is the primary \(a .*: role:slave; b/,
    );
    stage.model(A).role = 'master';
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    assert.equal(stage.alarms().length, 1);
  });

  it('leads to the one that says it is the primary, and renews that', () => {
    const stage = pair();
    stage.pass(20_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    const generations = new Set(
      stage.routes.filter(({ servers }) => servers.length > 0).map((one) => one.generation),
    );
    assert.equal(generations.size, 1, 'renewing is no change');
    assert.ok(
      stage.routes.length > 30 && stage.routes.length < 60,
      `${stage.routes.length} renewals in 20 s`,
    );
    assert.deepEqual(stage.alarms(), []);
  });

  it('ends the route the moment the primary dies, and follows the promotion', () => {
    const stage = pair();
    stage.pass(1_000);
    stage.kill(A);
    stage.pass(5);
    assert.deepEqual(stage.leadsTo(), [], 'known from the reset and the refusal, not from a poll');
    stage.model(B).role = 'master';
    stage.pass(600);
    assert.deepEqual(stage.leadsTo(), [B]);
  });

  it('keeps the route when a connection ends but the server lives', () => {
    const stage = pair();
    stage.pass(1_000);
    const before = stage.routes.at(-1)?.generation;
    stage.cut(A);
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    assert.equal(stage.routes.at(-1)?.generation, before);
  });

  it('calls a server that hangs up before a word no more often than one that refuses, and says why it is down', () => {
    const calls = (more: Partial<Model>): { count: number; because: string } => {
      const stage = pair();
      stage.pass(1_000);
      // It ends what stands, too.
      stage.model(A, more);
      stage.cut(A);
      stage.model(B).role = 'master';
      stage.pass(5_000);
      assert.deepEqual(stage.leadsTo(), [B]);
      const before = stage.effects.length;
      stage.pass(5_000);
      const made = stage.effects.slice(before).filter(({ effect }) => effect.kind === 'connect');
      const { reason } = stage.backend().servers[0] ?? {};
      return { count: made.length, because: reason ?? '' };
    };
    const refused = calls({ isAlive: false });
    const ended = calls({ hangsUp: true });
    assert.ok(ended.count > 0 && ended.count <= refused.count, `${ended.count} and ${refused.count}`);
    assert.equal(ended.because, 'no answer: the other end hung up');
  });

  it('tells once that a server is down and why, again for another error, and when it is up', () => {
    const stage = pair();
    stage.pass(1_000);
    stage.kill(B);
    stage.pass(5_000);
    stage.model(B, { isAlive: true, isLoading: true });
    stage.pass(5_000);
    stage.model(B).isLoading = false;
    stage.pass(1_000);
    const told = stage.effects.flatMap(({ effect }) =>
      effect.kind === 'event' && effect.name === 'server' ? [`${effect.level} ${effect.text}`] : [],
    );
    assert.deepEqual(told, [
      'info a (10.0.0.1:6379) is up',
      'info b (10.0.0.2:6379) is up',
      'alarm b (10.0.0.2:6379) is down: refused',
      'alarm b (10.0.0.2:6379) is down: LOADING in progress',
      'info b (10.0.0.2:6379) is up',
    ]);
  });

  it('lets the route of a silent primary lapse with its lease', () => {
    const stage = pair();
    stage.pass(1_000);
    stage.model(A).isFrozen = true;
    stage.pass(1_400);
    assert.deepEqual(stage.leadsTo(), [A], 'a moment of silence is nothing');
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), []);
    const last = stage.routes.at(-1);
    assert.ok(last !== undefined && stage.now - last.deadline < 4_000 + 100);
  });

  it('takes a primary that answers PING and hangs on INFO for one that does not answer', () => {
    const stage = pair();
    stage.pass(1_000);
    stage.model(A).hangsOnInfo = true;
    stage.pass(5_000);
    assert.deepEqual(stage.leadsTo(), []);
    assert.match(stage.backend().because, /a .*: it is not up: no answer for \d+ ms/);
    stage.model(A).hangsOnInfo = false;
    stage.pass(5_000);
    assert.deepEqual(stage.leadsTo(), [A]);
  });

  it('keeps the one in use when an old primary returns as primary, and raises an alarm once', () => {
    const stage = pair();
    stage.pass(1_000);
    stage.kill(A);
    stage.model(B).role = 'master';
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    stage.model(A).isAlive = true;
    stage.pass(5_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    assert.equal(stage.alarms().filter((text) => text.startsWith('two-primaries')).length, 1);
    stage.model(A).role = 'slave';
    stage.pass(1_000);
    assert.equal(stage.backend().alarm, null);
  });

  it('chooses neither of two primaries at a cold start', () => {
    const stage = pair();
    stage.model(B).role = 'master';
    stage.pass(5_000);
    assert.deepEqual(stage.leadsTo(), []);
    assert.match(
      stage.backend().because,
      /nobody is chosen: a .* and b .* say that they are the primary; demote one/,
    );
  });

  it('chooses the preferred one of two primaries at a cold start', () => {
    const stage = new Stage(endpointsConf(backendConf({ role: { kind: 'primary', preferred: 'b' } })));
    stage.model(A, { role: 'master' });
    stage.model(B, { role: 'master' });
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [B]);
  });

  it('leads nobody to a server that is loading', () => {
    const stage = pair();
    stage.model(A).isLoading = true;
    stage.pass(3_000);
    assert.deepEqual(stage.leadsTo(), []);
    assert.match(stage.backend().because, /LOADING/);
    stage.model(A).isLoading = false;
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [A]);
  });

  it('says that its credentials are refused without saying them', () => {
    const conf = backendConf({ credentials: { user: null, password: 'geheim' } });
    const stage = new Stage(endpointsConf(conf));
    stage.model(A, { role: 'master', password: 'other' });
    stage.model(B, { knowsNoAuth: true });
    stage.pass(1_000);
    const told = JSON.stringify([
      stage.effects.filter(({ effect }) => effect.kind !== 'send'),
      stage.backend(),
    ]);
    assert.match(told, /it is not up: WRONGPASS/);
    assert.match(told, /unknown command 'AUTH'/);
    assert.ok(!told.includes('geheim'));
    // Nobody gave a password.
    const without = pair();
    without.model(A).password = 'other';
    without.pass(1_000);
    assert.match(without.backend().because, /it is not up: NOAUTH .*: --auth-file FILE/);
  });

  it('leads to no primary that nobody replicates, if it is set so, but gives a promoted one time to get a replica', () => {
    const stage = new Stage(endpointsConf(backendConf({ role: { ...PRIMARY, wantsReplica: true } })));
    stage.model(A, { role: 'master' });
    stage.model(B);
    stage.pass(5_000);
    assert.deepEqual(stage.leadsTo(), []);
    assert.match(stage.backend().because, /nobody replicates it/);
    stage.model(A, { replicas: [B] });
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    // It loses its replica: `fall` answers, then it is none any more.
    stage.model(A, { replicas: [] });
    stage.pass(400);
    assert.deepEqual(stage.leadsTo(), [A]);
    stage.pass(1_200);
    assert.deepEqual(stage.leadsTo(), []);
    stage.kill(A);
    stage.model(B, { role: 'master' });
    stage.pass(100);
    assert.deepEqual(stage.leadsTo(), [B]);
    stage.pass(3_000);
    assert.deepEqual(stage.leadsTo(), []);
  });

  it('looks up no name where a server is at a unix socket', () => {
    const servers = ['/run/redis.sock', '10.0.0.1', 'fd00::1', 'redis.example'].map((host) => ({
      ...serverConf(host, '10.0.0.1:0'),
      host,
    }));
    const stage = new Stage(endpointsConf(backendConf({ servers })));
    stage.pass(10);
    assert.deepEqual(
      stage.backend().servers.map(({ hostName }) => hostName),
      [null, null, null, 'redis.example'],
    );
  });

  it('takes a server in maintenance out, and back', () => {
    const stage = pair();
    stage.pass(1_000);
    stage.feed({ kind: 'set-state', backend: 'redis', server: 'a', state: 'maint' });
    assert.deepEqual(stage.leadsTo(), []);
    stage.feed({ kind: 'set-state', backend: 'redis', server: 'a', state: 'ready' });
    assert.deepEqual(stage.leadsTo(), [A]);
  });

  it('keeps its route over a reload, also one that changes how servers are watched', () => {
    const stage = pair();
    stage.pass(1_000);
    const before = stage.routes.at(-1)?.generation;
    const timing = { ...backendConf().timing, fall: 5 };
    stage.feed({ kind: 'reload', conf: endpointsConf(backendConf({ timing })) });
    stage.pass(5_000);
    assert.deepEqual(stage.leadsTo(), [A]);
    assert.equal(stage.routes.at(-1)?.generation, before);
  });

  it('tells the end of an alarm that began before a reload, and tells the alarm once', () => {
    const stage = pair();
    stage.pass(1_000);
    stage.model(B).role = 'master';
    stage.pass(1_000);
    const timing = { ...backendConf().timing, fall: 5 };
    stage.feed({ kind: 'reload', conf: endpointsConf(backendConf({ timing })) });
    stage.pass(5_000);
    stage.model(B).role = 'slave';
    stage.pass(1_000);
    const told = stage.effects.flatMap(({ effect }) =>
      effect.kind === 'event' && effect.name === 'two-primaries' ? [effect.level] : [],
    );
    assert.deepEqual(told, ['alarm', 'info']);
  });

  it('leads nowhere once it stops', () => {
    const stage = pair();
    stage.pass(1_000);
    stage.feed({ kind: 'stop' });
    assert.deepEqual(stage.routes.at(-1)?.servers, []);
    assert.equal(stage.endpoints.deadline(), Infinity);
  });
});

describe('a replica endpoint', () => {
  function trio(more: Partial<typeof REPLICA> = {}): Stage {
    const servers = [serverConf('a', A), serverConf('b', B), serverConf('c', C)];
    const stage = new Stage(endpointsConf(backendConf({ servers, role: { ...REPLICA, ...more } })));
    stage.model(A, { role: 'master' });
    stage.model(B);
    stage.model(C);
    return stage;
  }

  it('leads to the replicas, not to the primary', () => {
    const stage = trio();
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [B, C]);
  });

  for (const [what, spoil, why] of [
    ['whose link is down', { isLinkUp: false }, /link to its primary is down/],
    ['that is syncing', { isSyncing: true }, /loading a copy/],
    ['that is loading', { isLoading: true }, /LOADING/],
    ['of another history', { history: 'h2' }, /cannot be told/],
  ] as const) {
    it(`leads to no replica ${what}`, () => {
      const stage = trio();
      stage.model(C, spoil);
      stage.pass(2_000);
      assert.deepEqual(stage.leadsTo(), [B]);
      assert.match(stage.backend().because, why);
    });
  }

  it('leads to no replica that is too many bytes behind', () => {
    const stage = trio();
    stage.model(A).offset = 5_000;
    stage.model(B).offset = 4_500;
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    assert.match(stage.backend().because, /c \(10.0.0.3:6379\): 4900 bytes behind, more than 1000/);
  });

  it('leads to no replica whose data is too old, however few bytes it lacks', () => {
    const stage = trio();
    stage.pass(2_000);
    stage.model(A).offset = 110;
    stage.model(B).offset = 110;
    stage.pass(9_000);
    assert.deepEqual(stage.leadsTo(), [B, C]);
    stage.pass(3_000);
    assert.deepEqual(stage.leadsTo(), [B]);
  });

  it('leads to the primary when there is no replica, if it is set so', () => {
    const refusing = trio();
    const yielding = trio({ withoutReplica: 'primary' });
    for (const stage of [refusing, yielding]) {
      stage.model(B, { isLinkUp: false });
      stage.model(C, { isLinkUp: false });
      stage.pass(2_000);
    }
    assert.deepEqual(refusing.leadsTo(), []);
    assert.deepEqual(yielding.leadsTo(), [A]);
  });
});

describe('an endpoint of whoever passes its checks', () => {
  const check = {
    check: { kind: 'tcp', host: null, port: null, tls: null },
    timing: { ...backendConf().timing, rise: 2 },
  } as const;
  function farm(): Stage {
    const servers = [
      serverConf('a', A, { checks: [check] }),
      serverConf('b', B, { checks: [check], weight: 3 }),
      serverConf('c', C, { checks: [check], isBackup: true }),
    ];
    return new Stage(endpointsConf(backendConf({ role: { kind: 'any' }, servers })));
  }
  /** Answers every check under way. */
  function answer(stage: Stage, isUp: (address: string) => boolean): void {
    const runs = stage.effects
      .splice(0)
      .flatMap(({ effect }) => (effect.kind === 'run-check' ? [effect] : []));
    for (const { run, server } of runs) {
      const detail = 'as the test says';
      stage.feed({
        kind: 'check-ended',
        run,
        isUp: isUp(`${server.host}:${server.port}`),
        detail,
        weight: null,
      });
    }
  }
  const play = (stage: Stage, isUp: (address: string) => boolean): string[] => {
    for (let index = 0; index < 8; index += 1) {
      stage.pass(500);
      answer(stage, isUp);
    }
    stage.pass(1);
    stage.pass(1_000);
    return stage.leadsTo();
  };

  it('leads to those that are up, by their weights, and to the backup only without them', () => {
    const stage = farm();
    stage.pass(100);
    assert.deepEqual(stage.leadsTo(), []);
    assert.deepEqual(
      play(stage, () => true),
      [A, B],
    );
    assert.deepEqual(
      stage.routes.at(-1)?.servers.map(({ weight }) => weight),
      [1, 3],
    );
    assert.deepEqual(
      play(stage, (address) => address === C),
      [C],
    );
    assert.deepEqual(
      play(stage, () => false),
      [],
    );
  });
});

it('gives no server more than its largest share', async () => {
  const { capShares } = await import('./choose-replicas.ts');
  assert.deepEqual(capShares([1, 1], 50), [1, 1]);
  const [heavy = 0, ...light] = capShares([10, 1, 1], 50);
  assert.ok(heavy / (heavy + light.reduce((sum, one) => sum + one, 0)) <= 0.501);
  assert.deepEqual(capShares([5, 1], 40), [1, 1], 'fewer servers than shares: equal');
  assert.deepEqual(capShares([7], 10), [7]);
});
