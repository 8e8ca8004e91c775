// Which of root's powers stay when a daemon becomes an ordinary user, and which a program that it starts gets
// (capabilities(7)). All of it is about the thread that calls: Node's own one, which makes every call of this room and
// forks every child.

import { CAPABILITY_BITS, type Capability } from './capabilities.ts';
import { checked, libc } from './libc.ts';

/** linux/prctl.h. */
const PR_SET_KEEPCAPS = 8;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_LOWER = 3;
/** linux/capability.h: sets of 64 bits, in two structures of `effective`, `permitted`, `inheritable`. */
const LINUX_CAPABILITY_VERSION_3 = 0x2008_0522;
const DATA_BYTES = 24;

/** Those that {@link becomingUser} kept. */
let kept: readonly Capability[] = [];

/** `struct __user_cap_data_struct[2]` with these, and no others, in all three sets. */
export function capabilityData(capabilities: readonly Capability[]): Buffer {
  const data = Buffer.alloc(DATA_BYTES);
  for (const capability of capabilities) {
    const bit = CAPABILITY_BITS[capability];
    for (const set of [0, 4, 8]) {
      const at = (bit < 32 ? 0 : DATA_BYTES / 2) + set;
      data.writeUInt32LE((data.readUInt32LE(at) | (1 << (bit % 32))) >>> 0, at);
    }
  }
  return data;
}

/**
 * `become` gives up root's user id; these capabilities stay, and no others. Throws an OsError if that can't be done, and
 * the process must not go on then: it may have more rights than it should.
 */
export function becomingUser(capabilities: readonly Capability[], become: () => void): void {
  const attempt = { syscall: 'capset', doing: `keep ${capabilities.join(' and ')} as an ordinary user` };
  if (capabilities.length === 0) return become();
  checked(libc().prctl(PR_SET_KEEPCAPS, 1n, 0n, 0n, 0n), { ...attempt, syscall: 'prctl' });
  become();
  const header = Buffer.alloc(8);
  header.writeUInt32LE(LINUX_CAPABILITY_VERSION_3, 0);
  checked(libc().capset(header, capabilityData(capabilities)), attempt);
  kept = capabilities;
}

/** `start` starts a program, which gets this capability if it was kept; no other program does. */
export function lending<T>(capability: Capability, start: () => T): T {
  // Root's children have all of them, and whoever got them from a unit passes them on.
  if (!kept.includes(capability)) return start();
  const set = (what: number): void => {
    const bit = BigInt(CAPABILITY_BITS[capability]);
    checked(libc().prctl(PR_CAP_AMBIENT, BigInt(what), bit, 0n, 0n), {
      syscall: 'prctl',
      doing: `pass ${capability} on to a program`,
    });
  };
  set(PR_CAP_AMBIENT_RAISE);
  try {
    return start();
  } finally {
    set(PR_CAP_AMBIENT_LOWER);
  }
}
