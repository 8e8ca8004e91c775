// Which of root's powers this process has. A daemon that runs as an ordinary user gets the few it needs from its unit
// (`AmbientCapabilities=`); what is missing is said at start and in the error of the call that needed it.

import { readFileSync } from 'node:fs';

/** Bit numbers of the capabilities that Baton may ever need (linux/capability.h). */
export const CAPABILITY_BITS = {
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_BPF: 39,
} as const;

export type Capability = keyof typeof CAPABILITY_BITS;

/** The effective ones among those we know, read anew from /proc at each call. Throws if /proc isn't mounted. */
export function effectiveCapabilities(): ReadonlySet<Capability> {
  return parseEffectiveCapabilities(readFileSync('/proc/self/status', 'latin1'));
}

/** The same from the text of a `/proc/<pid>/status`; none if it has no `CapEff` line. */
export function parseEffectiveCapabilities(status: string): ReadonlySet<Capability> {
  const [, hex = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? [];
  const mask = BigInt(`0x${hex}`);
  const names = Object.keys(CAPABILITY_BITS) as Capability[];
  return new Set(names.filter((name) => (mask >> BigInt(CAPABILITY_BITS[name])) % 2n === 1n));
}

/** What to do about missing ones: `needs CAP_NET_RAW: run as root or add AmbientCapabilities=CAP_NET_RAW`. */
export function capabilityAdvice(...missing: readonly Capability[]): string {
  return `needs ${missing.join(' and ')}: run as root or add AmbientCapabilities=${missing.join(' ')}`;
}
