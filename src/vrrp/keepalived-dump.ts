// The machine's state under keepalived's own names, for those who read its dumps: SIGUSR1, SIGUSR2 and the JSON of
// SIGRTMIN+2 (vrrp.md §1.12). Plain data; the shell adds wall-clock time and writes the file.

import type { RouterSnapshot, Snapshot } from './snapshot.ts';
import type { RouterConf, VrrpConf } from './router-conf.ts';
import type { State } from './transitions.ts';

/** keepalived's numbers for states; a stopped one is nowhere to be seen. */
const STATE_NUMBERS: Record<State, number> = { initialize: 0, backup: 1, active: 2, fault: 3, stopped: 0 };

/** keepalived counts durations in microseconds. */
const microseconds = (ms: number): number => Math.round(ms * 1000);
const seconds = (ms: number): number => ms / 1000;

export interface KeepalivedEntry {
  readonly data: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly stats: Readonly<Record<string, number>>;
}

/** One entry a virtual router. `wallClockMs`: now, for the time of the last transition. */
export function keepalivedDump(conf: VrrpConf, snapshot: Snapshot, wallClockMs: number): KeepalivedEntry[] {
  const confs = new Map(conf.routers.map((router) => [router.name, router]));
  return snapshot.routers.flatMap((router) => {
    const one = confs.get(router.name);
    return one === undefined ? [] : [{ data: dataOf(one, router, wallClockMs), stats: statsOf(router) }];
  });
}

function dataOf(conf: RouterConf, router: RouterSnapshot, wallClockMs: number): KeepalivedEntry['data'] {
  const { announcing } = conf;
  return {
    iname: conf.name,
    ifp_ifname: conf.interface,
    vrid: conf.virtualRouterId,
    version: conf.version,
    base_priority: conf.priority,
    effective_priority: router.effectivePriority,
    state: STATE_NUMBERS[router.state],
    wantstate: STATE_NUMBERS[conf.wantsActive ? 'active' : 'backup'],
    last_transition: (wallClockMs - router.stateAgeMs) / 1000,
    adver_int: microseconds(conf.advertIntervalMs),
    master_adver_int: microseconds(router.activeIntervalMs),
    master_priority: router.peer?.priority ?? (router.state === 'active' ? router.effectivePriority : 0),
    vipset: router.isHolding,
    vips: router.addresses,
    nopreempt: !conf.preempt,
    preempt_delay: microseconds(conf.preemptDelayMs),
    auth_type: conf.password === null ? 0 : 1,
    garp_delay: seconds(announcing.delayMs),
    garp_rep: announcing.repeat,
    garp_refresh: seconds(announcing.refreshMs),
    garp_refresh_rep: announcing.refreshRepeat,
    garp_lower_prio_delay: seconds(announcing.lowerPriorityDelayMs),
    garp_lower_prio_rep: announcing.lowerPriorityRepeat,
    lower_prio_no_advert: !conf.lowerPrioritySendsAdvert,
    higher_prio_send_advert: conf.higherPrioritySendsAdvert,
  };
}

function statsOf({ statistics, drops }: RouterSnapshot): KeepalivedEntry['stats'] {
  return {
    advert_rcvd: statistics.advertsReceived,
    advert_sent: statistics.advertsSent,
    become_master: statistics.becameActive,
    release_master: statistics.releasedActive,
    packet_len_err: drops.truncated + drops.oversized + drops.length,
    advert_interval_err: drops.interval,
    ip_ttl_err: drops.ttl + drops['peer-ttl'],
    invalid_type_rcvd: drops.type,
    addr_list_err: statistics.addressListsDiffered,
    invalid_authtype: drops['authentication-unsupported'],
    authtype_mismatch: drops['authentication-type'],
    auth_failure: drops.password,
    pri_zero_rcvd: statistics.releasesReceived,
    pri_zero_sent: statistics.releasesSent,
  };
}
