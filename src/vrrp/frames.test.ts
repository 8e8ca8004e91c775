import assert from 'node:assert/strict';
import { it } from 'node:test';
import { capturedFrame } from './captured.ts';
import { announcementFrame } from './frames.ts';

const MAC = Uint8Array.from([2, 0, 0, 0, 0, 0x0a]);

it('announces an IPv4 address by the very frame keepalived sends (vrrp.md §4)', () => {
  assert.deepEqual(announcementFrame('10.99.0.100', MAC, true), capturedFrame('garp'));
});

it('announces an IPv6 address by the very frame keepalived sends (vrrp.md §4)', () => {
  assert.deepEqual(announcementFrame('fd00:99::100', MAC, false), capturedFrame('una'));
});

it('says "router" where the interface forwards (RFC 4861 §4.4)', () => {
  const frame = announcementFrame('fd00:99::100', MAC, true);
  assert.equal(frame[58], 0xa0);
  // One bit more in the message is one bit less in its checksum.
  assert.equal(((frame[56] ?? 0) << 8) | (frame[57] ?? 0), 0x5762 - 0x8000 + 0xffff);
});
