import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { it } from 'node:test';
import { conntrackQuery, explainConntrack, parseConntrackEntry } from './conntrack.ts';
import { attribute } from './netlink-message.ts';
import { osError } from './os-error.ts';

const ORIGINAL =
  '34000180 14000180 080001000a4d0003 080002000a4d0064 1c000280 0500010006000000 0600020007d10000 0600030019000000';
const ID = '08000c00ac4330ab';
/** What a 6.18 kernel said of a connection from 10.77.0.3:2001 to 10.77.0.100:6400, led to 10.77.0.1:7001. */
const ESTABLISHED = [
  '02000000',
  ORIGINAL,
  '34000280 14000180 080001000a4d0001 080002000a4d00fe 1c000280 0500010006000000 060002001b590000 0600030007d20000',
  '080003000000000e 0800080000000000',
  ID,
  '2c000480 28000180 0500010003000000 0500020000000000 0500030000000000 060004000a000000 060005000a000000',
];

const bytes = (...words: readonly string[]): Buffer => Buffer.from(words.join('').replaceAll(' ', ''), 'hex');

it('reads whom a client asked for, who answers, and as whom the server sees it', () => {
  const entry = parseConntrackEntry(bytes(...ESTABLISHED));
  assert.ok(entry);
  const { name, ...rest } = entry;
  assert.deepEqual(rest, {
    asked: { host: '10.77.0.100', port: 6400 },
    server: { host: '10.77.0.1', port: 7001 },
    seenAs: { host: '10.77.0.254', port: 2002 },
    isHalfOpen: false,
  });
  // The id too: another connection may have the same ends by then.
  assert.equal(name.toString('hex'), bytes('02000000', ORIGINAL, ID).toString('hex'));
});

it('reads IPv6, and that nobody has answered yet', () => {
  const port = (type: number, value: number): Buffer =>
    attribute(type, Buffer.from([value >> 8, value & 255]));
  const tuple = (type: number, from: string, to: string): Buffer =>
    attribute(
      type,
      Buffer.concat([
        attribute(1, Buffer.concat([attribute(3, bytes(from)), attribute(4, bytes(to))])),
        attribute(2, Buffer.concat([attribute(1, Buffer.from([6])), port(2, 1), port(3, 6379)])),
      ]),
    );
  const [a, b] = ['fd770000000000000000000000000001', 'fd770000000000000000000000000002'];
  const state = attribute(4, attribute(1, attribute(1, Buffer.from([1]))));
  const entry = parseConntrackEntry(
    Buffer.concat([bytes('0a000000'), tuple(1, a, b), tuple(2, b, a), state]),
  );
  assert.deepEqual(entry?.asked, { host: 'fd77::2', port: 6379 });
  assert.equal(entry.isHalfOpen, true);
});

it('passes over what is not TCP, is cut off, or lacks one direction', () => {
  const udp = ESTABLISHED.map((words) => words.replaceAll('0500010006000000', '0500010011000000'));
  assert.equal(parseConntrackEntry(bytes(...udp)), null);
  assert.equal(parseConntrackEntry(bytes('02000000', ORIGINAL, ID)), null);
  const whole = bytes(...ESTABLISHED);
  for (let length = 0; length < 4 + 2 * 52; length++) {
    assert.equal(parseConntrackEntry(whole.subarray(0, length)), null);
  }
});

it('has the kernel choose the connections that clients made to one address', () => {
  assert.equal(
    conntrackQuery({ host: '10.77.0.100', port: 6400 }).toString('hex'),
    bytes(
      '02000000',
      '24000180 0c000180 080002000a4d0064 14000280 0500010006000000 0600030019000000',
      // Compared: the destination's address (2), the protocol (8), the destination's port (32).
      '0c001980 080001002a000000',
    ).toString('hex'),
  );
  const ipv6 = conntrackQuery({ host: 'fd77::100', port: 6400 }).toString('hex');
  assert.ok(ipv6.startsWith('0a000000'));
  assert.ok(
    ipv6.endsWith('0c0019800800010028000000'),
    'the kernel compares IPv6 addresses the wrong way round',
  );
});

it('names the module that is missing where the kernel knows no such table', () => {
  const attempt = { syscall: 'sendto', doing: 'list tracked connections' };
  const said = (errno: number): string => (explainConntrack(osError(errno, attempt)) as Error).message;
  assert.match(
    said(constants.errno.EINVAL),
    /^cannot list tracked connections: .*modprobe nf_conntrack_netlink/,
  );
  assert.doesNotMatch(said(constants.errno.EPERM), /modprobe/);
});
