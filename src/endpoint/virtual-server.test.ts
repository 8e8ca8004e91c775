// The machine as keepalived's virtual servers want it (vrrp.md §2.3): quorum, sorry server, and the order in which
// changes are told.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CheckConf } from './checks/check-conf.ts';
import type { BackendConf, ServerConf } from './endpoint-conf.ts';
import { backendConf, endpointsConf, serverConf, Stage } from './test-kit.ts';
import type { HookCommand, RealConf, VirtualConf } from './virtual-conf.ts';

const A = '10.0.0.1:80';
const B = '10.0.0.2:80';
const SORRY = '10.0.0.9:80';
const VS = '[10.0.0.100]:tcp:80';
const TCP: CheckConf = { kind: 'tcp', host: null, port: null, tls: null };

const command = (text: string): HookCommand => ({ argv: text.split(' '), user: null, group: null });

function real(name: string, address: string, more: Partial<RealConf> = {}, check = TCP): ServerConf {
  // retry 1, delay_before_retry 1, delay_loop 5.
  const timing = {
    intervalMs: 5_000,
    fastIntervalMs: 1_000,
    downIntervalMs: 5_000,
    rise: 1,
    fall: 2,
    timeoutMs: 1_000,
  };
  return serverConf(name, address, {
    checks: [{ check, timing }],
    real: {
      label: `[${name}]`,
      up: command(`/up ${name}`),
      down: command(`/down ${name}`),
      sendsMail: false,
      startsAlive: true,
      keepsClients: false,
      hasEqualShare: false,
      ...more,
    },
  });
}

function virtual(more: Partial<VirtualConf> = {}): VirtualConf {
  return {
    label: VS,
    up: command('/quorum up'),
    down: command('/quorum down'),
    sendsMail: false,
    routerId: 'lb1',
    quorum: 1,
    hysteresis: 0,
    sorry: null,
    tellsStop: false,
    hasFifo: false,
    ...more,
  };
}

const SORRY_SERVER = serverConf('sorry', SORRY);

class Farm extends Stage {
  readonly down = new Set<string>();
  readonly weights = new Map<string, number>();

  constructor(more: Partial<VirtualConf> = {}, servers = [real('a', A), real('b', B)]) {
    super(endpointsConf(farm(more, servers)));
    this.checkFinds = (address) => {
      const weight = this.weights.get(address);
      return { isUp: !this.down.has(address), ...(weight === undefined ? {} : { weight }) };
    };
  }

  /** Since the last time. */
  news(): string[] {
    const told = this.told();
    this.effects.splice(
      0,
      this.effects.length,
      ...this.effects.filter(({ effect }) => effect.kind === 'route'),
    );
    return told;
  }

  keeps(): string[] {
    return (this.routes.at(-1)?.keeps ?? []).map(({ host, port }) => `${host}:${port}`);
  }
}

function farm(more: Partial<VirtualConf>, servers: readonly ServerConf[]): BackendConf {
  return backendConf({ role: { kind: 'any' }, servers, virtual: virtual(more) });
}

describe('a virtual server', () => {
  it('tells its quorum at the start, and leads nobody to a server before a check of it succeeded', () => {
    const stage = new Farm();
    stage.checkFinds = null;
    stage.pass(10_000);
    assert.deepEqual(stage.told(), ['hook /quorum up']);
    assert.deepEqual(stage.leadsTo(), []);
  });

  it('takes a dead server out after the retries, and tells that', () => {
    const stage = new Farm({ hasFifo: true });
    stage.pass(2_000);
    assert.deepEqual(stage.leadsTo(), [A, B]);
    assert.deepEqual(stage.news(), ['hook /quorum up', `fifo VS ${VS} UP`]);
    stage.down.add(A);
    stage.pass(4_500);
    assert.deepEqual(stage.leadsTo(), [A, B], 'the first failure is retried');
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    assert.deepEqual(stage.news(), ['hook /down a', `fifo RS [a] ${VS} DOWN`]);
    stage.down.clear();
    stage.pass(5_500);
    assert.deepEqual(stage.leadsTo(), [A, B]);
    assert.deepEqual(stage.news(), ['hook /up a', `fifo RS [a] ${VS} UP`]);
  });

  it('lets the sorry server serve alone once the quorum is lost, and ends it when it is gained', () => {
    const stage = new Farm({ quorum: 2, sorry: SORRY_SERVER, hasFifo: true });
    stage.pass(1_000);
    stage.news();
    stage.down.add(A);
    stage.pass(8_000);
    assert.deepEqual(stage.leadsTo(), [SORRY], 'b is well, but one is not enough');
    assert.deepEqual(stage.news(), [
      'hook /down a',
      `fifo RS [a] ${VS} DOWN`,
      'hook /quorum down',
      `fifo VS ${VS} DOWN`,
    ]);
    stage.down.clear();
    stage.pass(6_000);
    assert.deepEqual(stage.leadsTo(), [A, B]);
    assert.deepEqual(stage.news(), [
      'hook /up a',
      `fifo RS [a] ${VS} UP`,
      'hook /quorum up',
      `fifo VS ${VS} UP`,
    ]);
    assert.deepEqual(stage.keeps(), []);
  });

  it('checks the sorry server, and obeys orders for it', () => {
    const { checks } = real('sorry', SORRY);
    const stage = new Farm({ quorum: 2, sorry: { ...SORRY_SERVER, checks } });
    const names = { backend: 'redis', server: 'sorry' };
    stage.down.add(A);
    stage.pass(8_000);
    assert.deepEqual(stage.leadsTo(), [SORRY]);
    stage.feed({ kind: 'end-sessions', ...names });
    const ends = stage.effects.filter(({ effect }) => effect.kind === 'end-sessions');
    assert.equal(ends.length, 1);
    stage.feed({ kind: 'set-weight', ...names, weight: 3 });
    assert.equal(stage.routes.at(-1)?.servers[0]?.weight, 3);
    stage.feed({ kind: 'set-state', ...names, state: 'maint' });
    assert.deepEqual(stage.leadsTo(), []);
    stage.feed({ kind: 'set-state', ...names, state: 'ready' });
    stage.down.add(SORRY);
    stage.pass(15_000);
    assert.deepEqual(stage.leadsTo(), []);
  });

  it('lets those that are left go on without a quorum where there is no sorry server', () => {
    const stage = new Farm({ quorum: 2 });
    stage.pass(1_000);
    stage.down.add(A);
    stage.pass(8_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    assert.equal(stage.backend().hasQuorum, false);
  });

  it('changes sides only beyond its hysteresis', () => {
    const servers = ['1', '2', '3', '4'].map((last) => real(last, `10.0.0.${last}:80`));
    const stage = new Farm({ quorum: 2, hysteresis: 1, sorry: SORRY_SERVER }, servers);
    const die = (...lasts: string[]): void => {
      stage.down.clear();
      for (const last of lasts) stage.down.add(`10.0.0.${last}:80`);
      stage.pass(8_000);
    };
    stage.pass(1_000);
    die('1', '2', '3');
    assert.equal(stage.backend().hasQuorum, true, '1 is not less than 2 - 1');
    die('1', '2', '3', '4');
    assert.equal(stage.backend().hasQuorum, false);
    die('1', '2');
    assert.equal(stage.backend().hasQuorum, false, '2 is less than 2 + 1');
    die('1');
    assert.equal(stage.backend().hasQuorum, true);
  });

  it('begins with the sorry server where the servers have to prove themselves first (alpha)', () => {
    const alpha = { startsAlive: false };
    const stage = new Farm({ sorry: SORRY_SERVER }, [real('a', A, alpha), real('b', B, alpha)]);
    stage.down.add(A);
    stage.down.add(B);
    stage.pass(1_000);
    assert.deepEqual(stage.leadsTo(), [SORRY]);
    assert.deepEqual(stage.news(), ['hook /quorum down']);
    stage.down.delete(B);
    stage.pass(6_000);
    assert.deepEqual(stage.leadsTo(), [B]);
    assert.deepEqual(stage.news(), ['hook /up b', 'hook /quorum up']);
  });

  it('leaves the clients of a drained server and of one that is inhibited in peace, and no others', () => {
    const stage = new Farm({}, [real('a', A, { keepsClients: true }), real('b', B)]);
    stage.pass(1_000);
    stage.feed({ kind: 'set-weight', backend: 'redis', server: 'b', weight: 0 });
    stage.pass(100);
    assert.deepEqual([stage.leadsTo(), stage.keeps()], [[A], [B]]);
    stage.feed({ kind: 'set-weight', backend: 'redis', server: 'b', weight: 1 });
    stage.down.add(A);
    stage.pass(8_000);
    assert.deepEqual([stage.leadsTo(), stage.keeps()], [[B], [A]]);
    assert.equal(stage.routes.at(-1)?.endsOthers, true);
  });

  it('follows the weight that a check says, and counts it for the quorum', () => {
    const misc: CheckConf = {
      kind: 'command',
      argv: ['/check'],
      user: null,
      group: null,
      saysWeight: true,
      haproxy: null,
    };
    const file: CheckConf = { kind: 'file', path: '/drain', weight: -1 };
    const stage = new Farm({ quorum: 5 }, [real('a', A, {}, misc), real('b', B, {}, file)]);
    stage.weights.set(A, 7);
    stage.weights.set(B, 2);
    stage.pass(1_000);
    assert.deepEqual(
      stage.routes.at(-1)?.servers.map(({ weight }) => weight),
      [7, 3],
    );
    assert.equal(stage.backend().hasQuorum, true);
    stage.weights.set(A, 0);
    stage.pass(5_000);
    assert.deepEqual([stage.leadsTo(), stage.keeps()], [[B], [A]]);
    assert.equal(stage.backend().hasQuorum, false);
  });

  it('spreads checks over time after the first ones, which come at once', () => {
    const conf = real('a', A);
    const checks = conf.checks.map((check) => ({ ...check, secondAfterMs: 3_000 }));
    const stage = new Farm({}, [{ ...conf, checks }]);
    stage.pass(15_000);
    const runs = stage.effects.flatMap(({ at, effect }) => (effect.kind === 'run-check' ? [at] : []));
    const [first = 0] = runs;
    assert.ok(first < 10);
    assert.deepEqual(
      runs.map((at) => at - first),
      [0, 3_000, 8_000, 13_000],
    );
  });

  it('mails with keepalived subjects', () => {
    const stage = new Farm({ sendsMail: true, up: null, down: null }, [
      real('a', A, { sendsMail: true, up: null, down: null }),
    ]);
    stage.pass(1_000);
    stage.down.add(A);
    stage.pass(8_000);
    assert.deepEqual(stage.told(), [
      `mail [lb1] Virtualserver ${VS} - UP`,
      `mail [lb1] Realserver [a] of virtual server ${VS} - DOWN`,
      `mail [lb1] Virtualserver ${VS} - DOWN`,
    ]);
  });

  it('never lets a command overlap with another of the same owner, and skips what is old news', () => {
    const stage = new Farm();
    stage.endsHooks = false;
    stage.pass(1_000);
    stage.news();
    stage.down.add(A);
    stage.pass(8_000);
    const first = stage.effects.findLast(({ effect }) => effect.kind === 'run-hook')?.effect;
    assert.ok(first?.kind === 'run-hook');
    assert.deepEqual(stage.news(), ['hook /down a']);
    stage.down.clear();
    stage.pass(8_000);
    stage.down.add(A);
    stage.pass(8_000);
    stage.down.clear();
    stage.pass(8_000);
    assert.deepEqual(stage.news(), [], 'the first still runs');
    stage.feed({ kind: 'hook-ended', run: first.run, exitCode: 0, signal: 0 });
    assert.deepEqual(stage.news(), ['hook /up a']);
  });

  it('ends a command that takes too long', () => {
    const stage = new Farm();
    stage.endsHooks = false;
    stage.pass(70_000);
    const signals = stage.effects.flatMap(({ at, effect }) =>
      effect.kind === 'signal-hook' ? [[at, effect.signal]] : [],
    );
    assert.deepEqual(signals.slice(0, 2), [
      [60_000, 'SIGTERM'],
      [62_000, 'SIGKILL'],
    ]);
  });

  it('tells of all that was up when the daemon stops, where asked for (omega), and waits for that', () => {
    const stage = new Farm({ tellsStop: true });
    stage.down.add(B);
    stage.pass(8_000);
    stage.news();
    stage.feed({ kind: 'stop' });
    const isOut = (): boolean => stage.effects.some(({ effect }) => effect.kind === 'exit');
    assert.equal(isOut(), false);
    stage.pass(10);
    assert.equal(isOut(), true);
    assert.deepEqual(stage.news(), ['hook /down a', 'hook /quorum down']);
  });

  it('stops in silence otherwise, and waits no more than five seconds for what hangs', () => {
    const silent = new Farm();
    silent.pass(1_000);
    silent.news();
    silent.feed({ kind: 'stop' });
    assert.deepEqual(silent.told(), []);
    assert.ok(silent.effects.some(({ effect }) => effect.kind === 'exit'));
    const hanging = new Farm({ tellsStop: true });
    hanging.pass(1_000);
    hanging.endsHooks = false;
    hanging.feed({ kind: 'stop' });
    hanging.pass(10_000);
    assert.equal(hanging.effects.find(({ effect }) => effect.kind === 'exit')?.at, 6_000);
  });

  it('leads where it led before a reload until each server was looked at anew, but to none that was taken away', () => {
    const c = real('c', '10.0.0.3:80');
    const stage = new Farm({}, [real('a', A), real('b', B), c]);
    stage.pass(1_000);
    stage.checkFinds = null;
    stage.effects.length = 0;
    const conf = farm({ quorum: 2 }, [real('a', A), real('b', B)]);
    stage.feed({ kind: 'reload', conf: endpointsConf(conf) });
    stage.pass(10);
    const runs = stage.effects.flatMap(({ effect }) => (effect.kind === 'run-check' ? [effect.run] : []));
    assert.equal(runs.length, 2);
    for (const run of runs) {
      assert.deepEqual(stage.leadsTo(), [A, B]);
      stage.feed({ kind: 'check-ended', run, isUp: true, detail: '', weight: null });
    }
    assert.deepEqual(stage.leadsTo(), [A, B]);
  });

  it('tells nothing at a reload that changes nothing of who is alive', () => {
    const stage = new Farm();
    stage.down.add(B);
    stage.pass(8_000);
    stage.news();
    const conf = farm({ up: command('/quorum other') }, [real('a', A), real('b', B)]);
    stage.feed({ kind: 'reload', conf: endpointsConf(conf) });
    assert.deepEqual(stage.leadsTo(), [A]);
    stage.pass(8_000);
    assert.deepEqual(stage.news(), []);
    assert.deepEqual(stage.leadsTo(), [A]);
  });

  it('tells its end after a reload that takes it away, when what still runs is over, and ends what takes too long', () => {
    const stage = new Farm({ tellsStop: true });
    stage.endsHooks = false;
    stage.pass(1_000);
    const up = stage.effects.find(({ effect }) => effect.kind === 'run-hook')?.effect;
    assert.ok(up?.kind === 'run-hook');
    assert.deepEqual(stage.news(), ['hook /quorum up']);
    stage.feed({ kind: 'reload', conf: endpointsConf() });
    assert.deepEqual(stage.news(), ['hook /down a', 'hook /down b']);
    stage.feed({ kind: 'hook-ended', run: up.run, exitCode: 0, signal: 0 });
    const down = stage.effects.find(({ effect }) => effect.kind === 'run-hook')?.effect;
    assert.ok(down?.kind === 'run-hook');
    assert.deepEqual(stage.news(), ['hook /quorum down']);
    stage.pass(60_000);
    const isEnded = ({ effect }: (typeof stage.effects)[number]): boolean =>
      effect.kind === 'signal-hook' && effect.run === down.run && effect.signal === 'SIGTERM';
    assert.ok(stage.effects.some(isEnded));
  });
});
