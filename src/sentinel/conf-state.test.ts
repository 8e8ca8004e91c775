// From the configuration to the tables and back.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KNOWN_PEERS, PEER_1_ID, trio } from './test-cast.ts';
import { MY_ID, Stage, stageConf } from './test-kit.ts';

describe('the state', () => {
  it('that is saved is the one that was loaded (sentinel.md §2.3)', () => {
    const conf = stageConf(
      [
        {
          knownReplicas: [
            { host: '10.0.1.2', port: 6379 },
            { host: 'fd00::3', port: 6379 },
          ],
          knownSentinels: KNOWN_PEERS,
          notificationScript: '/n',
          clientReconfigScript: '/c',
          authPass: 'two words',
          authUser: 'me',
          masterRebootDownAfterMs: 7,
          renamedCommands: new Map([['ping', 'KNOCK']]),
          configEpoch: 4n,
          leaderEpoch: 6n,
          parallelSyncs: 3,
          quorum: 5,
        },
        { knownSentinels: KNOWN_PEERS },
      ],
      { currentEpoch: 9n, sentinelUser: 'u', sentinelPass: 'p', announcePort: 7 },
    );
    const first = new Stage({ conf, actor: () => null });
    const saved = first.sentinel.stateToPersist().conf;
    assert.deepEqual({ ...saved, server: null }, { ...conf, server: null });
    const second = new Stage({ conf: saved, actor: () => null });
    assert.deepEqual(second.sentinel.stateToPersist().conf, saved);
  });

  it('without an id gets one, and saves it at once (sentinel.md §2.6)', () => {
    const conf = stageConf([{}], { myId: null });
    const stage = new Stage({ conf, actor: () => null });
    assert.match(stage.sentinel.stateToPersist().conf.myId ?? '', /^[0-9a-f]{40}$/);
    assert.ok(stage.effects.some(({ effect }) => effect.kind === 'persist'));
    const known = new Stage({ conf: stageConf([{}]), actor: () => null });
    assert.ok(!known.effects.some(({ effect }) => effect.kind === 'persist'));
    assert.ok(known.logged().includes(`Sentinel ID is ${MY_ID}`));
  });

  it('with a configuration epoch above the current one raises that (sentinel.md §2.3)', () => {
    const stage = new Stage({ conf: stageConf([{ configEpoch: 12n }]), actor: () => null });
    assert.equal(stage.sentinel.stateToPersist().conf.currentEpoch, 12n);
  });

  it('passes over what says nothing new: ourselves, the master as its own replica, the same replica twice', () => {
    const knownReplicas = ['10.0.1.1', '10.0.1.2', '10.0.1.2'].map((host) => ({ host, port: 6379 }));
    const self = { host: '10.0.9.1', port: 26379, runId: MY_ID };
    const stage = new Stage({
      conf: stageConf([{ knownReplicas, knownSentinels: [self] }]),
      actor: () => null,
    });
    const [master] = stage.sentinel.stateToPersist().conf.masters;
    assert.deepEqual(master?.knownReplicas, [{ host: '10.0.1.2', port: 6379 }]);
    assert.deepEqual(master.knownSentinels, []);
  });

  it('is saved at the moments of sentinel.md §2.6, and at no other', () => {
    const { stage } = trio();
    const saves = (act: () => void): number => {
      const before = stage.effects.length;
      act();
      return stage.effects.slice(before).filter(({ effect }) => effect.kind === 'persist').length;
    };
    const hello = (text: string) => (): void => void stage.ask('PUBLISH', '__sentinel__:hello', text);
    const vote = (epoch: string, id: string) => (): void =>
      void stage.ask('SENTINEL', 'is-master-down-by-addr', '10.0.1.1', '6379', epoch, id);
    assert.equal(
      saves(() => stage.pass(60_000)),
      0,
    );
    assert.equal(saves(hello(`10.0.9.7,26379,${'d'.repeat(40)},0,m1,10.0.1.1,6379,0`)), 1);
    assert.equal(saves(hello(`10.0.9.7,26379,${'d'.repeat(40)},3,m1,10.0.1.1,6379,0`)), 1);
    assert.equal(saves(hello(`10.0.9.7,26379,${'d'.repeat(40)},3,m1,10.0.1.1,6379,2`)), 0);
    assert.equal(saves(vote('3', PEER_1_ID)), 1);
    assert.equal(saves(vote('3', 'd'.repeat(40))), 0);
    assert.ok(saves(vote('4', PEER_1_ID)) >= 1);
    assert.ok(saves(hello(`10.0.9.7,26379,${'d'.repeat(40)},5,m1,10.0.1.2,6379,5`)) >= 1);
    stage.pass(500);
    assert.equal(
      saves(() => void stage.ask('SENTINEL', 'DEBUG', 'info-period', '9000')),
      0,
    );
  });
});
