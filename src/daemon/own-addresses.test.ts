import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ownAddresses } from './own-addresses.ts';

it('knows the addresses of this host, or the loopback where a sandbox lets nobody ask', () => {
  assert.ok(ownAddresses().includes('127.0.0.1'));
  const refused = (): never => {
    throw new Error('uv_interface_addresses returned EAFNOSUPPORT');
  };
  assert.deepEqual(ownAddresses(refused), ['127.0.0.1', '::1']);
});
