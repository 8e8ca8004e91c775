// What is concluded from a picture: who is primary, and whether the fleet is whole.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { agreedPrimary, whatIsMissing } from './picture.ts';
import { member, node, picture } from './testing.ts';

describe('the agreed primary', () => {
  it('is whom a majority of all members names, under the highest epoch they know', () => {
    const members = [
      member(1, { primary: 'redis-2', configEpoch: '9' }),
      member(2, { primary: 'redis-2', configEpoch: '10' }),
      member(3),
    ];
    assert.deepEqual(agreedPrimary(members), { name: 'redis-2', epoch: '10' });
  });

  it('is nobody while half of the members are silent', () => {
    const silent = { answers: false, primary: null };
    assert.equal(agreedPrimary([member(1), member(2), member(3, silent), member(4, silent)]), null);
  });
});

describe('a fleet', () => {
  it('is whole when all agree, live replicas follow, and writes flow', () => {
    assert.equal(whatIsMissing(picture()), null);
    const withoutOne = picture({
      nodes: [node(1), node(2), node(3, { state: 'stopped', role: null, follows: null })],
    });
    assert.equal(whatIsMissing(withoutOne), null);
  });

  const { endpoint } = picture();
  const cases: readonly (readonly [string, Parameters<typeof picture>[0]])[] = [
    [
      'baton-3 still takes redis-2 for the primary',
      { members: [member(1), member(2), member(3, { primary: 'redis-2' })] },
    ],
    [
      'baton-3 does not answer',
      { members: [member(1), member(2), member(3, { answers: false, primary: null })] },
    ],
    [
      'baton-1 stands for election',
      { members: [member(1, { isSettled: false, concerns: ['stands for election'] }), member(2), member(3)] },
    ],
    ['redis-1 is frozen', { nodes: [node(1, { state: 'frozen', role: null }), node(2), node(3)] }],
    ['redis-1 is not a primary yet', { nodes: [node(1, { role: 'replica' }), node(2), node(3)] }],
    ['redis-3 still is a primary too', { nodes: [node(1), node(2), node(3, { role: 'primary' })] }],
    ['redis-3 still follows redis-2', { nodes: [node(1), node(2), node(3, { follows: 'redis-2' })] }],
    ['redis-3 has not caught up with redis-1', { nodes: [node(1), node(2), node(3, { isLinkUp: false })] }],
    ['redis-3 does not answer', { nodes: [node(1), node(2), node(3, { role: null })] }],
    ['the endpoint does not answer', { endpoint: { ...endpoint, answers: false, leadsTo: null } }],
    ['the endpoint leads nowhere', { endpoint: { ...endpoint, leadsTo: null } }],
    ['the endpoint still leads to redis-2', { endpoint: { ...endpoint, leadsTo: 'redis-2' } }],
  ];
  for (const [missing, changes] of cases) {
    it(`is not whole while ${missing}`, () => {
      assert.equal(whatIsMissing(picture(changes)), missing);
    });
  }

  it('is not whole while no write is acknowledged', () => {
    const { writer } = picture();
    assert.equal(
      whatIsMissing(picture({ writer: { ...writer, sinceLastMs: 900 } })),
      'no write is acknowledged',
    );
  });
});
