import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { addressBytes, addressText, familyOf, isPlainAddress } from './ip-address.ts';

it('writes IPv6 as RFC 5952 wants it', () => {
  const pairs = [
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['fe80::', 'fe800000000000000000000000000000'],
    ['2001:db8::1:0:0:1', '20010db8000000000001000000000001'],
    // One group of zeros alone is written out.
    ['2001:db8:0:1:1:1:1:1', '20010db8000000010001000100010001'],
    ['ff02::12', 'ff020000000000000000000000000012'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ] as const;
  for (const [text, hex] of pairs) {
    assert.equal(addressText(Buffer.from(hex, 'hex')), text);
    assert.equal(addressBytes(text).toString('hex'), hex);
  }
});

it('reads every way to write an IPv6 address', () => {
  const hex = (text: string): string => addressBytes(text).toString('hex');
  assert.equal(hex('2001:DB8:0:0:0:0:0:1'), hex('2001:db8::1'));
  assert.equal(hex('::ffff:10.0.0.1'), '00000000000000000000ffff0a000001');
  assert.equal(hex('64:ff9b::192.0.2.33'), '0064ff9b0000000000000000c0000221');
  assert.equal(hex('1:2:3:4:5:6:7::'), '00010002000300040005000600070000');
});

it('reads back what it writes, as browsers write it', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.uint8Array({ maxLength: 16 }),
      (bytes, holes) => {
        for (const hole of holes) bytes[hole % 16] = 0;
        const text = addressText(bytes);
        assert.deepEqual(Uint8Array.from(addressBytes(text)), bytes);
        assert.equal(new URL(`http://[${text}]`).hostname, `[${text}]`);
      },
    ),
  );
  fc.assert(
    fc.property(fc.ipV4(), (text) => {
      assert.equal(addressText(addressBytes(text)), text);
      assert.equal(familyOf(text), 'ipv4');
    }),
  );
});

it('tells addresses that say where they are from those that do not', () => {
  for (const host of ['10.0.0.1', '::1', 'fd00::1', '::ffff:10.0.0.1', 'fec0::1'])
    assert.ok(isPlainAddress(host), host);
  for (const host of [
    'redis.example',
    '/run/redis.sock',
    'fe80::1',
    'febf::1',
    'fe80::1%eth0',
    'fd00::1%eth0',
    '',
  ])
    assert.ok(!isPlainAddress(host), host);
});

it('takes a name or a zone for a bug', () => {
  assert.throws(() => familyOf('localhost'), /not a numeric IP address/);
  assert.throws(() => familyOf('fe80::1%eth0'), /not a numeric IP address/);
});
