// Time that goes on while the machine sleeps. Node's monotonic clock stands still then, and so would our idea of what
// the kernel's lifetimes still allow.

import { checked, libc } from './libc.ts';

const CLOCK_BOOTTIME = 7;
const timespec = Buffer.alloc(16);

/** Milliseconds since boot, with fractions down to the nanosecond; never goes back. */
export function bootClockMs(): number {
  checked(libc().clock_gettime(CLOCK_BOOTTIME, timespec), {
    syscall: 'clock_gettime',
    doing: 'read the boot clock',
  });
  return Number(timespec.readBigInt64LE(0)) * 1_000 + Number(timespec.readBigInt64LE(8)) / 1_000_000;
}
