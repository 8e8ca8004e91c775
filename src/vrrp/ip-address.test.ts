import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { it } from 'node:test';
import fc from 'fast-check';
import { compareAddresses, formatAddress, isLinkLocal, isMulticast, parseAddress } from './ip-address.ts';

it('writes addresses as RFC 5952 does, whatever notation they came in', () => {
  const canonical = (text: string): string | null => {
    const bytes = parseAddress(text);
    return bytes === null ? null : formatAddress(bytes);
  };
  assert.equal(canonical('10.0.0.1'), '10.0.0.1');
  assert.equal(canonical('FE80:0:0:0:0:0:0:01'), 'fe80::1');
  assert.equal(canonical('2001:db8:0:0:1:0:0:1'), '2001:db8::1:0:0:1');
  assert.equal(canonical('2001:db8:0:1:1:1:1:1'), '2001:db8:0:1:1:1:1:1');
  assert.equal(canonical('::ffff:10.0.0.1'), '::ffff:a00:1');
  assert.equal(canonical('::'), '::');
});

it('knows what is no address', () => {
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8::',
    ':1',
    '12345::',
    'fe80::1%eth0',
    '1.2.3.4::',
  ]) {
    assert.equal(parseAddress(text), null, text);
  }
});

it('reads back what it writes, and agrees with node:net', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(bytes, (value) => {
      const text = formatAddress(value);
      assert.equal(isIP(text), value.length === 4 ? 4 : 6);
      assert.deepEqual(parseAddress(text), value);
    }),
  );
});

it('compares as unsigned numbers in network order', () => {
  assert.ok(compareAddresses('10.0.0.10', '10.0.0.9') > 0);
  assert.ok(compareAddresses('200.0.0.1', '100.0.0.1') > 0);
  assert.equal(compareAddresses('fe80::1', 'fe80::1'), 0);
});

it('tells kinds apart', () => {
  assert.ok(
    isLinkLocal('fe80::1') && isLinkLocal('febf::1') && !isLinkLocal('fec0::1') && !isLinkLocal('2001::1'),
  );
  assert.ok(
    isMulticast('224.0.0.18') &&
      isMulticast('ff02::12') &&
      !isMulticast('10.0.0.1') &&
      !isMulticast('fe80::1'),
  );
});
