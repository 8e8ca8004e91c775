// Our VRRP daemon and real keepalived as the two halves of a pair, in network namespaces.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RouterConf } from '../../src/vrrp/router-conf.ts';
import { routerConf, virtualAddress, vrrpConf } from '../../src/vrrp/test-conf.ts';
import { pause } from '../harness/wait.ts';
import { HOSTS, LINK, startHosts } from '../os/hosts.ts';
import { holds, skip, startKeepalived, startOurs, takes } from './routers.ts';

const VIRTUAL = '10.77.0.100';
const VIRTUAL_IPV6 = 'fd77::100';
/** Whole seconds that an address outlives its holder. */
const LIFETIME_SECONDS = 2;
/** How much later it may be gone. */
const SLACK_MS = 750;

interface Kind {
  readonly name: string;
  readonly virtual: string;
  readonly conf: Partial<RouterConf>;
  /** Lines of keepalived's vrrp_instance. */
  readonly lines: string;
  /** The shortest time from a crash to the other's takeover. */
  readonly downMsMax: number;
}

const KINDS: readonly Kind[] = [
  {
    name: 'VRRPv2 with a password',
    virtual: VIRTUAL,
    conf: { version: 2, password: 'secret' },
    lines: 'version 2\n authentication {\n auth_type PASS\n auth_pass secret\n }',
    downMsMax: 4_000,
  },
  {
    name: 'VRRPv3 over IPv4, unicast',
    virtual: VIRTUAL,
    conf: {
      version: 3,
      unicast: {
        peers: [{ address: HOSTS.b.ipv4, ttlMin: 0, ttlMax: 255 }],
        ttl: 255,
        checkSource: true,
      },
      sourceAddress: HOSTS.a.ipv4,
    },
    lines: `version 3\n unicast_src_ip ${HOSTS.b.ipv4}\n unicast_peer {\n ${HOSTS.a.ipv4}\n }`,
    downMsMax: 4_000,
  },
  {
    name: 'VRRPv3 over IPv6',
    virtual: VIRTUAL_IPV6,
    conf: { version: 3 },
    lines: 'version 3',
    downMsMax: 4_000,
  },
];

const ours = (kind: Kind, more: Partial<RouterConf> = {}) =>
  vrrpConf([
    routerConf({
      name: 'VI_1',
      interface: LINK,
      virtualRouterId: 51,
      priority: 150,
      addresses: [virtualAddress(kind.virtual, { interface: LINK })],
      addressLifetimeSeconds: LIFETIME_SECONDS,
      ...kind.conf,
      ...more,
    }),
  ]);

const theirs = (kind: Kind, priority: number): string => `
vrrp_instance VI_1 {
 state BACKUP
 interface ${LINK}
 virtual_router_id 51
 priority ${priority}
 advert_int 1
 ${kind.lines}
 virtual_ipaddress {
  ${kind.virtual}
 }
}
`;

describe('a pair of ours and keepalived', { skip }, () => {
  for (const kind of KINDS) {
    it(`moves the address both ways: ${kind.name}`, async (t) => {
      const { a, b } = startHosts(t);
      const mine = await startOurs(t, a, ours(kind));
      await takes(() => holds(a, kind.virtual));
      const other = startKeepalived(t, b, theirs(kind, 100));
      await other.says('Entering BACKUP STATE');
      // Longer than its down time: it hears us, or it would take over.
      await pause(kind.downMsMax + 500);
      assert.ok(!holds(b, kind.virtual), other.output);
      assert.ok(holds(a, kind.virtual), mine.output);

      mine.process.kill('SIGKILL');
      const gone = takes(() => !holds(a, kind.virtual));
      const taken = takes(() => holds(b, kind.virtual));
      const goneMs = await gone;
      assert.ok(goneMs <= LIFETIME_SECONDS * 1000 + SLACK_MS, `gone after ${goneMs} ms`);
      assert.ok((await taken) <= kind.downMsMax + SLACK_MS);
      t.diagnostic(`gone ${Math.round(goneMs)} ms after the kill`);

      const second = await startOurs(t, a, ours(kind, { priority: 50 }));
      await second.says('is backup');
      await pause(kind.downMsMax + 500);
      assert.ok(!holds(a, kind.virtual), second.output);
      other.process.kill('SIGTERM');
      // Its last advert says that it leaves: our skew later the address is ours.
      const tookMs = await takes(() => holds(a, kind.virtual));
      assert.ok(tookMs < 1_500, `taken over after ${tookMs} ms`);

      second.process.kill('SIGTERM');
      assert.equal(await second.ended, 0, second.output);
      assert.ok(!holds(a, kind.virtual), 'the address was left behind');
    });
  }
});
