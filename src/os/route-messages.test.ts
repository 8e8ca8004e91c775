// Fixtures are what Linux 6.18 sent for addresses that `ip address add` had made.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import {
  addressRemoval,
  addressRequest,
  parseAddress,
  parseLink,
  SCOPE,
  type AddressSetting,
} from './route-messages.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

const SETTING: AddressSetting = {
  linkIndex: 2,
  address: '10.1.2.3',
  prefixLength: 32,
  peer: null,
  validSeconds: 2,
  preferredSeconds: 2,
  scope: SCOPE.global,
  label: null,
  broadcast: null,
  flags: [],
};

it('asks for an IPv4 address that ends by itself', () => {
  assert.equal(
    addressRequest(SETTING).toString('hex'),
    [
      '0220000002000000', // AF_INET, /32, flags, scope, interface 2
      '080002000a010203', // IFA_LOCAL
      '080001000a010203', // IFA_ADDRESS
      '1400060002000000020000000000000000000000', // IFA_CACHEINFO: preferred 2, valid 2
      '0800080000000000', // IFA_FLAGS
    ].join(''),
  );
});

it('asks for all that can be asked of an IPv4 address', () => {
  const setting: AddressSetting = {
    ...SETTING,
    prefixLength: 24,
    peer: '10.1.3.4',
    validSeconds: null,
    preferredSeconds: null,
    scope: SCOPE.link,
    label: 'eth0:vip',
    broadcast: '10.1.2.255',
    flags: ['noprefixroute', 'home'],
  };
  assert.equal(
    addressRequest(setting).toString('hex'),
    [
      '021800fd02000000',
      '080002000a010203',
      '080001000a010304', // the other end
      '14000600ffffffffffffffff0000000000000000', // for ever
      '0800080010020000', // 0x200 noprefixroute, 0x10 home
      '0d000300657468303a76697000000000', // label, padded
      '080004000a0102ff',
    ].join(''),
  );
});

it('asks for an IPv6 address that is never a source and not checked for duplicates (vrrp.md 5)', () => {
  const setting: AddressSetting = {
    ...SETTING,
    address: 'fd77::3',
    prefixLength: 128,
    preferredSeconds: 0,
    validSeconds: 3,
    flags: ['nodad'],
  };
  assert.equal(
    addressRequest(setting).toString('hex'),
    [
      '0a80000002000000',
      '14000200fd770000000000000000000000000003',
      '14000100fd770000000000000000000000000003',
      '1400060000000000030000000000000000000000', // preferred 0, valid 3
      '0800080002000000', // nodad
    ].join(''),
  );
});

it('names an address to remove by prefix length and peer too, or the kernel would not find it', () => {
  assert.equal(
    addressRemoval({ linkIndex: 3, address: '10.9.0.1', prefixLength: 24, peer: '10.9.0.2' }).toString('hex'),
    '0218000003000000080002000a090001080001000a090002',
  );
});

it('reads an IPv4 address with label, broadcast and lifetimes', () => {
  const address = parseAddress(
    bytes(
      '0218000003000000080001000a4d0001080002000a4d0001080004000a4d00ff0d000300657468303a766970000000000800080000020000140006001e0000003c000000ddc60800ddc60800',
    ),
  );
  assert.deepEqual(address, {
    linkIndex: 3,
    address: '10.77.0.1',
    prefixLength: 24,
    peer: null,
    scope: SCOPE.global,
    label: 'eth0:vip',
    broadcast: '10.77.0.255',
    flags: new Set(['noprefixroute']),
    preferredSeconds: 30,
    validSeconds: 60,
  });
});

it('reads an address with another end', () => {
  const ipv4 = parseAddress(
    bytes(
      '0218800002000000080001000a090002080002000a090001090003006574683100000000080008008000000014000600ffffffffffffffffdec60800dec60800',
    ),
  );
  assert.deepEqual([ipv4?.address, ipv4?.peer, ipv4?.validSeconds], ['10.9.0.1', '10.9.0.2', null]);
  const ipv6 = parseAddress(
    bytes(
      '0a8082000300000014000200fd77000000000000000000000000000814000100fd77000000000000000000000000000914000600ffffffffffffffffdec60800dec608000800080082000000',
    ),
  );
  assert.deepEqual([ipv6?.address, ipv6?.peer], ['fd77::8', 'fd77::9']);
});

it('reads an IPv6 address, whose flags need more than the eight bits of the header', () => {
  const deprecated = parseAddress(
    bytes(
      '0a4022000300000014000100fd770000000000000000000000000001140006000000000064000000ddc60800ddc608000800080022000000',
    ),
  );
  assert.deepEqual([...(deprecated?.flags ?? [])], ['nodad', 'deprecated']);
  assert.deepEqual([deprecated?.preferredSeconds, deprecated?.validSeconds], [0, 100]);
  const tentative = parseAddress(
    bytes(
      '0a40c0fd0300000014000100fe80000000000000000000fffe00770114000600ffffffffffffffffdcc60800dcc6080008000800c000000005000b0003000000',
    ),
  );
  assert.equal(tentative?.scope, SCOPE.link);
  assert.deepEqual([...(tentative?.flags ?? [])], ['tentative', 'permanent']);
});

/** The front of a link's body: header, IFLA_IFNAME, IFLA_MTU, IFLA_ADDRESS. */
const LINK = [
  '00000100030000004310010000000000',
  '090003006574683000000000',
  '08000400dc050000',
  '0a0001000200000077010000',
].join('');

it('reads a link', () => {
  assert.deepEqual(parseLink(bytes(LINK)), {
    index: 3,
    name: 'eth0',
    mac: '02:00:00:00:77:01',
    mtu: 1500,
    isEthernet: true,
    isUp: true,
    isRunning: true,
    isLoopback: false,
    hasMulticast: true,
    isWithoutArp: false,
  });
});

it('does not take a link that leaves its bridge for one that is gone', () => {
  const ofTheBridgeFamily = bytes(LINK);
  ofTheBridgeFamily[0] = 7;
  assert.equal(parseLink(ofTheBridgeFamily), null);
});

it('reads back what it asks for', () => {
  const seconds = fc.option(fc.integer({ min: 1, max: 0xffff_fffe }));
  fc.assert(
    fc.property(
      fc.ipV4(),
      fc.integer({ min: 0, max: 32 }),
      seconds,
      (address, prefixLength, validSeconds) => {
        const setting = { ...SETTING, address, prefixLength, validSeconds, preferredSeconds: validSeconds };
        assert.deepEqual(parseAddress(addressRequest(setting)), { ...setting, flags: new Set() });
      },
    ),
  );
});

it('takes nothing from nonsense', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (random) => {
      parseAddress(Buffer.from(random));
      parseLink(Buffer.from(random));
    }),
  );
});
