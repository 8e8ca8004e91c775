// `baton vrrp status`: what the running VRRP daemon knows, for people or (`--json`) for programs.

import { renderTable, type Column } from '../base/text-table.ts';
import type { KeepalivedStatus } from '../daemon/keepalived-daemon.ts';
import type { RouterSnapshot, Snapshot } from '../vrrp/snapshot.ts';
import { STATE_WORDS } from '../vrrp/transitions.ts';
import { describeEndpointStatus } from './endpoint-status.ts';
import { clean, duration, showStatusOf, type StatusOptions } from './show-status.ts';

const DECISIONS_SHOWN = 5;

/** Prints the status and returns the exit code: 0, 2 (several daemons), 3 (none). */
export const showVrrpStatus = (options: StatusOptions): Promise<number> =>
  showStatusOf('vrrp', options, describeVrrpStatus);

/** Lines for people: virtual routers, then virtual servers. */
export function describeVrrpStatus({ pid, snapshot, decisions, servers }: KeepalivedStatus): string[] {
  const told = decisions.slice(-DECISIONS_SHOWN).map(({ sentence }) => clean(sentence));
  return [
    `vrrp  pid ${pid}`,
    ...(snapshot === null ? [] : ['', ...describeRouters(snapshot)]),
    ...(told.length === 0 ? [] : ['', ...told]),
    // Its first line names the process, which is this one.
    ...(servers === null ? [] : describeEndpointStatus(servers).slice(1)),
  ];
}

function describeRouters(snapshot: Snapshot): string[] {
  const columns: Column[] = [
    { heading: 'INSTANCE' },
    { heading: 'STATE' },
    { heading: 'FOR' },
    { heading: 'PRIORITY', align: 'right' },
    { heading: 'INTERFACE' },
    { heading: 'VRID', align: 'right' },
    { heading: 'ADDRESSES' },
  ];
  const rows = snapshot.routers.map((router) => [
    clean(router.name),
    STATE_WORDS[router.state],
    duration(router.stateAgeMs),
    String(router.effectivePriority),
    clean(router.interface),
    String(router.virtualRouterId),
    router.addresses.map(clean).join(' '),
  ]);
  const lines = renderTable(columns, rows);
  const remarks = snapshot.routers.flatMap((router) => remarksOn(router, snapshot.guardProblem));
  if (remarks.length > 0) lines.push('', ...remarks);
  if (snapshot.trackers.length > 0) {
    const trackers = snapshot.trackers.map(({ kind, name, isUp, detail }) => [
      kind,
      clean(name),
      isUp === null ? '-' : isUp ? 'up' : 'down',
      clean(detail),
    ]);
    const headings = [{ heading: 'TRACKER' }, { heading: 'NAME' }, { heading: 'IS' }, { heading: '' }];
    lines.push('', ...renderTable(headings, trackers));
  }
  return lines;
}

const GUARD_REMARKS = {
  off: ': the guard is off',
  pending: ', as the nft guard is not set up yet',
  stands: ', but the nft guard closes that',
  failed: ', as there is no nft guard',
} as const;

function remarksOn(router: RouterSnapshot, guardProblem: string | null): string[] {
  const { bothHoldMs, rival, faults, peer } = router;
  const remarks = faults.map((fault) => `fault: ${fault}`);
  if (rival !== null) remarks.push(`${rival} is active too`);
  if (router.state === 'backup' && peer !== null) {
    remarks.push(`${peer.address} is active, with priority ${peer.priority}`);
  }
  if (bothHoldMs === null) remarks.push('its addresses outlive this daemon until somebody removes them');
  else if (bothHoldMs > 0) {
    const window = `after a crash two may hold its addresses for ${Math.ceil(bothHoldMs)} ms`;
    remarks.push(
      `${window}${GUARD_REMARKS[router.guard]}${router.guard === 'failed' ? `: ${guardProblem}` : ''}`,
    );
  }
  return remarks.map((remark) => clean(`${router.name}: ${remark}`));
}
