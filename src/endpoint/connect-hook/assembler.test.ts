import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  type Line,
  assemble,
  call,
  exit,
  jumpIfAtLeast,
  jumpIfEqual,
  jumpIfUnequal,
  load32,
  load64,
  set,
  setMap,
  setWide,
  store32,
  store64,
} from './assembler.ts';

const MAPS = { endpoints: 7, sockets: 0x01020304 };
const hex = (...lines: readonly Line[]): string =>
  Buffer.from(assemble(lines, MAPS))
    .toString('hex')
    .replaceAll(/(.{16})(?=.)/g, '$1 ');

it('writes each instruction as the kernel reads it (instruction-set.rst)', () => {
  assert.equal(hex(set('r6', 'r1')), 'bf16000000000000');
  assert.equal(hex(set('r0', -111)), 'b700000091ffffff');
  assert.equal(hex(load32('r1', 'r6', 36)), '6161240000000000');
  assert.equal(hex(load64('r1', 'r7', 0)), '7971000000000000');
  assert.equal(hex(store32('r10', -20, 0)), '620aecff00000000');
  assert.equal(hex(store32('r10', -4, 'r1')), '631afcff00000000');
  assert.equal(hex(store64('r10', -48, 'r0')), '7b0ad0ff00000000');
  assert.equal(hex(call(125)), '850000007d000000');
  assert.equal(hex(exit()), '9500000000000000');
});

it('spreads 64 bits over two instructions, and marks the descriptor of a map', () => {
  assert.equal(hex(setWide('r1', 0x1122334455667788n)), '1801000088776655 0000000044332211');
  assert.equal(hex(setMap('r2', 'sockets')), '1812000004030201 0000000000000000');
});

it('counts jumps from the next instruction, over double ones, forward and back', () => {
  const lines = [
    'start',
    jumpIfEqual('r0', 0, 'end'),
    setWide('r1', 1n),
    jumpIfUnequal('r0', 'r1', 'end'),
    jumpIfAtLeast('r0', 'r1', 'start'),
    'end',
    exit(),
  ];
  assert.equal(
    hex(...lines),
    '1500040000000000 1801000001000000 0000000000000000 5d10010000000000 3d10fbff00000000 9500000000000000',
  );
});

it('takes a label that is missing, or there twice, for a bug', () => {
  assert.throws(() => assemble([jumpIfEqual('r0', 0, 'nowhere')], MAPS), /no label nowhere/);
  assert.throws(() => assemble(['a', exit(), 'a', exit()], MAPS), /the label a is there twice/);
});
