// Programs and maps in the kernel, by the system call bpf(2). Nothing is pinned: whatever a process made here is gone
// when its descriptors are, that is, when the process ends, however it does. (bpf(2) opens them closed on exec.)
//
// Numbers and offsets are those of `union bpf_attr` in linux/bpf.h; what the programs do is endpoint/connect-hook/.

import { closeSync, constants as fileConstants, openSync } from 'node:fs';
import { constants } from 'node:os';
import { type StableMemory, libc } from './libc.ts';
import { type OsError, osError } from './os-error.ts';
import { cString } from './netlink-message.ts';
import { assert } from '../base/assert.ts';

const COMMAND = { mapCreate: 0, mapLookup: 1, mapUpdate: 2, mapDelete: 3, progLoad: 5, linkCreate: 28 };

/** Types of maps, in `enum bpf_map_type`. */
export const MAP_TYPE = { hash: 1, lruHash: 9 } as const;

/** Types of programs, in `enum bpf_prog_type`. */
export const PROGRAM_TYPE = { cgroupSock: 9, cgroupSockAddr: 18 } as const;

/** Where a program is attached, in `enum bpf_attach_type`. */
export const ATTACH_TYPE = {
  inet4Connect: 10,
  inet6Connect: 11,
  inet4GetPeerName: 29,
  inet6GetPeerName: 30,
  inetSockRelease: 34,
} as const;

/** Longer attributes than a kernel knows are fine as long as the rest is zero. */
const ATTRIBUTE_BYTES = 128;
const NAME_BYTES_MAX = 15;
/** Of the verifier's log, of which the end says what is wrong. */
const LOG_BYTES = 1 << 18;
const LOG_TEXT_MAX = 300;
/** For keys, values and programs. */
const SCRATCH_BYTES = 1 << 16;

let memory: { readonly scratch: StableMemory; readonly log: StableMemory } | undefined;

/** Structures that attributes point to. They are used within one call only. */
function stableMemory(): NonNullable<typeof memory> {
  memory ??= { scratch: libc().allocate(SCRATCH_BYTES), log: libc().allocate(LOG_BYTES) };
  return memory;
}

/** The result, or the negative error number. */
function bpf(command: number, fill: (attributes: Buffer) => void): number {
  const attributes = Buffer.alloc(ATTRIBUTE_BYTES);
  fill(attributes);
  // Generic system call numbers but for x64.
  const number = process.arch === 'x64' ? 321 : 280;
  const result = libc().bpf(number, command, attributes, attributes.length);
  return result === -1 ? -libc().errno() : result;
}

/** What an error number of bpf(2) means, with what to do next. */
function bpfError(errno: number, doing: string, detail?: string): OsError {
  const attempt = { syscall: 'bpf', doing };
  const next: Record<number, string> = {
    [constants.errno.EPERM]:
      'this needs CAP_BPF and CAP_NET_ADMIN (before Linux 5.8: CAP_SYS_ADMIN), with LimitMEMLOCK=infinity before Linux 5.11; ' +
      'if they are there, lockdown, a container or a user namespace forbids it: use --path relay',
    [constants.errno.ENOSYS]: 'this kernel has no bpf(2): use --path relay',
    [constants.errno.EINVAL]:
      'the kernel does not know what was asked for (Linux 5.8 or later does): use --path relay',
    [constants.errno.EACCES]: 'the kernel refuses the program: use --path relay and report this',
  };
  const words = [detail, next[errno]].filter((part) => part !== undefined).join('; ');
  return osError(errno, words === '' ? attempt : { ...attempt, detail: words });
}

function checkedBpf(result: number, doing: string): number {
  if (result < 0) throw bpfError(-result, doing);
  return result;
}

function writeName(attributes: Buffer, name: string, at: number): void {
  assert(/^[\w.]+$/.test(name) && name.length <= NAME_BYTES_MAX, `not a name for the kernel: ${name}`);
  attributes.write(name, at, 'latin1');
}

/** Anything in the kernel that lives as long as its descriptor. */
export class BpfObject {
  readonly fd: number;
  #isClosed = false;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Once; a second call does nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.fd);
  }
}

export interface BpfMapOptions {
  readonly type: (typeof MAP_TYPE)[keyof typeof MAP_TYPE];
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly entriesMax: number;
  /** Shown by bpftool. */
  readonly name: string;
}

/** A map. Its calls throw an OsError; they need no capability that making it did not need. */
export class BpfMap extends BpfObject {
  readonly #options: BpfMapOptions;

  constructor(options: BpfMapOptions) {
    const { type, keyBytes, valueBytes, entriesMax, name } = options;
    const made = bpf(COMMAND.mapCreate, (attributes) => {
      attributes.writeUInt32LE(type, 0);
      attributes.writeUInt32LE(keyBytes, 4);
      attributes.writeUInt32LE(valueBytes, 8);
      attributes.writeUInt32LE(entriesMax, 12);
      writeName(attributes, name, 28);
    });
    super(checkedBpf(made, `make the map ${name}`));
    this.#options = options;
  }

  /** Sets an entry, at once and whole: a program sees the old value or the new one. */
  set(key: Uint8Array, value: Uint8Array): void {
    assert(value.length === this.#options.valueBytes, `a value of ${value.length} bytes`);
    stableMemory().scratch.bytes.set(value, this.#valueAt);
    checkedBpf(this.#element(COMMAND.mapUpdate, key), `write to the map ${this.#options.name}`);
  }

  /** A copy of the value; null if there is none. */
  get(key: Uint8Array): Buffer | null {
    const result = this.#element(COMMAND.mapLookup, key);
    if (result === -constants.errno.ENOENT) return null;
    checkedBpf(result, `read the map ${this.#options.name}`);
    const start = this.#valueAt;
    return Buffer.from(stableMemory().scratch.bytes.subarray(start, start + this.#options.valueBytes));
  }

  /** Whether it was there. */
  delete(key: Uint8Array): boolean {
    const result = this.#element(COMMAND.mapDelete, key);
    if (result === -constants.errno.ENOENT) return false;
    checkedBpf(result, `delete from the map ${this.#options.name}`);
    return true;
  }

  /** Values begin at a multiple of eight behind the key. */
  get #valueAt(): number {
    return Math.ceil(this.#options.keyBytes / 8) * 8;
  }

  #element(command: number, key: Uint8Array): number {
    assert(key.length === this.#options.keyBytes, `a key of ${key.length} bytes`);
    const { scratch } = stableMemory();
    scratch.bytes.set(key, 0);
    return bpf(command, (attributes) => {
      attributes.writeUInt32LE(this.fd, 0);
      attributes.writeBigUInt64LE(scratch.address, 8);
      if (command !== COMMAND.mapDelete) {
        attributes.writeBigUInt64LE(scratch.address + BigInt(this.#valueAt), 16);
      }
    });
  }
}

export interface BpfProgramOptions {
  readonly type: (typeof PROGRAM_TYPE)[keyof typeof PROGRAM_TYPE];
  readonly attachType: (typeof ATTACH_TYPE)[keyof typeof ATTACH_TYPE];
  readonly instructions: Uint8Array;
  /** Shown by bpftool. */
  readonly name: string;
}

/** A program that the kernel has verified and translated. Throws an OsError with the end of the verifier's log. */
export class BpfProgram extends BpfObject {
  constructor(options: BpfProgramOptions) {
    super(loaded(options));
  }
}

function loaded(options: BpfProgramOptions): number {
  const result = load(options, false);
  if (result >= 0) return result;
  // Again, for the reason.
  const { log } = stableMemory();
  log.bytes.fill(0);
  const again = load(options, true);
  if (again >= 0) return again;
  throw bpfError(-result, `load the program ${options.name}`, endOfLog(cString(log.bytes)));
}

function load({ type, attachType, instructions, name }: BpfProgramOptions, withLog: boolean): number {
  const { scratch, log } = stableMemory();
  const licence = Buffer.from('MIT\0', 'latin1');
  scratch.bytes.set(licence, 0);
  scratch.bytes.set(instructions, 8);
  return bpf(COMMAND.progLoad, (attributes) => {
    attributes.writeUInt32LE(type, 0);
    attributes.writeUInt32LE(instructions.length / 8, 4);
    attributes.writeBigUInt64LE(scratch.address + 8n, 8);
    attributes.writeBigUInt64LE(scratch.address, 16);
    if (withLog) {
      attributes.writeUInt32LE(1, 24);
      attributes.writeUInt32LE(log.bytes.length, 28);
      attributes.writeBigUInt64LE(log.address, 32);
    }
    writeName(attributes, name, 48);
    attributes.writeUInt32LE(attachType, 68);
  });
}

/** The last lines of a log as one, without the verifier's statistics. */
function endOfLog(log: string): string | undefined {
  const lines = log
    .split('\n')
    .filter((line) => line !== '' && !/^(processed|verification time|stack depth) /.test(line));
  const text = lines.slice(-3).join(' / ').slice(-LOG_TEXT_MAX);
  return text === '' ? undefined : text;
}

/**
 * Attaches a program to a cgroup of version 2, beside those of others. It is taken off when the link is closed, or by
 * the kernel when this process ends. Throws an OsError.
 */
export function attachToCgroup(
  program: BpfProgram,
  folder: string,
  attachType: BpfProgramOptions['attachType'],
): BpfObject {
  const folderFd = openSync(folder, fileConstants.O_RDONLY | fileConstants.O_DIRECTORY);
  try {
    const result = bpf(COMMAND.linkCreate, (attributes) => {
      attributes.writeUInt32LE(program.fd, 0);
      attributes.writeUInt32LE(folderFd, 4);
      attributes.writeUInt32LE(attachType, 8);
    });
    const doing = `attach a program to the cgroup ${folder}`;
    if (result === -constants.errno.EPERM) {
      throw bpfError(
        -result,
        doing,
        'maybe another program claims this cgroup for itself (bpftool cgroup show tells)',
      );
    }
    return new BpfObject(checkedBpf(result, doing));
  } finally {
    closeSync(folderFd);
  }
}
