// A small assembler for eBPF: instructions as data, jumps by name, and the bytes that bpf(2) takes. It knows the few
// instructions that our programs use, in the machine's own byte order, which is little-endian wherever we run
// (os/libc.ts). Follows the kernel's Documentation/bpf/standardization/instruction-set.rst.

import { assert } from '../../base/assert.ts';

/** r0 is a result, r1 to r5 are arguments and lost in calls, r6 to r9 are kept, r10 is the end of the stack. */
export type Register = 'r0' | 'r1' | 'r2' | 'r3' | 'r4' | 'r5' | 'r6' | 'r7' | 'r8' | 'r9' | 'r10';

/** The maps that our programs use (layout.ts). */
export type MapName = 'endpoints' | 'sockets';

export interface Instruction {
  readonly opcode: number;
  readonly to?: Register;
  readonly from?: Register;
  readonly offset?: number;
  readonly immediate?: number;
  /** Of a jump: the label it goes to. */
  readonly label?: string;
  /** Of the one instruction of double length: 64 bits, or the descriptor of a map. */
  readonly wide?: bigint | { readonly map: MapName };
}

/** A string is a label: a name for the place of the next instruction. */
export type Line = Instruction | string;

/** Bytes of an instruction. */
const SLOT_BYTES = 8;
/** In the source register of the wide instruction: its 64 bits are a map's descriptor. */
const BPF_PSEUDO_MAP_FD = 1;

type Operand = Register | number;

/** Instructions with a register or a number as their operand have two opcodes. */
function either(byNumber: number, byRegister: number, to: Register, operand: Operand): Instruction {
  return typeof operand === 'number'
    ? { opcode: byNumber, to, immediate: operand }
    : { opcode: byRegister, to, from: operand };
}

// Arithmetic, in 64 bits; numbers are sign-extended.
export const set = (to: Register, operand: Operand): Instruction => either(0xb7, 0xbf, to, operand);
export const add = (to: Register, operand: Operand): Instruction => either(0x07, 0x0f, to, operand);
export const multiply = (to: Register, factor: number): Instruction => ({
  opcode: 0x27,
  to,
  immediate: factor,
});
export const shiftRight = (to: Register, bits: number): Instruction => ({
  opcode: 0x77,
  to,
  immediate: bits,
});
/** Keeps the lower 32 bits, so that the verifier knows their range. */
export const keepLower32 = (to: Register): Instruction => ({ opcode: 0xbc, to, from: to });
export const setWide = (to: Register, wide: bigint): Instruction => ({ opcode: 0x18, to, wide });
export const setMap = (to: Register, map: MapName): Instruction => ({ opcode: 0x18, to, wide: { map } });

// Memory: `to = *(from + offset)` and `*(to + offset) = operand`.
export const load32 = (to: Register, from: Register, offset: number): Instruction => ({
  opcode: 0x61,
  to,
  from,
  offset,
});
export const load64 = (to: Register, from: Register, offset: number): Instruction => ({
  opcode: 0x79,
  to,
  from,
  offset,
});
export const store32 = (to: Register, offset: number, operand: Operand): Instruction => ({
  ...either(0x62, 0x63, to, operand),
  offset,
});
export const store64 = (to: Register, offset: number, operand: Operand): Instruction => ({
  ...either(0x7a, 0x7b, to, operand),
  offset,
});

// Jumps compare 64 bits; `atLeast` without a sign.
export const jumpIfEqual = (to: Register, operand: Operand, label: string): Instruction => ({
  ...either(0x15, 0x1d, to, operand),
  label,
});
export const jumpIfUnequal = (to: Register, operand: Operand, label: string): Instruction => ({
  ...either(0x55, 0x5d, to, operand),
  label,
});
export const jumpIfAtLeast = (to: Register, operand: Operand, label: string): Instruction => ({
  ...either(0x35, 0x3d, to, operand),
  label,
});

/** Calls one of the kernel's helpers by its number (`bpf-helpers(7)`). */
export const call = (helper: number): Instruction => ({ opcode: 0x85, immediate: helper });
export const exit = (): Instruction => ({ opcode: 0x95 });

/** The bytes of a program. `maps` are descriptors in the process that loads it. */
export function assemble(lines: readonly Line[], maps: Readonly<Record<MapName, number>>): Uint8Array {
  const places = new Map<string, number>();
  let length = 0;
  for (const line of lines) {
    if (typeof line === 'string') {
      assert(!places.has(line), `the label ${line} is there twice`);
      places.set(line, length);
    } else {
      length += line.wide === undefined ? 1 : 2;
    }
  }

  const view = new DataView(new ArrayBuffer(length * SLOT_BYTES));
  let at = 0;
  for (const line of lines) {
    if (typeof line === 'string') continue;
    const { opcode, label, wide } = line;
    const place = label === undefined ? undefined : places.get(label);
    assert(label === undefined || place !== undefined, `no label ${label}`);
    // Jumps count from the instruction that follows.
    const offset = place === undefined ? (line.offset ?? 0) : place - (at + 1);
    assert(offset >= -0x8000 && offset <= 0x7fff, `an offset of ${offset} is too far`);
    const isMap = typeof wide === 'object';
    const bits = isMap ? BigInt(maps[wide.map]) : (wide ?? null);
    const source = isMap ? BPF_PSEUDO_MAP_FD : numberOf(line.from);
    const byte = at * SLOT_BYTES;
    view.setUint8(byte, opcode);
    view.setUint8(byte + 1, (source << 4) | numberOf(line.to));
    view.setInt16(byte + 2, offset, true);
    view.setInt32(byte + 4, bits === null ? (line.immediate ?? 0) : Number(BigInt.asIntN(32, bits)), true);
    at += 1;
    if (bits !== null) {
      view.setInt32(byte + SLOT_BYTES + 4, Number(BigInt.asIntN(32, bits >> 32n)), true);
      at += 1;
    }
  }
  return new Uint8Array(view.buffer);
}

function numberOf(register: Register | undefined): number {
  return register === undefined ? 0 : Number(register.slice(1));
}
