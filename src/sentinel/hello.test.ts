// The hello as text, and what bytes of any kind do as a hello.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatHello, parseEpoch, parseHello } from './hello.ts';
import { PEER_1_ID, trio } from './test-cast.ts';
import { MY_ID, type Stage } from './test-kit.ts';

const port = fc.integer({ min: 0, max: 65535 });
const epoch = fc.bigInt(0n, 0xffff_ffff_ffff_ffffn);
const runId = fc.stringMatching(/^[0-9a-f]{40}$/);
const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
const hello = fc.record(
  {
    host,
    port,
    runId,
    currentEpoch: epoch,
    masterName: fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/),
    masterHost: host,
    masterPort: port,
    masterConfigEpoch: epoch,
  },
  { noNullPrototype: true },
);

describe('a hello', () => {
  it('has eight fields in the order of sentinel.md §5.1', () => {
    const text = `127.0.0.1,42002,${PEER_1_ID},1,mymaster,127.0.0.1,41003,1`;
    assert.deepEqual(parseHello(text), {
      host: '127.0.0.1',
      port: 42002,
      runId: PEER_1_ID,
      currentEpoch: 1n,
      masterName: 'mymaster',
      masterHost: '127.0.0.1',
      masterPort: 41003,
      masterConfigEpoch: 1n,
    });
  });

  it('is read as it was written', () => {
    fc.assert(fc.property(hello, (each) => assert.deepEqual(parseHello(formatHello(each)), each)));
  });

  it('of any bytes is read or refused, never more', () => {
    const bytes = fc.string({ unit: 'binary', maxLength: 2000 });
    const mangled = fc.tuple(hello, fc.nat(200), bytes).map(([each, at, more]) => {
      const text = formatHello(each);
      return text.slice(0, at) + more.slice(0, 3) + text.slice(at + 1);
    });
    fc.assert(
      fc.property(fc.oneof(bytes, mangled), (text) => {
        const read = parseHello(text);
        if (read !== null) assert.equal(read.runId.length, 40);
      }),
    );
  });

  it('epochs are unsigned 64-bit decimals (sentinel.md §12.18)', () => {
    assert.equal(parseEpoch('18446744073709551615'), 0xffff_ffff_ffff_ffffn);
    for (const text of ['18446744073709551616', '-1', '+1', '1.0', '0x1', ' 1', ''])
      assert.equal(parseEpoch(text), null);
  });
});

describe('receiving', () => {
  const tell = (stage: Stage, text: string): void => void stage.ask('PUBLISH', '__sentinel__:hello', text);
  const peers = (stage: Stage): number =>
    stage.sentinel.snapshot(stage.now).masters[0]?.sentinels.length ?? 0;

  it('our own hello back, by either way, changes nothing (sentinel.md §5.2)', () => {
    const { stage } = trio();
    const own = `10.0.9.1,26379,${MY_ID},0,m1,10.0.1.1,6379,0`;
    tell(stage, own);
    const subscribed = [...stage.wires.values()].find(({ sent }) =>
      sent.some(([name]) => name === 'SUBSCRIBE'),
    );
    const frame = ['message', '__sentinel__:hello', own].map((value) => ({ kind: 'bulk' as const, value }));
    stage.feed({ kind: 'reply', connection: subscribed?.id ?? 0, reply: { kind: 'array', items: frame } });
    assert.equal(peers(stage), 2);
  });

  it('on the channel of a node counts as one; on another channel, or with more elements, it does not', () => {
    const { stage } = trio({ knownSentinels: [] });
    const subscribed = [...stage.wires.values()].find(({ sent }) =>
      sent.some(([name]) => name === 'SUBSCRIBE'),
    );
    const text = `10.0.9.2,26379,${PEER_1_ID},0,m1,10.0.1.1,6379,0`;
    const receive = (...values: string[]): void => {
      const items = values.map((value) => ({ kind: 'bulk' as const, value }));
      stage.feed({ kind: 'reply', connection: subscribed?.id ?? 0, reply: { kind: 'array', items } });
    };
    receive('message', 'other', text);
    receive('message', '__sentinel__:hello', text, 'more');
    receive('pmessage', '__sentinel__:hello', text);
    assert.equal(peers(stage), 0);
    receive('message', '__sentinel__:hello', text);
    assert.equal(peers(stage), 1);
  });

  it('any number of strangers adds no more than 1024 sentinels', () => {
    const { stage } = trio();
    stage.isListening = () => false;
    for (let index = 0; index < 1100; index += 1) {
      const id = `${index}`.padStart(40, '0');
      tell(stage, `10.1.${index >> 8}.${index & 255},26379,${id},0,m1,10.0.1.1,6379,0`);
    }
    assert.equal(peers(stage), 1024);
    assert.equal(stage.sentinel.snapshot(stage.now).counters['hellosRefused'], 1100 - 1022);
  });

  it('the same configuration epoch never moves the master; the same address only takes the number (sentinel.md §5.2)', () => {
    const { stage } = trio();
    const before = stage.effects.length;
    tell(stage, `10.0.9.2,26379,${PEER_1_ID},0,m1,10.0.1.2,6379,0`);
    tell(stage, `10.0.9.2,26379,${PEER_1_ID},0,m1,10.0.1.1,6379,0`);
    assert.deepEqual(
      stage.effects.slice(before).filter(({ effect }) => effect.kind === 'persist'),
      [],
    );
    tell(stage, `10.0.9.2,26379,${PEER_1_ID},3,m1,10.0.1.1,6379,3`);
    assert.equal(stage.sentinel.stateToPersist().conf.masters[0]?.configEpoch, 3n);
    assert.ok(!stage.events().includes('+switch-master'));
  });

  it('a newer configuration calls the script as observer, after +switch-master (sentinel.md §5.2, §8)', () => {
    const { stage } = trio({ clientReconfigScript: '/c' });
    tell(stage, `10.0.9.2,26379,${PEER_1_ID},3,m1,10.0.1.2,6379,3`);
    const names = stage.events().filter((name) => /switch|update|epoch/.test(name));
    assert.deepEqual(names, ['+new-epoch', '+config-update-from', '+switch-master']);
    const run = stage.effects.find(({ effect }) => effect.kind === 'run-script')?.effect;
    assert.deepEqual(run?.kind === 'run-script' ? run.args : [], [
      'm1',
      'observer',
      'start',
      '10.0.1.1',
      '6379',
      '10.0.1.2',
      '6379',
    ]);
  });
});
