// Gratuitous ARP and unsolicited neighbour advertisements, as another host's kernel takes them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../harness/wait.ts';
import { type AgentError, LINK, skip, startHosts } from './hosts.ts';

const STALE_MAC = '02:00:00:00:00:99';

/** For 10.77.0.100 from 02:00:00:00:77:01, as vrrp.md 4 has it. */
const GRATUITOUS_ARP = [
  'ffffffffffff0200000077010806',
  '00010800060400010200000077010a4d0064ffffffffffff0a4d0064',
].join('');

/** For fd77::100 from 02:00:00:00:77:01, to all nodes. */
const NEIGHBOUR_ADVERTISEMENT = [
  '33330000000102000000770186dd',
  '6000000000203afffd770000000000000000000000000100ff020000000000000000000000000001',
  '8800cccc20000000fd7700000000000000000000000001000201020000007701',
].join('');

/** Puts the ICMPv6 checksum in place of `cccc`: the sum over pseudo-header and message (RFC 4443 2.3). */
function withChecksum(frame: string): string {
  const at = frame.indexOf('cccc');
  const zeroed = frame.replace('cccc', '0000');
  const addresses = zeroed.slice(2 * (14 + 8), 2 * (14 + 40));
  const message = zeroed.slice(2 * (14 + 40));
  const summed = `${addresses}000000200000003a${message}`;
  let sum = 0;
  for (const [word] of summed.matchAll(/..../g)) sum += Number.parseInt(word, 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  const checksum = (~sum & 0xffff).toString(16).padStart(4, '0');
  return zeroed.slice(0, at) + checksum + zeroed.slice(at + 4);
}

describe('announcing an address', { skip }, () => {
  for (const [name, address, frame] of [
    ['gratuitous ARP', '10.77.0.100', GRATUITOUS_ARP],
    ['an unsolicited neighbour advertisement', 'fd77::100', withChecksum(NEIGHBOUR_ADVERTISEMENT)],
  ] as const) {
    it(`by ${name} makes another host send to us at once (vrrp.md 4)`, async (t) => {
      const { a, b } = startHosts(t);
      b.run('ip', 'neighbour', 'add', address, 'lladdr', STALE_MAC, 'dev', LINK, 'nud', 'stale');
      const agent = await a.agent(t);
      await agent.ask('sendFrame', a.linkIndex, frame, 5);
      await until('the new MAC', () =>
        b.run('ip', 'neighbour', 'show', address, 'dev', LINK).includes('02:00:00:00:77:01'),
      );
    });
  }

  it('fails with the reason on an interface that is down or gone', async (t) => {
    const { a } = startHosts(t);
    const agent = await a.agent(t);
    a.run('ip', 'link', 'set', LINK, 'down');
    await assert.rejects(
      agent.ask('sendFrame', a.linkIndex, GRATUITOUS_ARP, 1),
      (error: AgentError) => error.code === 'ENETDOWN' && error.message.includes('interface is down'),
    );
    await assert.rejects(
      agent.ask('sendFrame', 9_999, GRATUITOUS_ARP, 1),
      (error: AgentError) => error.code === 'ENXIO' && error.message.includes('no such interface'),
    );
  });
});
