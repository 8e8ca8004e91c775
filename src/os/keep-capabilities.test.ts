import assert from 'node:assert/strict';
import { it } from 'node:test';
import { capabilityData } from './keep-capabilities.ts';

it('writes capabilities of both halves into all three sets, and no others (capset(2))', () => {
  const words = (data: Buffer): number[] => [0, 4, 8, 12, 16, 20].map((at) => data.readUInt32LE(at));
  const [low, high] = [1 << 12, 1 << 7];
  assert.deepEqual(words(capabilityData([])), [0, 0, 0, 0, 0, 0]);
  assert.deepEqual(words(capabilityData(['CAP_NET_ADMIN'])), [low, low, low, 0, 0, 0]);
  assert.deepEqual(words(capabilityData(['CAP_NET_ADMIN', 'CAP_BPF'])), [low, low, low, high, high, high]);
});
