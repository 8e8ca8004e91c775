// Hostnames: who waits for the resolver, and what is remembered.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OK } from '../resp/reply.ts';
import { Names } from './names.ts';
import { Cast, PEER_1_ID, trio } from './test-cast.ts';
import { Stage, stageConf } from './test-kit.ts';

function namesWithLog(enabled = true): { names: Names; asked: string[] } {
  const asked: string[] = [];
  return { names: new Names(enabled, (host) => asked.push(host)), asked };
}

describe('Names', () => {
  it('waits for all names at once, and goes on when the last is there', () => {
    const { names, asked } = namesWithLog();
    let done = 0;
    names.whenKnown(['a.example', '10.0.0.1', 'b.example', 'A.example'], () => (done += 1));
    assert.deepEqual(asked, ['a.example', 'b.example']);
    names.settle('b.example', '10.0.0.2');
    assert.equal(done, 0);
    names.settle('a.example', '10.0.0.3');
    assert.equal(done, 1);
    assert.equal(names.ipOf('A.EXAMPLE'), '10.0.0.3');
  });

  it('does not ask again for what it knows, but for what had no address the last time', () => {
    const { names, asked } = namesWithLog();
    let done = 0;
    const count = (): void => void (done += 1);
    names.whenKnown(['a.example', 'b.example'], count);
    names.settle('a.example', '10.0.0.3');
    names.settle('b.example', null);
    names.whenKnown(['a.example', 'b.example'], count);
    assert.deepEqual(asked, ['a.example', 'b.example', 'b.example']);
    names.settle('b.example', null);
    assert.equal(done, 2);
  });

  it('asks once for all who wait', () => {
    const { names, asked } = namesWithLog();
    let done = 0;
    for (let times = 0; times < 5; times += 1) names.whenKnown(['a.example'], () => (done += 1));
    assert.deepEqual(asked, ['a.example']);
    names.settle('a.example', null);
    assert.equal(done, 5);
  });

  it('asks for nothing while names are not allowed (sentinel.md §7.7)', () => {
    const { names, asked } = namesWithLog(false);
    let done = 0;
    names.whenKnown(['a.example'], () => (done += 1));
    assert.deepEqual([asked, done], [[], 1]);
    assert.ok(!names.isAllowed('a.example'));
    assert.ok(names.isAllowed('fe80::1%eth0'));
  });

  it('keeps a bounded number of names', () => {
    const { names } = namesWithLog();
    for (let index = 0; index < 5000; index += 1) names.settle(`h${index}.example`, '10.0.0.1');
    assert.equal(names.ipOf('h0.example'), '');
    assert.equal(names.ipOf('h4999.example'), '10.0.0.1');
  });

  it('takes nothing for a name that would break a hello or a file', () => {
    const { names } = namesWithLog();
    for (const host of ['', 'a b', 'a,b', 'a\nb', 'x'.repeat(256)]) assert.ok(!names.isAllowed(host), host);
  });
});

describe('a sentinel with resolve-hostnames', () => {
  const names = { resolveHostnames: true, announceHostnames: true };
  const hello = (host: string, epoch: number): string =>
    `10.0.9.2,26379,${PEER_1_ID},${epoch},m1,${host},6379,${epoch}`;

  it('resolves a name anew each time it dials, and dials what it finds (sentinel.md §4.3)', () => {
    const resolver = { 'primary.example': '10.0.1.1' };
    const stage = new Stage({
      conf: stageConf([{ host: 'primary.example' }], names),
      actor: new Cast().actor,
      resolver,
    });
    stage.pass(100);
    assert.ok([...stage.wires.values()].some(({ to }) => to === '10.0.1.1:6379'));
    stage.resolver.set('primary.example', '10.0.1.8');
    stage.kill('10.0.1.1:6379');
    stage.pass(2000);
    assert.ok([...stage.wires.values()].some(({ to }) => to === '10.0.1.8:6379'));
  });

  it('shows a name that does not resolve by that name, so that the file stays loadable', () => {
    const resolver = { 'primary.example': null };
    const conf = stageConf([{ host: 'primary.example' }], { resolveHostnames: true });
    const stage = new Stage({ conf, actor: () => null, resolver });
    stage.pass(5000);
    assert.equal(stage.sentinel.stateToPersist().conf.masters[0]?.host, 'primary.example');
    assert.ok(stage.events().includes('+sdown'));
  });

  it('follows a hello to a name that resolves only later', () => {
    const { stage } = trio({}, { conf: names, resolver: { 'new.example': null } });
    stage.ask('PUBLISH', '__sentinel__:hello', hello('new.example', 4));
    assert.ok(!stage.events().includes('+switch-master'));
    stage.resolver.set('new.example', '10.0.1.2');
    stage.ask('PUBLISH', '__sentinel__:hello', hello('new.example', 4));
    assert.ok(stage.told().includes('+switch-master m1 10.0.1.1 6379 new.example 6379'));
  });

  it('MONITOR needs a name that resolves, and asks anew (sentinel.md §7.7)', () => {
    const { stage } = trio({}, { conf: names, resolver: { 'p.example': null } });
    const ask = (): unknown => stage.ask('SENTINEL', 'MONITOR', 'm2', 'p.example', '6379', '1');
    assert.deepEqual(ask(), { kind: 'error', text: 'ERR Invalid IP address or hostname specified' });
    stage.resolver.set('p.example', '10.0.2.1');
    assert.deepEqual(ask(), OK);
    assert.ok(stage.told().includes('+monitor master m2 p.example 6379 quorum 1'));
  });

  it('answers a question about a name it watches by the address behind it (sentinel.md §7.7)', () => {
    const resolver = { 'one.example': '10.0.1.1', 'two.example': '10.0.1.7' };
    const { stage } = trio({}, { conf: names, resolver });
    const vote = (host: string): string => {
      const reply = stage.ask('SENTINEL', 'is-master-down-by-addr', host, '6379', '1', PEER_1_ID);
      const leader = reply?.kind === 'array' ? reply.items[1] : undefined;
      return leader?.kind === 'bulk' ? leader.value : '';
    };
    assert.equal(vote('two.example'), '*');
    assert.equal(vote('one.example'), PEER_1_ID);
  });

  it('sends names in hellos, orders and questions (sentinel.md §0)', () => {
    const resolver = { 'primary.example': '10.0.1.1' };
    const { stage } = trio({ host: 'primary.example' }, { conf: names, resolver });
    stage.pass(3000);
    const published = stage.sends.findLast(({ args }) => args[0] === 'PUBLISH');
    assert.match(published?.args[2] ?? '', /,m1,primary\.example,6379,0$/);
    stage.kill('10.0.1.1:6379');
    stage.pass(1500);
    const question = stage.sends.findLast(({ args }) => args[0] === 'SENTINEL');
    assert.equal(question?.args[2], 'primary.example');
  });
});
