// What an ordinary user can do with the two capabilities, and what it is told without them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { type Agent, type AgentError, type Cleanup, HOSTS, type Host, skip, startHosts } from './hosts.ts';

const lacksSetpriv = spawnSync('setpriv', ['--version']).status === 0 ? false : 'needs setpriv (util-linux)';
const NOBODY = '65534';

/** An agent that is nobody, with the ambient capabilities given, and one to read a checkout in root's home. */
function nobody(t: Cleanup, host: Host, ...capabilities: readonly string[]): Promise<Agent> {
  const set = ['dac_read_search', ...capabilities].map((name) => `+${name}`).join(',');
  const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  return host.agent(t, 'setpriv', ...user, `--inh-caps=${set}`, `--ambient-caps=${set}`);
}

const options = (host: Host): object => ({
  link: host.link,
  source: HOSTS.a.ipv4,
  group: '224.0.0.18',
  hops: 255,
});

const setting = (host: Host): object => ({
  linkIndex: host.linkIndex,
  address: '10.77.0.100',
  prefixLength: 32,
  peer: null,
  validSeconds: 2,
  preferredSeconds: 2,
  scope: 0,
  label: null,
  broadcast: null,
  flags: [],
});

describe('an ordinary user', { skip: skip || lacksSetpriv }, () => {
  it('sends, receives, announces and sets addresses with CAP_NET_RAW and CAP_NET_ADMIN', async (t) => {
    const { a } = startHosts(t);
    const agent = await nobody(t, a, 'net_raw', 'net_admin');
    assert.deepEqual(await agent.ask('capabilities'), ['CAP_NET_ADMIN', 'CAP_NET_RAW']);
    await agent.ask('open', 's', options(a));
    await agent.ask('send', 's', '224.0.0.18', '21336401000170030a6300640000000000000000');
    await agent.ask('sendFrame', a.linkIndex, `ffffffffffff0200000077010806${'00'.repeat(28)}`, 1);
    await agent.ask('set', setting(a));
    assert.equal((await agent.ask<unknown[]>('removeAll', '10.77.0.100', a.linkIndex)).length, 1);
  });

  it('is told which capability it lacks, by each call that needs one', async (t) => {
    const { a } = startHosts(t);
    const agent = await nobody(t, a);
    assert.deepEqual(await agent.ask('capabilities'), []);
    const lacks = (name: string) => (error: AgentError) => {
      assert.equal(error.code, 'EPERM');
      assert.ok(
        error.message.includes(`needs ${name}: run as root or add AmbientCapabilities=${name}`),
        error.message,
      );
      return true;
    };
    await assert.rejects(agent.ask('open', 's', options(a)), lacks('CAP_NET_RAW'));
    await assert.rejects(agent.ask('sendFrame', a.linkIndex, '00'.repeat(42), 1), lacks('CAP_NET_RAW'));
    await assert.rejects(agent.ask('set', setting(a)), lacks('CAP_NET_ADMIN'));
    await assert.rejects(agent.ask('removeAll', HOSTS.a.ipv4, a.linkIndex), lacks('CAP_NET_ADMIN'));
    // Looking needs none.
    await agent.ask('watch');
    assert.ok((await agent.ask<unknown[]>('addresses')).length > 0);
  });
});
