// That foreign descriptors on Node's loop neither keep a process from ending, nor let it end too early, nor swallow
// what goes wrong.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Agent, HOSTS, skip, startHosts } from './hosts.ts';

const ADVERT = '21336401000170030a6300640000000000000000';

describe('a process with open sockets', { skip }, () => {
  async function listening(t: Parameters<typeof startHosts>[0]): Promise<{ sender: Agent; receiver: Agent }> {
    const { a, b } = startHosts(t);
    const [sender, receiver] = [await a.agent(t), await b.agent(t)];
    const group = '224.0.0.18';
    await sender.ask('open', 's', { link: a.link, source: HOSTS.a.ipv4, group, hops: 255 });
    await receiver.ask('open', 'r', { link: b.link, source: HOSTS.b.ipv4, group, hops: 255 });
    await receiver.ask('watch');
    return { sender, receiver };
  }

  it('still hears after the garbage was collected', async (t) => {
    const { sender, receiver } = await listening(t);
    for (let round = 1; round <= 3; round++) {
      await receiver.ask('collectGarbage');
      await receiver.quiet();
      await sender.ask('send', 's', '224.0.0.18', ADVERT);
      await receiver.tells(`advert ${round}`, () => receiver.told('packet').length === round);
    }
  });

  it('ends by itself, cleanly, once everything is closed', async (t) => {
    const { receiver } = await listening(t);
    void receiver.ask('closeAll').catch(() => {});
    assert.deepEqual(await receiver.ended, { code: 0, signal: null });
    assert.equal(receiver.errorOutput, '');
  });

  it('ends when it is told to, with everything open', async (t) => {
    const { receiver } = await listening(t);
    void receiver.ask('exit').catch(() => {});
    assert.deepEqual(await receiver.ended, { code: 7, signal: null });
    assert.equal(receiver.errorOutput, '');
  });

  it('dies of an exception in a receiver, as it would of any other', async (t) => {
    const { a, b } = startHosts(t);
    const [sender, receiver] = [await a.agent(t), await b.agent(t)];
    const group = '224.0.0.18';
    await sender.ask('open', 's', { link: a.link, source: HOSTS.a.ipv4, group, hops: 255 });
    await receiver.ask('openThrowing', { link: b.link, source: HOSTS.b.ipv4, group, hops: 255 });
    await sender.ask('send', 's', group, ADVERT);
    assert.equal((await receiver.ended).code, 1);
    assert.match(receiver.errorOutput, /thrown by the receiver/);
  });
});
