import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import {
  acknowledgement,
  attribute,
  attributes,
  netlinkMessages,
  netlinkRequest,
} from './netlink-message.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const error = (flags: number, hex: string): Parameters<typeof acknowledgement>[0] => ({
  type: 2,
  flags,
  sequence: 3,
  body: bytes(hex),
});

it('frames a request', () => {
  assert.equal(
    netlinkRequest(20, 0x504, 7, bytes('aabb')).toString('hex'),
    '12000000140005050700000000000000aabb',
  );
});

it('takes a datagram of several messages apart, each at a multiple of four', () => {
  const first = netlinkRequest(20, 0, 1, bytes('aabbcc'));
  const second = netlinkRequest(21, 0, 2, bytes('dd'));
  const messages = netlinkMessages(Buffer.concat([first, Buffer.alloc(1), second]));
  assert.deepEqual(
    messages.map(({ type, sequence, body }) => [type, sequence, body.toString('hex')]),
    [
      [20, 1, 'aabbcc'],
      [21, 2, 'dd'],
    ],
  );
});

it('reads back the attributes it writes', () => {
  const parts = [attribute(1, bytes('0a000001')), attribute(3, bytes('6100')), attribute(8, bytes(''))];
  const found = attributes(Buffer.concat(parts));
  assert.deepEqual(
    [...found].map(([type, value]) => [type, value.toString('hex')]),
    [
      [1, '0a000001'],
      [3, '6100'],
      [8, ''],
    ],
  );
});

it('ends at the first claim that goes beyond what is there, whatever the bytes', () => {
  assert.deepEqual(netlinkMessages(bytes('ff000000140000000000000000000000')), []);
  assert.equal(attributes(bytes('0900010001020304')).size, 0);
  // A length of zero must not mean for ever.
  assert.equal(attributes(bytes('0000010000000000')).size, 0);
  assert.deepEqual(netlinkMessages(bytes('00000000140000000000000000000000')), []);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(0xffff), (random, flags) => {
      netlinkMessages(Buffer.from(random));
      attributes(Buffer.from(random));
      acknowledgement({ type: 2, flags, sequence: 0, body: Buffer.from(random) });
    }),
  );
});

it("reads acknowledgements as Linux 6.18 gave them, with the kernel's words", () => {
  assert.deepEqual(acknowledgement(error(0x100, '0000000044000000140005050500000000000000')), { errno: 0 });
  assert.deepEqual(
    acknowledgement(
      error(
        0x300,
        'eaffffff4400000014000505030000000000000020000100697076343a20496e76616c696420707265666978206c656e67746800',
      ),
    ),
    { errno: 22, detail: 'ipv4: Invalid prefix length' },
  );
});

it('finds the words behind a request that was sent back whole', () => {
  const request = '120000001400050503000000000000001122';
  const words = '0c0001006e6f206361726400';
  assert.deepEqual(acknowledgement(error(0x200, `ffffffff${request}0000${words}`)), {
    errno: 1,
    detail: 'no card',
  });
});
