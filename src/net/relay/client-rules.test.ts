// Who is let in, by real connections on loopback.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { it, type TestContext } from 'node:test';
import type { AddressRange } from '../../endpoint/address-range.ts';
import type { ClientRule } from '../../endpoint/endpoint-conf.ts';
import { listening } from '../testing.ts';
import { admitting } from './client-rules.ts';
import type { ProxiedConnection } from './proxy-protocol.ts';

const rule = (
  action: ClientRule['action'],
  range: AddressRange,
  more: { readonly isNegated?: true; readonly layer?: ClientRule['layer'] } = {},
): ClientRule => ({
  action,
  layer: more.layer ?? 'connection',
  when: {
    isNegated: more.isNegated ?? false,
    anyOf: [[{ isNegated: false, tests: [{ kind: 'address', of: 'source', ranges: [range] }] }]],
  },
});
const LOOPBACK: AddressRange = { address: '127.0.0.0', bits: 8 };
const TEN: AddressRange = { address: '10.0.0.0', bits: 8 };

/** Whether a client of 127.0.0.1 is let in, who may speak for another. */
async function isLetIn(
  t: TestContext,
  rules: readonly ClientRule[],
  speaksFor: string | null,
): Promise<boolean> {
  const proxied: ProxiedConnection | null =
    speaksFor === null
      ? null
      : { sourceAddress: speaksFor, sourcePort: 1, targetAddress: '127.0.0.1', targetPort: 1 };
  const accept = admitting(
    rules,
    () => ({}),
    (socket) => socket.end('welcome'),
  );
  const server = createServer((socket) => accept(socket, null, proxied));
  const client = connect(await listening(t, server), '127.0.0.1');
  let heard = '';
  client.setEncoding('latin1').on('data', (text: string) => (heard += text));
  client.on('error', () => undefined);
  await once(client, 'close');
  return heard === 'welcome';
}

it('the first rule that holds decides, by who connects or by whom a proxy names', async (t) => {
  for (const [rules, speaksFor, expected] of [
    [[], null, true],
    [[rule('reject', LOOPBACK)], null, false],
    [[rule('reject', TEN)], null, true],
    [[rule('accept', LOOPBACK), rule('reject', { address: '0.0.0.0', bits: 0 })], null, true],
    [[rule('reject', TEN, { isNegated: true })], null, false],
    // What one layer accepts, the next may still reject.
    [[rule('accept', LOOPBACK), rule('reject', LOOPBACK, { layer: 'content' })], null, false],
    [[rule('reject', TEN)], '10.1.2.3', true],
    [[rule('reject', TEN, { layer: 'content' })], '10.1.2.3', false],
    [[rule('reject', TEN, { layer: 'content' })], '::ffff:10.1.2.3', false],
    [[rule('reject', { address: 'fd00::', bits: 8 }, { layer: 'content' })], 'fd12::1', false],
    [[rule('reject', { address: 'fd00::', bits: 8 }, { layer: 'content' })], null, true],
  ] as const) {
    assert.equal(await isLetIn(t, rules, speaksFor), expected, JSON.stringify([rules, speaksFor]));
  }
});
