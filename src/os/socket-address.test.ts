import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  ipSocketAddress,
  linkSocketAddress,
  netlinkSocketAddress,
  unixSocketAddress,
} from './socket-address.ts';

const hex = (bytes: Buffer): string => bytes.toString('hex');

it('builds addresses as the kernel lays them out', () => {
  assert.equal(hex(ipSocketAddress('10.0.0.1', 6_379)), '020018eb0a0000010000000000000000');
  assert.equal(
    hex(ipSocketAddress('fd77::1', 6_379, 3)),
    '0a0018eb00000000fd77000000000000000000000000000100000000',
  );
  assert.equal(hex(linkSocketAddress(3)), '1100000003000000000000000000000000000000');
  assert.equal(hex(netlinkSocketAddress(0x111)), '100000000000000011010000');
  assert.equal(hex(unixSocketAddress('/a')), '01002f6100');
  assert.equal(hex(unixSocketAddress('@a')), '01000061');
});

it('gives IPv6 addresses of one link their link', () => {
  for (const address of ['fe80::1', 'febf::1', 'ff02::12']) {
    assert.equal(ipSocketAddress(address, 0, 3).readUInt32LE(24), 3, address);
  }
});
