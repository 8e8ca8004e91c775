// The take-over, played before it is needed. A backup waits for days and then has to act within a millisecond or two;
// code that runs for the first time is compiled first, which takes about as long again. So a daemon plays it to itself
// when it starts: the same machine, on an interface of its own imagination, with nobody carrying out what it asks for.

import { encodeAdvert } from './advert.ts';
import type { Effect, Event } from './io.ts';
import type { Family } from './ip-address.ts';
import { PRIORITY_OWNER, PRIORITY_RELEASE, type RouterConf, type VrrpConf } from './router-conf.ts';
import { Vrrp } from './vrrp.ts';

/** Often enough that what the code meets is known to the compiler, too. */
const PERFORMANCES = 8;
/** Adverts that it sends while active. */
const ADVERTS = 3;
/** Reserved for documentation (RFC 5737), and link-local: nobody's. */
const OURS: Readonly<Record<Family, string>> = { ipv4: '192.0.2.1', ipv6: 'fe80::1' };
const THEIRS: Readonly<Record<Family, string>> = { ipv4: '192.0.2.2', ipv6: 'fe80::2' };

/** Plays it with the first virtual router of each family; the answer is what was asked for. */
export function rehearse(conf: VrrpConf): readonly Effect[] {
  const effects: Effect[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const router = conf.routers.find((one) => one.family === family);
    if (router === undefined) continue;
    for (let left = PERFORMANCES; left > 0; left -= 1) perform(conf, router, effects);
  }
  return effects;
}

/** Backup, a release, active, a better router, backup, the end. */
function perform(conf: VrrpConf, original: RouterConf, effects: Effect[]): void {
  const router: RouterConf = {
    ...original,
    priority: Math.min(original.priority, PRIORITY_OWNER - 1),
    preemptDelayMs: 0,
    tracking: [],
    trackSource: false,
    promoteBeforeAdvertise: null,
    sendsMail: false,
  };
  const machine = new Vrrp({
    ...conf,
    routers: [router],
    groups: [],
    scripts: [],
    processes: [],
    files: [],
    redis: [],
    startupDelayMs: 0,
  });
  let now = 0;
  const step = (event: Event): void => {
    effects.push(...machine.step(event, now));
  };
  const tick = (): void => {
    now = Math.max(now, Math.min(machine.deadline(), now + router.advertIntervalMs));
    step({ kind: 'tick' });
  };
  step(beginning(router));
  step(advertOf(router, PRIORITY_RELEASE));
  for (let left = router.downTimerAdverts + 1 + ADVERTS; left > 0; left -= 1) tick();
  step(advertOf(router, PRIORITY_OWNER));
  step({ kind: 'stop' });
}

function beginning(router: RouterConf): Event {
  const { family, addresses, excludedAddresses } = router;
  const names = new Set([
    router.interface,
    ...[...addresses, ...excludedAddresses].map((one) => one.interface),
  ]);
  return {
    kind: 'start',
    interfaces: [...names].map((name) => ({
      name,
      isUp: true,
      macAddress: Uint8Array.from([2, 0, 0, 0, 0, 1]),
      resolvesNeighbours: true,
      forwards: false,
    })),
    addresses: [
      { interface: router.interface, address: OURS[family], prefixLength: family === 'ipv4' ? 24 : 64 },
    ],
  };
}

/** What another router would say. */
function advertOf(router: RouterConf, priority: number): Event {
  const { family, unicast } = router;
  const source = unicast?.peers[0]?.address ?? THEIRS[family];
  const destination = unicast === null ? router.multicastGroup : (router.sourceAddress ?? OURS[family]);
  const content = {
    version: router.version,
    family,
    virtualRouterId: router.virtualRouterId,
    priority,
    intervalMs: router.advertIntervalMs,
    addresses: router.addresses.map(({ address }) => address),
    password: router.password,
    checksum: router.checksum,
  };
  const bytes = encodeAdvert(content, { source, destination });
  return { kind: 'packet', interface: router.interface, family, source, destination, ttl: 255, bytes };
}
