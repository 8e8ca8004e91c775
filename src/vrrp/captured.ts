// For tests only: packets captured from keepalived 2.2.7, as bytes and as what they say (testdata/captured.json).

import captured from './testdata/captured.json' with { type: 'json' };
import type { Packet } from './receive.ts';

export interface Captured {
  readonly name: string;
  /** The whole Ethernet frame. */
  readonly frame: Uint8Array;
  readonly version: 2 | 3;
  readonly virtualRouterId: number;
  readonly priority: number;
  readonly intervalMs: number;
  readonly addresses: readonly string[];
  readonly password: string | null;
  readonly checksum: readonly string[];
  readonly packet: Packet;
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** A captured frame by name, whatever is in it. */
export function capturedFrame(name: string): Uint8Array {
  const found = captured.find((entry) => entry.name === name);
  return bytesOfHex(found?.frame ?? '');
}

/** All captured adverts, AH's message without its header among them. */
export const CAPTURED_ADVERTS: readonly Captured[] = captured.flatMap((entry) => {
  if (entry.message === undefined) return [];
  const source = entry.source ?? '';
  return [
    {
      name: entry.name,
      frame: bytesOfHex(entry.frame),
      version: entry.version === 2 ? 2 : 3,
      virtualRouterId: entry.virtualRouterId ?? 0,
      priority: entry.priority ?? 0,
      intervalMs: entry.intervalMs ?? 0,
      addresses: entry.addresses ?? [],
      password: entry.password ?? null,
      checksum: entry.checksum ?? [],
      packet: {
        kind: 'packet',
        interface: 'eth0',
        family: source.includes(':') ? 'ipv6' : 'ipv4',
        source,
        destination: entry.destination ?? '',
        ttl: entry.ttl ?? 0,
        bytes: bytesOfHex(entry.message),
      },
    },
  ];
});
