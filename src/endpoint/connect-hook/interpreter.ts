// Runs the connect hook's programs without a kernel, for their tests: it decodes the very bytes that bpf(2) would get.
// It knows the instructions that assembler.ts writes, keeps pointers as addresses in one make-believe memory, and dies
// of what a verifier would refuse: unknown instructions, wild addresses, registers that a call has lost.

import { assert } from '../../base/assert.ts';
import { CONTEXT, HELPER } from './programs.ts';
import { SOCKET_BYTES } from './layout.ts';
import { byteString } from '../../base/byte-string.ts';

/** What the helpers answer, and the maps as bytes (byte strings to values). */
export interface Surroundings {
  readonly endpoints: Map<string, Uint8Array>;
  readonly sockets: Map<string, Uint8Array>;
  readonly cookie: bigint;
  readonly networkNamespace: bigint;
  readonly bootTimeNs: bigint;
  readonly random: number;
  /** Whether the map of sockets takes another. */
  readonly isFull?: boolean;
}

export interface Outcome {
  /** What the program returned. */
  readonly result: bigint;
  /** What it told setReturn; null if it didn't. */
  readonly errno: bigint | null;
  /** Helpers that were called, in order. */
  readonly helpers: readonly number[];
}

/** Descriptors to assemble with. */
export const MAPS = { endpoints: 1, sockets: 2 };

const STACK_BYTES = 512;
/** Where things are in the make-believe memory. */
const AT = { context: 0x1000, stackEnd: 0x2000 + STACK_BYTES, value: 0x4000, bytes: 0x8000 };
const KEY_BYTES = [0, 20, 8];
const MASK = 0xffff_ffff_ffff_ffffn;
const STEPS_MAX = 1_000;

/** Runs `program` on a context, which it may change. */
export function interpret(program: Uint8Array, context: Uint8Array, around: Surroundings): Outcome {
  const code = new DataView(program.buffer, program.byteOffset, program.length);
  const memory = new Uint8Array(AT.bytes);
  const view = new DataView(memory.buffer);
  memory.set(context, AT.context);
  const registers: (bigint | null)[] = Array<bigint | null>(11).fill(null);
  registers[1] = BigInt(AT.context);
  registers[10] = BigInt(AT.stackEnd);
  const helpers: number[] = [];
  let errno: bigint | null = null;
  let valueBytes = 0;

  const get = (register: number): bigint => {
    const value = registers[register] ?? null;
    assert(value !== null, `r${register} is read before it is set`);
    return value;
  };
  const address = (register: number, offset: number, byteCount: number): number => {
    const at = Number(get(register)) + offset;
    const isIn = (start: number, size: number): boolean => at >= start && at + byteCount <= start + size;
    assert(
      isIn(AT.context, CONTEXT.bytes) ||
        isIn(AT.stackEnd - STACK_BYTES, STACK_BYTES) ||
        isIn(AT.value, valueBytes),
      `a wild address: r${register} + ${offset}`,
    );
    return at;
  };
  const map = (): Map<string, Uint8Array> =>
    get(1) === BigInt(MAPS.endpoints) ? around.endpoints : around.sockets;
  const bytesAt = (register: number, byteCount: number): Uint8Array => {
    const at = address(register, 0, byteCount);
    return memory.slice(at, at + byteCount);
  };
  const key = (): string => {
    const bytes = bytesAt(2, KEY_BYTES[Number(get(1))] ?? 0);
    return byteString(bytes, 0, bytes.length);
  };
  const help = (helper: number): bigint => {
    helpers.push(helper);
    switch (helper) {
      case HELPER.mapLookup: {
        const value = map().get(key());
        if (value === undefined) return 0n;
        memory.set(value, AT.value);
        valueBytes = value.length;
        return BigInt(AT.value);
      }
      case HELPER.mapUpdate:
        if (around.isFull === true) return -12n & MASK;
        map().set(key(), bytesAt(3, SOCKET_BYTES));
        return 0n;
      case HELPER.mapDelete:
        return map().delete(key()) ? 0n : -2n & MASK;
      case HELPER.randomU32:
        return BigInt(around.random);
      case HELPER.socketCookie:
        return around.cookie;
      case HELPER.networkNamespaceCookie:
        return around.networkNamespace;
      case HELPER.bootTimeNs:
        return around.bootTimeNs;
      case HELPER.setReturn:
        errno = BigInt.asIntN(64, get(1));
        return 0n;
      default:
        assert(false, `no helper ${helper}`);
    }
  };

  for (let at = 0, steps = 0; ; at++, steps++) {
    assert(steps < STEPS_MAX && (at + 1) * 8 <= program.length, 'it does not end');
    const opcode = code.getUint8(at * 8);
    const to = code.getUint8(at * 8 + 1) & 0xf;
    const from = code.getUint8(at * 8 + 1) >> 4;
    const offset = code.getInt16(at * 8 + 2, true);
    const immediate = BigInt(code.getInt32(at * 8 + 4, true));
    const operand = (): bigint => ((opcode & 0x08) === 0 ? immediate & MASK : get(from));
    const jumpIf = (condition: boolean): void => {
      if (condition) at += offset;
    };
    switch (opcode) {
      case 0xb7:
      case 0xbf:
        registers[to] = operand();
        break;
      case 0x07:
      case 0x0f:
        registers[to] = (get(to) + operand()) & MASK;
        break;
      case 0x27:
        registers[to] = (get(to) * operand()) & MASK;
        break;
      case 0x77:
        registers[to] = get(to) >> operand();
        break;
      case 0xbc:
        registers[to] = get(from) & 0xffff_ffffn;
        break;
      case 0x18:
        registers[to] = (immediate & 0xffff_ffffn) | (BigInt(code.getUint32((at + 1) * 8 + 4, true)) << 32n);
        at++;
        break;
      case 0x61:
        registers[to] = BigInt(view.getUint32(address(from, offset, 4), true));
        break;
      case 0x79:
        registers[to] = view.getBigUint64(address(from, offset, 8), true);
        break;
      case 0x62:
        view.setInt32(address(to, offset, 4), Number(immediate), true);
        break;
      case 0x63:
        view.setUint32(address(to, offset, 4), Number(get(from) & 0xffff_ffffn), true);
        break;
      case 0x7b:
        view.setBigUint64(address(to, offset, 8), get(from), true);
        break;
      case 0x15:
      case 0x1d:
        jumpIf(get(to) === operand());
        break;
      case 0x55:
      case 0x5d:
        jumpIf(get(to) !== operand());
        break;
      case 0x3d:
        jumpIf(get(to) >= operand());
        break;
      case 0x85:
        registers[0] = help(Number(immediate));
        registers.fill(null, 1, 6);
        break;
      case 0x95:
        context.set(memory.subarray(AT.context, AT.context + context.length));
        return { result: get(0), errno, helpers };
      default:
        assert(false, `no instruction 0x${opcode.toString(16)}`);
    }
  }
}
