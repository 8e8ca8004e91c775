// Ordered switches of primaries.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { error } from '../resp/reply.ts';
import { backendConf, endpointsConf, REPLICA, serverConf, Stage, target, TIMING } from './test-kit.ts';

const A = '10.0.0.1:6379';
const B = '10.0.0.2:6379';
const C = '10.0.0.3:6379';
const SENTINELS = ['10.0.1.1:26379', '10.0.1.2:26379', '10.0.1.3:26379'];

const servers = [serverConf('a', A), serverConf('b', B), serverConf('c', C)];

function trio(): Stage {
  const stage = new Stage(endpointsConf(backendConf({ servers })));
  stage.model(A, { role: 'master' });
  stage.model(B);
  stage.model(C);
  stage.pass(2_000);
  return stage;
}

const order = (stage: Stage, to: string | null = B): void =>
  stage.feed({ kind: 'switch', id: 1, backend: 'redis', to: to === null ? null : target(to) });

/** What happened to clients and routes, in order. */
function story(stage: Stage): string[] {
  return stage.effects.flatMap(({ effect }) => {
    if (effect.kind === 'switch-step')
      return [effect.step.kind === 'release' && effect.step.isUndone ? 'undo' : effect.step.kind];
    if (effect.kind === 'route') return effect.route.servers.map(({ name }) => `route ${name}`);
    if (effect.kind === 'send' && !['PING', 'INFO'].includes(effect.args[0] ?? ''))
      return [effect.args.join(' ')];
    return [];
  });
}

/** What relays were told of the new primary: whether it surely has everything. */
const saidToHaveAll = (stage: Stage): (boolean | undefined)[] =>
  stage.effects.flatMap(({ effect }) =>
    effect.kind === 'switch-step' && effect.step.kind === 'release' ? [effect.step.hasAll] : [],
  );

describe('an ordered switch judged by what the servers say', () => {
  it('holds, pauses, waits, promotes, leads over, releases, and makes the old one follow, in this order', () => {
    const stage = trio();
    stage.effects.length = 0;
    order(stage);
    stage.pass(400);
    const steps = story(stage).filter((line) => line !== 'route a');
    assert.deepEqual(steps.slice(0, 6), [
      'prepare',
      'hold',
      steps[2],
      'REPLICAOF NO ONE',
      'route b',
      'release',
    ]);
    assert.match(steps[2] ?? '', /^CLIENT PAUSE \d+ WRITE$/);
    assert.deepEqual(steps.slice(6, 9), [
      'REPLICAOF 10.0.0.2 6379',
      'REPLICAOF 10.0.0.2 6379',
      'CLIENT UNPAUSE',
    ]);
    assert.deepEqual(stage.ended()?.isDone, true);
    assert.deepEqual(stage.leadsTo(), [B]);
    assert.deepEqual(saidToHaveAll(stage), [true]);
    stage.pass(3_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    assert.deepEqual(stage.alarms(), []);
    assert.deepEqual(stage.model(C).orders, ['REPLICAOF 10.0.0.2 6379']);
  });

  it('promotes nobody before the offsets are equal', () => {
    const stage = trio();
    stage.model(A).offset = 200;
    order(stage);
    stage.pass(200);
    assert.ok(!stage.model(B).orders.includes('REPLICAOF NO ONE'));
    stage.model(B).offset = 200;
    stage.pass(50);
    assert.ok(stage.model(B).orders.includes('REPLICAOF NO ONE'));
  });

  it('undoes everything when the new one does not catch up in time', () => {
    const stage = trio();
    stage.model(A).offset = 200;
    order(stage);
    stage.pass(2_000);
    assert.match(stage.ended()?.sentence ?? '', /nothing was changed: b .* did not catch up in time/);
    assert.equal(stage.model(A).orders.at(-1), 'CLIENT UNPAUSE');
    assert.ok(story(stage).includes('undo'));
    assert.deepEqual(saidToHaveAll(stage), [false]);
    assert.deepEqual(stage.leadsTo(), [A]);
    assert.equal(stage.model(B).role, 'slave');
  });

  it('undoes everything when the new one refuses', () => {
    const stage = trio();
    stage.model(B).onOrder = () => error('NOPERM not you');
    order(stage);
    stage.pass(1_000);
    assert.match(stage.ended()?.sentence ?? '', /refuses to be promoted: NOPERM/);
    assert.deepEqual(stage.leadsTo(), [A]);
    assert.equal(stage.model(A).orders.at(-1), 'CLIENT UNPAUSE');
  });

  it('undoes everything when replies in flight do not come home', () => {
    const stage = trio();
    stage.answersStep = false;
    order(stage);
    stage.pass(10);
    stage.feed({ kind: 'switch-answer', id: 1, answer: { kind: 'done' } });
    stage.feed({ kind: 'switch-answer', id: 1, answer: { kind: 'failed', sentence: 'a reply is missing' } });
    assert.match(stage.ended()?.sentence ?? '', /nothing was changed: a reply is missing/);
    assert.deepEqual(stage.model(A).orders, []);
  });

  it('says what became of a switch whose new primary died while it was promoted', () => {
    const stage = trio();
    stage.model(B).onOrder = () => {
      stage.model(B).isFrozen = true;
      return null;
    };
    order(stage);
    stage.pass(20_000);
    assert.equal(stage.ended()?.isDone, false);
    assert.match(stage.ended()?.sentence ?? '', /whether b .* was promoted is not known/);
  });

  for (const [what, to, spoil, why] of [
    ['the primary itself', A, {}, /is the primary already/],
    [
      'a stranger',
      '10.0.0.9:1',
      {},
      /is none of the servers of redis: --to 10\.0\.0\.2:6379 or --to 10\.0\.0\.3:6379$/,
    ],
    ['nobody', null, { isLinkUp: false }, /^say whom to switch to: --to 10\.0\.0\.3:6379$/],
    ['a replica whose link is down', B, { isLinkUp: false }, /its link to its primary is down/],
    ['a replica of another history', B, { history: 'h9' }, /cannot be told/],
  ] as const) {
    it(`refuses to switch to ${what}, and touches nothing`, () => {
      const stage = trio();
      stage.model(B, spoil);
      stage.pass(1_000);
      order(stage, to);
      stage.pass(10);
      assert.match(stage.ended()?.sentence ?? '', why);
      assert.deepEqual(
        story(stage).filter((line) => !line.startsWith('route')),
        [],
      );
    });
  }

  for (const [what, old, fresh, why] of [
    ['at a unix socket', '/run/a.sock:0', '/run/b.sock:0', /no server could follow it by a unix socket/],
    [
      'at a loopback address, of one elsewhere',
      A,
      '127.0.0.1:6379',
      /a \(10\.0\.0\.1:6379\) could not follow/,
    ],
  ] as const) {
    it(`refuses to switch to a server ${what}, which others cannot follow there`, () => {
      const named = [serverConf('a', old), serverConf('b', fresh)];
      const stage = new Stage(endpointsConf(backendConf({ servers: named })));
      stage.model(old, { role: 'master' });
      stage.model(fresh);
      stage.pass(1_000);
      order(stage, fresh);
      stage.pass(10);
      assert.match(stage.ended()?.sentence ?? '', why);
      assert.deepEqual([stage.model(old).orders, stage.model(fresh).orders], [[], []]);
    });
  }

  it('switches among servers of this machine, however each is named', () => {
    const named = [serverConf('a', '/run/a.sock:0'), serverConf('b', '127.0.0.1:6380')];
    const stage = new Stage(endpointsConf(backendConf({ servers: named })));
    stage.model('/run/a.sock:0', { role: 'master' });
    stage.model('127.0.0.1:6380');
    stage.pass(1_000);
    order(stage, '127.0.0.1:6380');
    stage.pass(500);
    assert.equal(stage.ended()?.isDone, true, stage.ended()?.sentence);
    assert.ok(stage.model('/run/a.sock:0').orders.includes('REPLICAOF 127.0.0.1 6380'));
  });

  it('says whom else to name where there is nobody, or no such backend', () => {
    const stage = trio();
    stage.model(B, { isLinkUp: false });
    stage.model(C, { isLinkUp: false });
    stage.pass(1_000);
    order(stage, null);
    stage.pass(10);
    assert.match(
      stage.ended()?.sentence ?? '',
      /no replica could take over now \(not b .*: its link to its primary is down; not c .*: its link to .*\)$/,
    );
    const alone = new Stage(endpointsConf(backendConf({ servers: servers.slice(0, 1) })));
    alone.model(A, { role: 'master' });
    alone.pass(1_000);
    order(alone, null);
    alone.pass(10);
    assert.match(alone.ended()?.sentence ?? '', /no replica could take over now: there is none$/);
    stage.feed({ kind: 'switch', id: 2, backend: 'x', to: target(B) });
    assert.equal(stage.ended()?.sentence, 'x is no backend that leads to a primary: --backend redis');
  });

  it('shows what it waits for', () => {
    const stage = trio();
    const shown = () => stage.endpoints.snapshot(stage.now).backends[0]?.switching;
    assert.equal(shown(), null);
    stage.model(A).offset = 200;
    order(stage);
    stage.pass(200);
    const sentence =
      'redis is being switched to 10.0.0.2:6379: clients are held, and the new primary takes the last writes';
    assert.equal(shown(), sentence);
    stage.feed({ kind: 'switch', id: 2, backend: 'redis', to: target(C) });
    assert.equal(
      stage.ended()?.sentence,
      `${sentence}: wait until it is over, "baton endpoint status" tells`,
    );
    stage.pass(2_000);
    assert.equal(shown(), null);
  });

  it('ends also where no endpoint leads to the backend, so that nobody is held', () => {
    const stage = new Stage({ ...endpointsConf(backendConf({ servers })), frontends: [] });
    stage.model(A, { role: 'master', offset: 200 });
    stage.model(B);
    stage.pass(2_000);
    order(stage);
    stage.pass(2_000);
    assert.match(stage.ended()?.sentence ?? '', /nothing was changed: b .* did not catch up in time/);
    stage.model(B).offset = 200;
    order(stage);
    stage.pass(2_000);
    assert.equal(stage.ended()?.isDone, true, stage.ended()?.sentence);
    assert.match(story(stage).join(), /CLIENT PAUSE \d+ WRITE/);
  });

  it('judges by what servers say at that moment, not by what they said before', () => {
    const stage = trio();
    stage.model(B, { isLinkUp: false });
    stage.pass(1_000);
    stage.model(B, { isLinkUp: true });
    order(stage);
    stage.pass(100);
    assert.deepEqual(stage.leadsTo(), [B]);
    stage.model(A, { isLinkUp: false });
    order(stage, A);
    stage.pass(100);
    assert.match(stage.ended()?.sentence ?? '', /its link to its primary is down/);
  });

  for (const [what, conf] of [
    ['watches the servers anew', endpointsConf(backendConf({ servers, timing: { ...TIMING, fall: 5 } }))],
    ['has another lease', { ...endpointsConf(backendConf({ servers })), leaseMs: 2_000 }],
    ['leads to other servers', endpointsConf(backendConf({ servers: servers.slice(1) }))],
    ['leads no writers there', endpointsConf(backendConf({ name: 'readers', servers, role: REPLICA }))],
  ] as const) {
    for (const afterMs of [0, 3, 6, 9, 12]) {
      it(`is carried out whole before a reload ${afterMs} ms later that ${what}`, () => {
        const stage = trio();
        order(stage);
        stage.pass(afterMs);
        stage.feed({ kind: 'reload', conf });
        stage.pass(1_000);
        assert.equal(stage.ended()?.isDone, true, stage.ended()?.sentence);
        assert.deepEqual([stage.model(A).role, stage.model(B).role], ['slave', 'master']);
        assert.equal(stage.model(A).orders.at(-1), 'CLIENT UNPAUSE');
        const [backend] = stage.endpoints.snapshot(stage.now).backends;
        assert.equal(backend?.name, conf.backends[0]?.name, 'and the reload counts then');
        stage.pass(5_000);
        assert.deepEqual(stage.leadsTo(`to-${backend?.name}`), backend?.name === 'readers' ? [A, C] : [B]);
      });
    }
  }

  it('does not keep a reload waiting that leaves its servers alone', () => {
    const stage = trio();
    order(stage);
    stage.pass(3);
    const more = backendConf({ name: 'more', servers: [serverConf('d', '10.0.0.4:6379')] });
    stage.feed({ kind: 'reload', conf: endpointsConf(backendConf({ servers }), more) });
    assert.equal(stage.ended(), null);
    assert.equal(stage.endpoints.snapshot(stage.now).backends.length, 2);
    stage.pass(1_000);
    assert.equal(stage.ended()?.isDone, true);
  });

  it('refuses a second switch while one is under way', () => {
    const stage = trio();
    order(stage);
    stage.feed({ kind: 'switch', id: 2, backend: 'redis', to: target(C) });
    assert.match(
      stage.ended()?.sentence ?? '',
      /^redis is being switched to 10\.0\.0\.2:6379: .*: wait until/,
    );
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [B]);
  });
});

describe('an ordered switch with sentinels', () => {
  function fleet(): Stage {
    const source = {
      kind: 'sentinels',
      sentinels: SENTINELS.map(target),
      group: 'm',
      credentials: null,
      tls: null,
    } as const;
    const stage = new Stage(endpointsConf(backendConf({ source, servers: [] })));
    stage.model(A, { role: 'master' });
    stage.model(B);
    for (const address of SENTINELS) stage.model(address, { group: { primary: A, epoch: 3, replicas: [B] } });
    stage.pass(2_000);
    return stage;
  }
  const elect = (stage: Stage): void => {
    stage.model(B).role = 'master';
    stage.model(A).role = 'slave';
    for (const address of SENTINELS) stage.model(address).group = { primary: B, epoch: 4, replicas: [A] };
  };

  it('lets the primary hand over where sentinels can have it so, and pauses nobody itself', () => {
    const stage = fleet();
    for (const address of SENTINELS) {
      stage.model(address).onOrder = () => {
        elect(stage);
        return null;
      };
    }
    order(stage, null);
    stage.pass(500);
    const steps = story(stage).filter(
      (line) => !/^(route|SENTINEL (MASTER|REPLICAS|GET-)|SUBSCRIBE)/.test(line),
    );
    const [first, second, third, ...rest] = steps;
    assert.deepEqual([first, second, third], ['prepare', 'hold', 'SENTINEL FAILOVER m COORDINATED']);
    assert.deepEqual(new Set(rest), new Set(['REPLCONF GETACK *', 'release']));
    assert.equal(stage.ended()?.isDone, true);
    assert.deepEqual(stage.leadsTo(), [B]);
    assert.deepEqual(saidToHaveAll(stage), [true]);
  });

  it('does not claim that the new primary has everything if the old one died while it handed over', () => {
    const stage = fleet();
    order(stage, null);
    stage.pass(100);
    stage.kill(A);
    stage.pass(100);
    elect(stage);
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    assert.deepEqual(saidToHaveAll(stage), [false]);
  });

  it('has replicas acknowledge all the time while the primary hands over, over connections of their own', () => {
    const stage = fleet();
    stage.model('10.0.0.3:6379', { isLinkUp: false });
    const replicas = [B, '10.0.0.3:6379'];
    for (const address of SENTINELS) stage.model(address).group = { primary: A, epoch: 3, replicas };
    stage.pass(2_000);
    order(stage, null);
    stage.pass(1_000);
    const sent = stage.effects.flatMap(({ effect }) => (effect.kind === 'send' ? [effect] : []));
    const over = new Set(sent.filter(({ args }) => args[0] === 'REPLCONF').map((one) => one.connection));
    assert.deepEqual(
      sent.filter(({ args, connection }) => args[0] !== 'REPLCONF' && over.has(connection)),
      [],
    );
    const { prompts } = stage.model(B);
    assert.ok(prompts > 50, `${prompts} prompts in a second`);
    assert.equal(stage.model(A).prompts, 0);
    assert.equal(stage.model('10.0.0.3:6379').prompts, 0, 'it could not take over');
    elect(stage);
    stage.pass(2_000);
    assert.equal(stage.ended()?.isDone, true);
    const { prompts: until } = stage.model(B);
    stage.pass(2_000);
    assert.equal(stage.model(B).prompts, until, 'and no longer');
    const opened = stage.effects.flatMap(({ effect }) =>
      effect.kind === 'close' ? [effect.connection] : [],
    );
    assert.ok([...over].every((connection) => opened.includes(connection)));
  });

  it('holds, waits for equal offsets, orders a failover, and releases to whom older sentinels name', () => {
    const stage = fleet();
    for (const address of SENTINELS) {
      stage.model(address).onOrder = (text) => {
        if (text.endsWith('COORDINATED'))
          return error("ERR wrong number of arguments for 'sentinel|failover' command");
        elect(stage);
        return null;
      };
    }
    order(stage, null);
    stage.pass(500);
    const steps = story(stage).filter(
      (line) => !/^(route|SENTINEL (MASTER|REPLICAS|GET-)|SUBSCRIBE)/.test(line),
    );
    assert.deepEqual(
      steps.map((line) => line.replace(/\d{3,}/, 'N')),
      [
        'prepare',
        'hold',
        'SENTINEL FAILOVER m COORDINATED',
        'CLIENT PAUSE N WRITE',
        'SENTINEL FAILOVER m',
        'release',
        'CLIENT UNPAUSE',
      ],
    );
    assert.equal(stage.ended()?.isDone, true);
    assert.deepEqual(stage.leadsTo(), [B]);
    assert.deepEqual(saidToHaveAll(stage), [true]);
  });

  it('undoes everything when the sentinel refuses', () => {
    const stage = fleet();
    for (const address of SENTINELS)
      stage.model(address).onOrder = () => error('NOGOODSLAVE No suitable replica');
    order(stage, null);
    stage.pass(500);
    assert.match(stage.ended()?.sentence ?? '', /nothing was changed: the sentinel refuses: NOGOODSLAVE/);
    assert.deepEqual(stage.leadsTo(), [A]);
  });

  it('does not let the operator choose in their place', () => {
    const stage = fleet();
    order(stage, B);
    stage.pass(10);
    assert.match(stage.ended()?.sentence ?? '', /the sentinels choose/);
  });
});
