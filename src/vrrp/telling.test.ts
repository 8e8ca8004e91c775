import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  command,
  groupConf,
  NO_HOOKS,
  routerConf,
  scriptConf,
  virtualAddress,
  vrrpConf,
} from './test-conf.ts';
import type { RouterConf, VrrpConf } from './router-conf.ts';
import { activeStage, interfaceState, Stage, stageOf } from './test-kit.ts';

const HOOKS = {
  ...NO_HOOKS,
  master: command('/m'),
  backup: command('/b'),
  fault: command('/f'),
  stop: command('/s'),
  any: command('/n', 'mine'),
  timeoutMs: 10_000,
};
const FIFO = { fifos: [{ path: '/fifo', script: null }] };

function setLink(stage: Stage, isUp: boolean): void {
  stage.feed({ kind: 'interface', name: 'eth0', state: interfaceState('eth0', { isUp }) });
}

/** Ends hooks as they are started until none is. */
function endAllHooks(stage: Stage): void {
  for (let run = 0; stage.lastRun() > run;) {
    run = stage.lastRun();
    stage.endHook(0, run);
  }
}

/** Active, with all hooks ended. */
function quietStage(more: Partial<RouterConf>, rest: Partial<VrrpConf> = {}): Stage {
  const stage = stageOf(more, rest);
  endAllHooks(stage);
  stage.passTo(5000);
  endAllHooks(stage);
  stage.passTo(10_000);
  return stage;
}

describe('hooks (vrrp.md §3.1)', () => {
  it("are called in pairs, the state's own first, with keepalived's arguments, through a whole life", () => {
    const stage = stageOf({ hooks: HOOKS, priority: 150 }, FIFO);
    const calls: string[] = [];
    const told = (): void => {
      endAllHooks(stage);
      calls.push(
        ...stage
          .hooks()
          .slice(calls.length)
          .map((call) => call.split(' ').slice(1).join(' ')),
      );
    };
    told();
    stage.pass(3500);
    told();
    setLink(stage, false);
    told();
    setLink(stage, true);
    told();
    stage.pass(3500);
    told();
    stage.feed({ kind: 'stop' });
    told();
    const pair = (own: string, state: string): string[] => [own, `/n mine INSTANCE VI_1 ${state} 150`];
    assert.deepEqual(calls, [
      ...pair('/b', 'BACKUP'),
      ...pair('/m', 'MASTER'),
      ...pair('/f', 'FAULT'),
      ...pair('/b', 'BACKUP'),
      ...pair('/m', 'MASTER'),
      ...pair('/s', 'STOP'),
    ]);
    assert.deepEqual(
      stage.of('write-fifo').map(({ line }) => line),
      ['BACKUP', 'MASTER', 'FAULT', 'BACKUP', 'MASTER', 'STOP'].map(
        (state) => `INSTANCE "VI_1" ${state} 150\n`,
      ),
    );
  });

  it('never overlap, and only the newest state waits (vrrp.md §0.9)', () => {
    const stage = stageOf({ hooks: { ...HOOKS, any: null } });
    stage.pass(3700);
    setLink(stage, false);
    setLink(stage, true);
    assert.deepEqual(stage.hooks(), ['0 /b']);
    stage.endHook();
    assert.deepEqual(stage.hooks(), ['0 /b', '3700 /b']);
  });

  it('are ended when they take too long, and the next runs', () => {
    const stage = stageOf({ hooks: { ...HOOKS, any: null } });
    stage.passTo(10_000);
    assert.deepEqual(
      stage.of('signal-run').map(({ signal }) => signal),
      ['SIGTERM'],
    );
    stage.passTo(12_000);
    assert.deepEqual(
      stage.of('signal-run').map(({ signal }) => signal),
      ['SIGTERM', 'SIGKILL'],
    );
    stage.feed({ kind: 'hook-ended', run: stage.lastRun(), exitCode: 0, signal: 9 });
    assert.deepEqual(stage.hooks(), ['0 /b', '12000 /m']);
    assert.deepEqual(stage.events(), ['hook-failed']);
  });

  it('that fail raise an alarm and stop nothing', () => {
    const stage = stageOf({ hooks: HOOKS });
    stage.endHook(3);
    assert.match(stage.of('event')[0]?.text ?? '', /^\/b: exit code 3$/);
    assert.equal(stage.hooks().length, 2);
  });
});

describe('promote before advertise', () => {
  const promoting = (): Stage => {
    const stage = stageOf({ hooks: HOOKS, promoteBeforeAdvertise: { timeoutMs: 5000 } }, FIFO);
    endAllHooks(stage);
    stage.pass(3700);
    assert.equal(stage.state, 'backup');
    assert.equal(stage.view().isPromoting, true);
    assert.deepEqual(stage.hooks(3000), ['3609.375 /m']);
    return stage;
  };

  it('takes the address only once notify_master has ended, and does not call it again', () => {
    const stage = promoting();
    stage.pass(1000);
    assert.deepEqual(stage.adverts(), []);
    stage.endHook();
    assert.equal(stage.state, 'active');
    assert.deepEqual(stage.kinds(4700), [
      'send-advert',
      'set-address',
      'send-frame',
      'write-fifo',
      'run-hook',
    ]);
    assert.deepEqual(stage.hooks(4700), ['4700 /n mine INSTANCE VI_1 MASTER 100']);
  });

  it('takes it anyway when the time is up, with an alarm', () => {
    const stage = promoting();
    stage.passTo(8609);
    assert.equal(stage.state, 'backup');
    stage.passTo(8610);
    assert.equal(stage.state, 'active');
    assert.deepEqual(stage.events(), ['promotion-timeout']);
    stage.endHook();
    assert.deepEqual(stage.hooks(8000).length, 1);
  });

  it('takes it anyway when the hook fails, with an alarm', () => {
    const stage = promoting();
    stage.endHook(1);
    assert.equal(stage.state, 'active');
    assert.deepEqual(stage.events(), ['hook-failed']);
  });

  it('is given up for a better advert, and the hook is told what holds', () => {
    const stage = promoting();
    stage.hear({ priority: 200 });
    assert.equal(stage.view().isPromoting, false);
    stage.endHook();
    assert.equal(stage.state, 'backup');
    assert.deepEqual(stage.hooks(3700), ['3700 /b']);
    stage.pass(3600);
    assert.deepEqual(stage.adverts(), []);
    stage.pass(10);
    assert.equal(stage.view().isPromoting, true);
  });

  it('goes on while only lower routers are heard', () => {
    const stage = promoting();
    stage.hear({ priority: 50 });
    stage.hear({ priority: 0 });
    assert.equal(stage.view().isPromoting, true);
  });

  it('waits for a hook that still runs, but not longer than its time', () => {
    const stage = stageOf({
      hooks: { ...HOOKS, timeoutMs: 60_000 },
      promoteBeforeAdvertise: { timeoutMs: 2000 },
    });
    stage.passTo(5000);
    assert.deepEqual(stage.hooks(), ['0 /b']);
    stage.passTo(5610);
    assert.equal(stage.state, 'active');
    endAllHooks(stage);
    assert.deepEqual(stage.hooks(1), ['5610 /m', '5610 /n mine INSTANCE VI_1 MASTER 100']);
  });

  it('is waited for by a whole group', () => {
    const routers = [1, 2].map((id) =>
      routerConf({
        name: `R${id}`,
        virtualRouterId: id,
        addresses: [virtualAddress(`10.99.0.10${id}`)],
        ...(id === 1
          ? { hooks: { ...NO_HOOKS, master: command('/m') }, promoteBeforeAdvertise: { timeoutMs: 5000 } }
          : {}),
      }),
    );
    const stage = new Stage(vrrpConf(routers, { groups: [groupConf('G', ['R1', 'R2'])] }));
    stage.pass(4000);
    assert.equal(stage.view('R2').state, 'backup');
    stage.endHook();
    assert.equal(stage.view('R1').state, 'active');
    assert.equal(stage.view('R2').state, 'active');
  });
});

describe('mails (vrrp.md §3.4)', () => {
  it("have keepalived's subjects, and none says the same as the last", () => {
    const stage = stageOf({ sendsMail: true });
    stage.pass(4000);
    setLink(stage, false);
    stage.feed({ kind: 'stop' });
    assert.deepEqual(
      stage.of('send-mail').map(({ subject }) => subject),
      [
        '[stage] VRRP Instance VI_1 - Entering BACKUP state',
        '[stage] VRRP Instance VI_1 - Entering MASTER state',
        '[stage] VRRP Instance VI_1 - Entering FAULT state',
        '[stage] VRRP Instance VI_1 - Stopping',
      ],
    );
  });

  it('tell of a group as of one', () => {
    const groups = [groupConf('G', ['VI_1'], { sendsMail: true })];
    const stage = stageOf({}, { groups });
    stage.pass(4000);
    stage.feed({ kind: 'stop' });
    assert.deepEqual(
      stage.of('send-mail').map(({ subject }) => subject),
      [
        '[stage] VRRP Group G - Entering BACKUP state',
        '[stage] VRRP Group G - Entering MASTER state',
        '[stage] VRRP Group G - Stopping',
      ],
    );
  });

  it('tell of what a reload takes away, in the word that its hooks get', () => {
    for (const deleted of [null, command('/d')]) {
      const stage = quietStage({ sendsMail: true, hooks: { ...HOOKS, deleted } });
      stage.feed({ kind: 'reload', conf: vrrpConf([routerConf({ virtualRouterId: 52 })]) });
      const [mail] = stage.of('send-mail', 10_000);
      const word = deleted === null ? 'Entering FAULT state' : 'Deleted';
      assert.equal(mail?.subject, `[stage] VRRP Instance VI_1 - ${word}`);
    }
  });

  it('leave faults out with no_email_faults', () => {
    const stage = stageOf({ sendsMail: true }, { mailsFaults: false });
    setLink(stage, false);
    assert.equal(stage.of('send-mail').length, 1);
  });
});

describe('stopping (vrrp.md §1.12)', () => {
  it('says so once, lets go, runs the stop hooks and leaves when they have ended', () => {
    const stage = quietStage({ hooks: HOOKS });
    stage.feed({ kind: 'stop' });
    assert.deepEqual(
      stage.kinds(10_000).filter((kind) => kind !== 'run-hook'),
      ['send-advert', 'remove-address'],
    );
    assert.deepEqual(stage.adverts(10_000), ['10000 0']);
    assert.deepEqual(stage.of('exit'), []);
    endAllHooks(stage);
    assert.deepEqual(stage.hooks(10_000), ['10000 /s', '10000 /n mine INSTANCE VI_1 STOP 100']);
    assert.equal(stage.of('exit').length, 1);
    assert.equal(stage.vrrp.deadline(), Infinity);
  });

  it('waits for them no longer than a second, and ends running scripts and hooks', () => {
    const stage = quietStage({ hooks: HOOKS }, { scripts: [scriptConf({ timeoutMs: 100_000 })] });
    stage.feed({ kind: 'stop' });
    stage.pass(999);
    assert.deepEqual(stage.of('exit'), []);
    stage.pass(1);
    assert.deepEqual(
      stage.of('exit').map(({ at }) => at),
      [11_000],
    );
    assert.deepEqual(
      stage
        .of('signal-run', 10_000)
        .map(({ signal }) => signal)
        .sort(),
      ['SIGKILL', 'SIGTERM'],
    );
  });

  it('sends nothing as a backup', () => {
    const stage = stageOf();
    stage.feed({ kind: 'stop' });
    assert.deepEqual(stage.adverts(), []);
    assert.equal(stage.of('exit').length, 1);
  });
});

describe('a reload (vrrp.md §1.12)', () => {
  it('changes nothing about an address that stays, and tells no hook', () => {
    const stage = quietStage({ hooks: HOOKS });
    stage.feed({ kind: 'reload', conf: { ...stage.conf } });
    assert.equal(stage.state, 'active');
    assert.deepEqual(stage.of('remove-address'), []);
    assert.deepEqual(stage.hooks(10_000), []);
    assert.deepEqual(
      stage
        .of('set-address', 10_000)
        .map(({ isNew }) => isNew)
        .includes(true),
      false,
    );
    // One before, so that peers wait however long it takes, and one after.
    assert.equal(stage.adverts(10_000).length, 2);
  });

  it('removes what went and takes and announces what came', () => {
    const stage = activeStage({ addresses: [virtualAddress('10.99.0.100'), virtualAddress('10.99.0.101')] });
    const addresses = [virtualAddress('10.99.0.101'), virtualAddress('10.99.0.102')];
    stage.feed({ kind: 'reload', conf: vrrpConf([routerConf({ addresses })]) });
    assert.deepEqual(
      stage.of('remove-address').map(({ address }) => address.address),
      ['10.99.0.100'],
    );
    const taken = stage.of('set-address', 10_000).filter(({ isNew }) => isNew);
    assert.deepEqual(
      taken.map(({ address }) => address.address),
      ['10.99.0.102'],
    );
    assert.ok(stage.of('send-frame', 10_000).length > 0);
  });

  it('lets a virtual router go that is gone, as a fault or as deleted (vrrp.md §3.1)', () => {
    for (const deleted of [null, command('/d')]) {
      const stage = quietStage({ hooks: { ...HOOKS, deleted } });
      stage.feed({ kind: 'reload', conf: vrrpConf([routerConf({ virtualRouterId: 52 })]) });
      assert.deepEqual(stage.adverts(10_000), ['10000 100', '10000 0']);
      assert.equal(stage.of('remove-address', 10_000).length, 1);
      endAllHooks(stage);
      const word = deleted === null ? 'FAULT' : 'DELETED';
      assert.deepEqual(stage.hooks(10_000).at(-1), `10000 /n mine INSTANCE VI_1 ${word} 100`);
      assert.equal(stage.vrrp.snapshot(stage.now).routers[0]?.state, 'backup');
    }
  });

  it('keeps the verdict of a check that did not change', () => {
    const tracking = [{ kind: 'script', name: 'check', weight: -10, reverse: false }] as const;
    const stage = stageOf({ tracking }, { scripts: [scriptConf()] });
    stage.endScript(1);
    stage.feed({ kind: 'reload', conf: { ...stage.conf } });
    assert.equal(stage.view().effectivePriority, 90);
    stage.feed({ kind: 'reload', conf: { ...stage.conf, scripts: [scriptConf({ rise: 2 })] } });
    assert.equal(stage.view().effectivePriority, 100);
  });

  it('writes all states to the FIFO where asked', () => {
    const stage = activeStage({}, FIFO);
    stage.feed({ kind: 'reload', conf: { ...stage.conf, tellStatesOnReload: true } });
    assert.deepEqual(
      stage.of('write-fifo', 10_000).map(({ line }) => line),
      ['INSTANCE "VI_1" MASTER 100\n'],
    );
  });
});

it('logs once what the machine could not do', () => {
  const stage = activeStage();
  for (let times = 0; times < 3; times++) {
    stage.feed({
      kind: 'effect-failed',
      effect: 'send-advert',
      router: 'VI_1',
      detail: 'EPERM: a local firewall drops protocol 112',
    });
  }
  assert.equal(stage.of('log', 10_000).length, 1);
});
