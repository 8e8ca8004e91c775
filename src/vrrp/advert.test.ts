import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { decodeAdvert, encodeAdvert, matchChecksum, type AdvertContent } from './advert.ts';
import { CAPTURED_ADVERTS } from './captured.ts';
import { formatAddress } from './ip-address.ts';

const checksumKind = fc.constantFrom('pseudo-header', 'multicast-pseudo-header', 'plain');
const ipv4 = fc.uint8Array({ minLength: 4, maxLength: 4 }).map(formatAddress);
const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(formatAddress);

for (const captured of CAPTURED_ADVERTS.filter(({ name }) => name !== 'v2-ah-mcast')) {
  it(`decodes and encodes again what keepalived sent: ${captured.name} (vrrp.md §1.2, §1.3)`, () => {
    const { packet } = captured;
    const decoded = decodeAdvert(packet.bytes, packet.family);
    assert.ok(decoded.ok);
    const advert = decoded.value;
    assert.equal(advert.version, captured.version);
    assert.equal(advert.type, 1);
    assert.equal(advert.virtualRouterId, captured.virtualRouterId);
    assert.equal(advert.priority, captured.priority);
    assert.equal(advert.intervalMs, captured.intervalMs);
    assert.deepEqual(advert.addresses, captured.addresses);
    assert.equal(advert.authData.replaceAll('\0', ''), captured.password ?? '');
    const kind = matchChecksum(packet.bytes, advert, packet.family, packet);
    assert.ok(kind !== null && captured.checksum.includes(kind), `${kind}`);
    const encoded = encodeAdvert(
      { ...advert, family: packet.family, password: captured.password, checksum: kind },
      packet,
    );
    assert.deepEqual(encoded, packet.bytes);
  });
}

it('reads back what it writes, and knows what the checksum covers', () => {
  const content = fc.oneof(
    fc.record({
      family: fc.constant('ipv4' as const),
      version: fc.constant(2 as const),
      address: fc.array(ipv4, { maxLength: 255 }),
    }),
    fc.record({
      family: fc.constant('ipv4' as const),
      version: fc.constant(3 as const),
      address: fc.array(ipv4, { maxLength: 255 }),
    }),
    fc.record({
      family: fc.constant('ipv6' as const),
      version: fc.constant(3 as const),
      address: fc.array(ipv6, { maxLength: 20 }),
    }),
  );
  const common = fc.record({
    virtualRouterId: fc.integer({ min: 1, max: 255 }),
    priority: fc.nat(255),
    seconds: fc.integer({ min: 1, max: 40 }),
    password: fc.option(fc.stringMatching(/^[!-~]{1,12}$/), { nil: null }),
    checksum: checksumKind,
    source: fc.nat(200),
  });
  fc.assert(
    fc.property(content, common, ({ family, version, address }, more) => {
      const wanted: AdvertContent = {
        version,
        family,
        addresses: address,
        intervalMs: more.seconds * 1000,
        virtualRouterId: more.virtualRouterId,
        priority: more.priority,
        password: more.password,
        checksum: more.checksum,
      };
      const ends =
        family === 'ipv4'
          ? { source: `10.0.0.${more.source}`, destination: '10.0.0.250' }
          : { source: `fe80::${more.source}`, destination: 'ff02::12' };
      const bytes = encodeAdvert(wanted, ends);
      const decoded = decodeAdvert(bytes, family);
      assert.ok(decoded.ok);
      assert.deepEqual(decoded.value.addresses, address);
      assert.equal(decoded.value.intervalMs, wanted.intervalMs);
      assert.equal(decoded.value.priority, wanted.priority);
      const expected = version === 2 ? 'plain' : family === 'ipv6' ? 'pseudo-header' : more.checksum;
      assert.equal(matchChecksum(bytes, decoded.value, family, ends), expected);
    }),
  );
});

it('holds intervals from 10 ms to 40.95 s in version 3 (RFC 9568 §5.2.7)', () => {
  for (const intervalMs of [10, 100, 990, 40_950]) {
    const bytes = encodeAdvert(
      {
        version: 3,
        family: 'ipv4',
        virtualRouterId: 1,
        priority: 1,
        intervalMs,
        addresses: [],
        password: null,
        checksum: 'plain',
      },
      { source: '10.0.0.1', destination: '224.0.0.18' },
    );
    const decoded = decodeAdvert(bytes, 'ipv4');
    assert.ok(decoded.ok);
    assert.equal(decoded.value.intervalMs, intervalMs);
  }
});

it('reads over the padding of a short frame and the trailer of a permissive peer, and nothing else (vrrp.md §1.6, §10)', () => {
  const plain =
    CAPTURED_ADVERTS.find(({ name }) => name === 'v2-none-mcast')?.packet.bytes ?? new Uint8Array();
  assert.equal(plain.length, 20);
  const extended = (surplus: number): Uint8Array =>
    Uint8Array.from([...plain, ...new Uint8Array(surplus).fill(9)]);
  for (let surplus = 0; surplus < 40; surplus++) {
    const decoded = decodeAdvert(extended(surplus), 'ipv4');
    assert.equal(decoded.ok, [0, 6, 28].includes(surplus), `${surplus}`);
    if (decoded.ok) assert.equal(decoded.value.length, 20);
    else assert.equal(decoded.problem, 'length');
  }
});
