// Sentinel's events: their names, how loud each is, and how an instance is called in their text (sentinel.md §3).
// The name is also the pub/sub channel.

import type { LogLevel } from './io.ts';
import type { Address } from './address.ts';
import { isIpv6 } from './address.ts';
import { masterOf, type Instance } from './instance.ts';

/** Debug events are only logged; the others are also published. */
export const EVENT_LEVELS = {
  '+monitor': 'warning',
  '-monitor': 'warning',
  '+set': 'warning',
  '+reset-master': 'warning',
  '+slave': 'notice',
  '+sentinel': 'notice',
  '+sentinel-address-switch': 'notice',
  '+sentinel-address-update': 'notice',
  '+sentinel-invalid-addr': 'notice',
  '+reboot': 'notice',
  '+role-change': 'verbose',
  '-role-change': 'verbose',
  '+sdown': 'warning',
  '-sdown': 'warning',
  '+odown': 'warning',
  '-odown': 'warning',
  '+new-epoch': 'warning',
  '+try-failover': 'warning',
  '+vote-for-leader': 'warning',
  '+elected-leader': 'warning',
  '+failover-state-select-slave': 'warning',
  '-failover-abort-not-elected': 'warning',
  '-failover-abort-no-good-slave': 'warning',
  '-failover-abort-slave-timeout': 'warning',
  '-failover-abort-master-timeout': 'warning',
  '+selected-slave': 'warning',
  '+failover-state-send-slaveof-noone': 'notice',
  '+failover-state-wait-promotion': 'notice',
  '+promoted-slave': 'warning',
  '+failover-state-reconf-slaves': 'warning',
  '+slave-reconf-sent': 'notice',
  '+slave-reconf-inprog': 'notice',
  '+slave-reconf-done': 'notice',
  '-slave-reconf-sent-timeout': 'notice',
  '+slave-reconf-sent-be': 'notice',
  '+failover-end-for-timeout': 'warning',
  '+failover-end': 'warning',
  '+switch-master': 'warning',
  '+config-update-from': 'warning',
  '+convert-to-slave': 'notice',
  '+fix-slave-config': 'notice',
  '+tilt': 'warning',
  '-tilt': 'warning',
  '-script-error': 'warning',
  '-script-timeout': 'warning',
  '+script-child': 'debug',
  '-script-child': 'debug',
  '-cmd-link-reconnection': 'debug',
  '-pubsub-link-reconnection': 'debug',
} as const satisfies Record<string, LogLevel>;

export type EventName = keyof typeof EVENT_LEVELS;

/** The text of an event is cut here, as the reference cuts it. Bytes. */
export const EVENT_TEXT_BYTES_MAX = 1024;

/**
 * What others are told as an instance's host: the name if names are announced, else the address.
 *
 * Differs from Sentinel: a name that does not resolve is shown as the name, not as nothing, because an empty address
 * makes the configuration file unloadable.
 */
export function shownHost(address: Address, announceHostnames: boolean): string {
  return announceHostnames || address.ip === '' ? address.hostname : address.ip;
}

/** A replica's name: `host:port`, with brackets around an IPv6 address. */
export function replicaName(host: string, port: number): string {
  return isIpv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** How an instance is called in events: `slave 10.0.0.2:6379 10.0.0.2 6379 @ mymaster 10.0.0.1 6379`. */
export function instanceId(instance: Instance, announceHostnames: boolean): string {
  const host = shownHost(instance.address, announceHostnames);
  if (instance.kind === 'master') return `master ${instance.name} ${host} ${instance.address.port}`;
  const kind = instance.kind === 'replica' ? 'slave' : 'sentinel';
  const master = masterOf(instance);
  return (
    `${kind} ${instance.name} ${host} ${instance.address.port} @ ${master.name} ` +
    `${shownHost(master.address, announceHostnames)} ${master.address.port}`
  );
}
