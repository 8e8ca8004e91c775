// Events: their text, who is told, and which are loud enough for the notification script.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { numericAddress } from './address.ts';
import { instanceId, replicaName, shownHost } from './events.ts';
import { newMaster, newPeer, newReplica } from './instance.ts';
import { crash, PEER_1_ID, PEER_2_ID, trio } from './test-cast.ts';

const master = newMaster(
  'm1',
  numericAddress('10.0.0.1', 6379),
  { quorum: 1, downAfterMs: 1, failoverTimeoutMs: 1 },
  0,
);

describe('the identity in an event', () => {
  it('is kind, name and address, and whose it is (sentinel.md §3)', () => {
    const v6 = numericAddress('fd00::2', 6380);
    const replica = newReplica(master, replicaName('fd00::2', 6380), v6, 0);
    const peer = newPeer(master, PEER_1_ID, numericAddress('10.0.9.2', 26379), 0);
    assert.equal(instanceId(master, false), 'master m1 10.0.0.1 6379');
    assert.equal(instanceId(replica, false), 'slave [fd00::2]:6380 fd00::2 6380 @ m1 10.0.0.1 6379');
    assert.equal(instanceId(peer, false), `sentinel ${PEER_1_ID} 10.0.9.2 26379 @ m1 10.0.0.1 6379`);
  });

  it('shows the name with announce-hostnames, and where there is no address (sentinel.md §0)', () => {
    const address = { hostname: 'db.example', ip: '10.0.0.1', port: 1 };
    assert.equal(shownHost(address, true), 'db.example');
    assert.equal(shownHost(address, false), '10.0.0.1');
    assert.equal(shownHost({ ...address, ip: '' }, false), 'db.example');
  });
});

describe('the notification script', () => {
  it('hears every warning about a master and what belongs to it, and no other event (sentinel.md §8)', () => {
    const { stage, cast } = trio({ notificationScript: '/notify' });
    stage.pass(3000);
    crash(stage, cast);
    for (let round = 0; round < 40; round += 1) {
      stage.pass(100);
      for (const { effect } of stage.effects) {
        if (effect.kind !== 'run-script') continue;
        stage.feed({ kind: 'script-ended', run: effect.run, exitCode: 0, signal: 0 });
      }
    }
    const heard = stage.effects.flatMap(({ effect }) =>
      effect.kind === 'run-script' ? [`${effect.args[0]} ${effect.args[1]}`] : [],
    );
    const loud = stage.effects.flatMap(({ effect }) =>
      effect.kind === 'event' && effect.level === 'warning' ? [`${effect.name} ${effect.text}`] : [],
    );
    assert.deepEqual(heard, loud);
    assert.ok(heard.includes('+new-epoch 1'));
    assert.ok(heard.includes(`+switch-master m1 10.0.1.1 6379 10.0.1.2 6379`));
  });

  it('hears of an epoch that a hello or a request for a vote brings (sentinel.md §3)', () => {
    const { stage } = trio({ notificationScript: '/notify' });
    stage.ask('PUBLISH', '__sentinel__:hello', `10.0.9.2,26379,${PEER_1_ID},4,m1,10.0.1.1,6379,0`);
    stage.ask('SENTINEL', 'is-master-down-by-addr', '10.0.1.1', '6379', '5', PEER_2_ID);
    const heard = stage.effects.flatMap(({ effect }) =>
      effect.kind === 'run-script' ? [effect.args.join(' ')] : [],
    );
    assert.deepEqual(heard, [
      '+monitor master m1 10.0.1.1 6379 quorum 2',
      '+new-epoch 4',
      '+new-epoch 5',
      `+vote-for-leader ${PEER_2_ID} 5`,
    ]);
  });

  it('does not hear of TILT (sentinel.md §3)', () => {
    const { stage } = trio({ notificationScript: '/notify' });
    stage.now += 3000;
    stage.feed({ kind: 'tick' });
    assert.ok(stage.events().includes('+tilt'));
    assert.ok(
      !stage.effects.some(({ effect }) => effect.kind === 'run-script' && effect.args[0] === '+tilt'),
    );
  });
});

describe('an event', () => {
  it('is cut after 1024 bytes (sentinel.md §3)', () => {
    const { stage } = trio({}, { conf: { denyScriptsReconfig: false } });
    stage.ask('SENTINEL', 'SET', 'm1', 'auth-user', 'x'.repeat(3000));
    const text = stage.effects.flatMap(({ effect }) => (effect.kind === 'event' ? [effect.text] : [])).at(-1);
    assert.equal(text?.length, 1024);
  });

  it('goes to who subscribed to its name; debug events go to nobody (sentinel.md §3)', () => {
    const { stage } = trio();
    const client = { client: 2, address: '127.0.0.1:2', localAddress: '127.0.0.1:1', isLocal: true, fd: 10 };
    stage.feed({ kind: 'client-connected', ...client });
    stage.feed({ kind: 'command', client: 2, args: ['PSUBSCRIBE', '*'] });
    const before = stage.effects.length;
    stage.ask('SENTINEL', 'RESET', 'm1');
    stage.kill('10.0.1.2:6379');
    stage.pass(3000);
    const got = stage.answered(before).map((reply) => JSON.stringify(reply));
    assert.ok(got.some((text) => text.includes('+reset-master')));
    assert.ok(stage.events().includes('-cmd-link-reconnection'));
    assert.ok(!got.some((text) => text.includes('link-reconnection')));
  });
});
