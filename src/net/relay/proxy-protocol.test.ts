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
        assert.deepEqual([read.from?.sourcePort, read.from?.targetPort], [4000, 6379]);
        const addresses = [read.from?.sourceAddress, read.from?.targetAddress];
        if (connection === V4) assert.deepEqual(addresses, ['192.0.2.7', '198.51.100.1']);
        else if (version === 1) assert.deepEqual(addresses, ['2001:db8::7', '2001:db8::1']);
        else assert.deepEqual(addresses, ['2001:db8:0:0:0:0:0:7', '2001:db8:0:0:0:0:0:1']);
      }
    }
  });

  it('may name nobody, and is refused when it is none', () => {
    assert.deepEqual(readProxyHeader(proxyHeader(1, null)), { kind: 'header', length: 15, from: null });
    assert.deepEqual(readProxyHeader(proxyHeader(2, null)), { kind: 'header', length: 16, from: null });
    for (const text of [
      'PING\r\n',
      'PROXY TCP4 x\r\n',
      `PROXY ${'x'.repeat(200)}`,
      'PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n',
      'PROXY TCP4 1.2.3.4.5 1.2.3.4 1 2\r\n',
      'PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n',
    ]) {
      assert.deepEqual(readProxyHeader(Buffer.from(text)), { kind: 'bad' }, text);
    }
    const second = proxyHeader(2, V4);
    const changed = (at: number, value: number): Buffer => {
      const bytes = Buffer.from(second);
      bytes.writeUInt8(value, at);
      return bytes;
    };
    for (const [what, header] of Object.entries({
      'another version': changed(12, 0x31),
      'an unknown command': changed(12, 0x22),
      'too short for its addresses': changed(15, 4),
      'longer than any header': changed(14, 0xff),
    })) {
      assert.deepEqual(readProxyHeader(header), { kind: 'bad' }, what);
    }
  });

  it('writes both addresses of a header in one family', () => {
    const mixed = { ...V6, targetAddress: '198.51.100.1' };
    assert.equal(
      proxyHeader(1, mixed).toString(),
      'PROXY TCP6 2001:db8::7 ::ffff:198.51.100.1 4000 6379\r\n',
    );
    const read = readProxyHeader(proxyHeader(2, mixed));
    assert.ok(read.kind === 'header');
    assert.equal(read.from?.targetAddress, '0:0:0:0:0:ffff:c633:6401');
  });
});
