// What the kernel refused, in a form for programs (`code`, `syscall`) and for people (what to do next).

import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { type Capability, capabilityAdvice } from './capabilities.ts';

/** What was tried, for the message; `cannot <doing>: …`. */
export interface Attempt {
  readonly syscall: string;
  /** `open a raw socket`, `add 10.0.0.9/32 to eth0`. */
  readonly doing: string;
  /**
   * What EPERM or EACCES means here: that this capability is missing, or, where the right to send was checked when the
   * socket was opened, that a rule of the machine's own firewall dropped it.
   */
  readonly permission?: Capability | 'firewall';
  /** What the kernel said about it in words, where it did (netlink's extended acknowledgement). */
  readonly detail?: string;
}

/** An operating failure of a call into the kernel. Shells turn it into an event; nobody retries by himself. */
export class OsError extends Error {
  override readonly name = 'OsError';
  /** `EPERM`, `ENODEV`, …; `E<number>` for one without a name. */
  readonly code: string;
  readonly syscall: string;

  constructor(code: string, syscall: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.syscall = syscall;
  }
}

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// Two names of one number: say the one that the kernel's and libc's documents use.
NAMES.set(constants.errno.EAGAIN, 'EAGAIN');
NAMES.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');

/** `EPERM` for 1; `E<number>` where this platform has no name for it. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `E${errno}`;
}

const FIREWALL_ADVICE =
  "this machine's firewall drops it: let it out (for VRRP: IP protocol 112, and 224.0.0.18 or ff02::12)";

/** What to look at, for errors that tell where the trouble is. */
const ADVICE: Readonly<Record<string, string>> = {
  ENODEV: 'there is no such interface (any more)',
  ENXIO: 'there is no such interface (any more)',
  ENETDOWN: 'the interface is down',
  ENETUNREACH: 'no route leads there: is the interface up, and does it still have the source address?',
  EADDRNOTAVAIL: 'the address is not on this machine, or IPv6 is still checking it for duplicates',
  EADDRINUSE: 'another program listens there: stop it, or choose another port',
  ENOBUFS: 'the queue of the interface is full',
  EAFNOSUPPORT: 'the kernel lacks this address family: is IPv6 switched off?',
  EPROTONOSUPPORT: 'the kernel lacks this protocol',
  EMFILE: 'too many open files: raise LimitNOFILE=',
  ENFILE: 'too many open files on this machine: raise fs.file-max',
};

/** The error of an attempt that ended with `errno`. */
export function osError(errno: number, attempt: Attempt): OsError {
  const code = errnoName(errno);
  const words = getSystemErrorMap().get(-errno)?.[1];
  const what = [words === undefined ? code : `${words} (${code})`, attempt.detail].filter(Boolean).join(', ');
  const advice = adviceOn(code, attempt);
  return new OsError(
    code,
    attempt.syscall,
    `cannot ${attempt.doing}: ${what}${advice === undefined ? '' : `; ${advice}`}`,
  );
}

/** One of Node's own, of a server that could not listen; `doing`: `listen on 10.0.0.1:80`. */
export function listenError(error: NodeJS.ErrnoException, doing: string): OsError {
  const { errno, syscall = 'listen' } = error;
  if (errno === undefined) return new OsError(error.code ?? '', syscall, `cannot ${doing}: ${error.message}`);
  return osError(Math.abs(errno), { syscall, doing, permission: 'CAP_NET_BIND_SERVICE' });
}

function adviceOn(code: string, { permission }: Attempt): string | undefined {
  if (code !== 'EPERM' && code !== 'EACCES') return ADVICE[code];
  if (permission === undefined) return undefined;
  return permission === 'firewall' ? FIREWALL_ADVICE : capabilityAdvice(permission);
}
