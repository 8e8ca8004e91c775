// `baton vrrp` and real keepalived as the two halves of a pair, with one file, in network namespaces: in every kind of
// VRRP there is, each in either half.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lacksPing } from '../harness/requirements.ts';
import {
  instanceText,
  Pair,
  unicastLines,
  Visitor,
  VIRTUAL,
  VIRTUAL_IPV6,
  type InstanceText,
} from './one-file-pair.ts';
import { skip } from './routers.ts';

interface Kind {
  readonly name: string;
  readonly instance: InstanceText;
  /** The longest down time of a backup: a holder that lasts longer is heard. */
  readonly downMs: number;
}

const PASSWORD = 'authentication {\n auth_type PASS\n auth_pass secret\n }';

const KINDS: readonly Kind[] = [
  { name: 'VRRPv2', instance: { versions: [2, 2], interval: 1 }, downMs: 3_610 },
  {
    name: 'VRRPv2 with a password',
    instance: { versions: [2, 2], interval: 1, lines: PASSWORD },
    downMs: 3_610,
  },
  {
    name: 'VRRPv2, unicast',
    instance: { versions: [2, 2], interval: 1, lines: unicastLines('ipv4') },
    downMs: 3_610,
  },
  { name: 'VRRPv3 over IPv4', instance: {}, downMs: 1_083 },
  { name: 'VRRPv3 over IPv4, every 0.1 s', instance: { interval: 0.1 }, downMs: 361 },
  { name: 'VRRPv3 over IPv4, unicast', instance: { lines: unicastLines('ipv4') }, downMs: 1_083 },
  { name: 'VRRPv3 over IPv6', instance: { addresses: [VIRTUAL_IPV6] }, downMs: 1_083 },
  {
    name: 'VRRPv3 over IPv6, unicast',
    instance: { addresses: [VIRTUAL_IPV6], lines: unicastLines('ipv6') },
    downMs: 1_083,
  },
];

describe('a pair of ours and keepalived', { skip: skip || lacksPing(), concurrency: true }, () => {
  for (const { name, instance, downMs } of KINDS) {
    const address = instance.addresses?.[0] ?? VIRTUAL;
    const heard = { address, steadyMs: 1.25 * downMs };

    it(`moves the address from ours to keepalived and back: ${name}`, async (t) => {
      const pair = await Pair.make(t, instanceText(instance));
      const visitor = new Visitor(t, pair.lan, address);
      const first = pair.baton('a');
      await pair.settles('a', { address });
      const other = pair.keepalived('b');
      await other.says('Entering BACKUP STATE');
      await pair.settles('a', heard);
      await visitor.reaches('a');

      // Its last advert says that it leaves.
      first.process.kill('SIGTERM');
      assert.equal(await first.ended, 0, first.output);
      await pair.settles('b', { address });
      await visitor.reaches('b');

      // The better one takes over from a living one.
      const second = pair.baton('a');
      await pair.settles('a', { address });
      await visitor.reaches('a');
      await other.says('received priority 0 advertisement');

      // Nobody says anything, and the kernel takes the address.
      second.process.kill('SIGKILL');
      await pair.settles('b', { address });
      // With adverts this slow its end comes before the other's turn.
      if (instance.interval === 1) {
        const { a, b } = pair.ledgers;
        assert.ok(a.lastChangeAt(address) < b.lastChangeAt(address), 'both held it after the crash');
      }
      await visitor.reaches('b');
    });

    it(`moves the address from keepalived to ours and back: ${name}`, async (t) => {
      const pair = await Pair.make(t, instanceText(instance));
      const visitor = new Visitor(t, pair.lan, address);
      const first = pair.keepalived('a');
      await pair.settles('a', { address });
      const mine = pair.baton('b');
      await mine.says('is backup');
      await pair.settles('a', heard);
      await visitor.reaches('a');

      first.process.kill('SIGTERM');
      await pair.settles('b', { address });
      await mine.says('waits for its skew only');
      await visitor.reaches('b');
      await first.ended;

      const second = pair.keepalived('a');
      await pair.settles('a', { address });
      await visitor.reaches('a');
      await mine.says('is backup, not active any more: a better router is active');

      // It leaves its address behind: until it is started anew, both have it, and clients must find the living one.
      second.crash();
      await pair.isShared({ address });
      await visitor.reaches('b');
      await second.ended;
      pair.keepalived('a');
      await pair.settles('a', { address });
      await visitor.reaches('a');
      assert.deepEqual(nonZero(pair.status('b').drops), {});
    });
  }
});

const nonZero = (counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
