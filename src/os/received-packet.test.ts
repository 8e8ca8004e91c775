import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { parseIpv4Packet, parseIpv6Control } from './received-packet.ts';

/** An advert of keepalived 2.2.7, from its IP header on. */
const HEADER = '45c0002800010000ff70d02e0a630001e0000012';
const ADVERT = '21336401000170030a6300640000000000000000';

it('takes an IPv4 packet apart', () => {
  const packet = parseIpv4Packet(Buffer.from(HEADER + ADVERT, 'hex'));
  assert.deepEqual(packet, {
    source: '10.99.0.1',
    destination: '224.0.0.18',
    hops: 255,
    bytes: Uint8Array.from(Buffer.from(ADVERT, 'hex')),
  });
});

it('leaves off the options before and the padding after', () => {
  const withOptions = `47c0003000010000ff70d02e0a630001e0000012${'01'.repeat(8)}`;
  const packet = parseIpv4Packet(Buffer.from(`${withOptions}${ADVERT}ffff`, 'hex'));
  assert.equal(Buffer.from(packet?.bytes ?? []).toString('hex'), ADVERT);
});

it('gives a copy, since the buffer is read into again', () => {
  const buffer = Buffer.from(HEADER + ADVERT, 'hex');
  const packet = parseIpv4Packet(buffer);
  buffer.fill(0);
  assert.equal(packet?.bytes[0], 0x21);
});

it('takes nothing from packets that are shorter than they claim', () => {
  const whole = Buffer.from(HEADER + ADVERT, 'hex');
  for (let length = 0; length < whole.length; length++) {
    assert.equal(parseIpv4Packet(whole.subarray(0, length)), null);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => void parseIpv4Packet(Buffer.from(bytes))),
  );
});

/** As recvmsg gave them for an advert to ff02::12: where it went, padded, and the hop limit. */
const CONTROL = [
  '24000000000000002900000032000000ff0200000000000000000000000000120300000000000000',
  '14000000000000002900000034000000ff00000000000000',
].join('');

it('finds destination and hop limit among the control messages', () => {
  assert.deepEqual(parseIpv6Control(Buffer.from(CONTROL, 'hex')), { destination: 'ff02::12', hops: 255 });
});

it('takes nothing from control messages that are cut or lack one of the two', () => {
  const bytes = Buffer.from(CONTROL, 'hex');
  assert.equal(parseIpv6Control(bytes.subarray(0, 40)), null);
  assert.equal(parseIpv6Control(bytes.subarray(0, 50)), null);
  assert.equal(parseIpv6Control(Buffer.alloc(0)), null);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (random) => void parseIpv6Control(Buffer.from(random))),
  );
});
