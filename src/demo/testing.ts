// Pictures for tests: a fleet that is whole, and what a test changes of it.

import type { MemberPicture, NodePicture, Picture } from './picture.ts';

/** `redis-1` is the primary, the others follow it. */
export function node(number: number, changes: Partial<NodePicture> = {}): NodePicture {
  const isPrimary = number === 1;
  return {
    name: `redis-${number}`,
    port: 20_000 + number,
    state: 'running',
    role: isPrimary ? 'primary' : 'replica',
    follows: isPrimary ? null : 'redis-1',
    isLinkUp: !isPrimary,
    offset: 123_456,
    lagBytes: isPrimary ? null : 0,
    ...changes,
  };
}

export function member(number: number, changes: Partial<MemberPicture> = {}): MemberPicture {
  return {
    name: `baton-${number}`,
    port: 21_000 + number,
    answers: true,
    primary: 'redis-1',
    configEpoch: '0',
    concerns: [],
    isSettled: true,
    ...changes,
  };
}

export function picture(changes: Partial<Picture> = {}): Picture {
  return {
    at: 61_000,
    startedAt: 0,
    nodes: [node(1), node(2), node(3)],
    members: [member(1), member(2), member(3)],
    endpoint: {
      port: 22_000,
      answers: true,
      leadsTo: 'redis-1',
      because: 'redis-1 is the primary of demo: 3 of 3 sentinels answer, config epoch 0',
    },
    writer: {
      acknowledged: 12_345,
      errors: 17,
      longestGapMs: 69.2,
      sinceLastMs: 2,
      lost: 0,
    },
    writesPerTick: [80, 81, 79, 0, 80],
    story: [],
    setting: 'Redis 7.0.15, quorum 2 of 3, down after 1 s, fast-crash on',
    ...changes,
  };
}
