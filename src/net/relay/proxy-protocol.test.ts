import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { proxyHeader, readProxyHeader } from './proxy-protocol.ts';

const V4 = { sourceAddress: '192.0.2.7', sourcePort: 4000, targetAddress: '198.51.100.1', targetPort: 6379 };
const V6 = { sourceAddress: '2001:db8::7', sourcePort: 4000, targetAddress: '2001:db8::1', targetPort: 6379 };

describe('the PROXY protocol', () => {
  it('is read as it is written, both versions, both families, and never before it is whole', () => {
    for (const version of [1, 2] as const) {
      for (const connection of [V4, V6]) {
        const header = proxyHeader(version, connection);
        for (let length = 0; length < header.length; length++) {
          assert.deepEqual(readProxyHeader(header.subarray(0, length)), { kind: 'partial' });
        }
        const read = readProxyHeader(Buffer.concat([header, Buffer.from('PING\r\n')]));
        assert.ok(read.kind === 'header');
        assert.equal(read.length, header.length);
        assert.equal(read.from?.sourcePort, 4000);
        if (connection === V4) assert.equal(read.from?.sourceAddress, '192.0.2.7');
        else assert.ok(['2001:db8::7', '2001:db8:0:0:0:0:0:7'].includes(read.from?.sourceAddress ?? ''));
      }
    }
  });

  it('may name nobody, and is refused when it is none', () => {
    assert.deepEqual(readProxyHeader(proxyHeader(1, null)), { kind: 'header', length: 15, from: null });
    assert.deepEqual(readProxyHeader(proxyHeader(2, null)), { kind: 'header', length: 16, from: null });
    for (const text of ['PING\r\n', 'PROXY TCP4 x\r\n', `PROXY ${'x'.repeat(200)}`]) {
      assert.deepEqual(readProxyHeader(Buffer.from(text)), { kind: 'bad' }, text);
    }
  });
});
