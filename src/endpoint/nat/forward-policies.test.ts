import assert from 'node:assert/strict';
import { it } from 'node:test';
import { droppingPolicies, remedyFor } from './forward-policies.ts';

const chain = (over: object): object => ({
  chain: {
    family: 'ip',
    table: 'filter',
    name: 'FORWARD',
    type: 'filter',
    hook: 'forward',
    policy: 'drop',
    ...over,
  },
});
const listing = (...chains: readonly object[]): string =>
  JSON.stringify({ nftables: [{ metainfo: { version: '1.0.6' } }, ...chains] });

it('finds the chains that drop what is forwarded, and says how their owner lets clients through', () => {
  const found = droppingPolicies(
    listing(
      chain({}),
      chain({ family: 'ip6' }),
      chain({ family: 'inet', table: 'fw', name: 'forward' }),
      chain({ policy: 'accept' }),
      chain({ hook: 'input' }),
      chain({ family: 'bridge' }),
      chain({ name: 'DOCKER-USER', type: undefined, hook: undefined, policy: undefined }),
    ),
  );
  assert.deepEqual(found.map(remedyFor), [
    'iptables -I FORWARD -m conntrack --ctstate DNAT -j ACCEPT',
    'ip6tables -I FORWARD -m conntrack --ctstate DNAT -j ACCEPT',
    'nft insert rule inet fw forward ct status dnat accept',
  ]);
});

it('finds nothing in what is no list of chains', () => {
  for (const text of ['', 'null', '{}', '{"nftables":[null,{}]}', 'Error: no permission']) {
    assert.deepEqual(droppingPolicies(text), []);
  }
});
