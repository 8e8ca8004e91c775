// Every kind of advert and announcement of ours on the wire: declared good by tshark, and the same bytes that keepalived
// sends with the same file.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { lacksTshark } from '../harness/requirements.ts';
import { pause } from '../harness/wait.ts';
import { startCapture, type Captured } from './capture.ts';
import { instanceText, Pair, stop, unicastLines, type InstanceText } from './one-file-pair.ts';
import { skip } from './routers.ts';

const OLD_SUM = 'old_unicast_checksum';

const INSTANCES: readonly InstanceText[] = [
  { name: 'V2', versions: [2, 2], interval: 1, addresses: ['10.77.0.101'] },
  {
    name: 'V2_PASS',
    versions: [2, 2],
    interval: 1,
    addresses: ['10.77.0.102'],
    lines: 'authentication {\n auth_type PASS\n auth_pass secret123\n }',
  },
  {
    name: 'V2_UNICAST',
    versions: [2, 2],
    interval: 1,
    addresses: ['10.77.0.103'],
    lines: unicastLines('ipv4'),
  },
  {
    name: 'V3',
    addresses: ['10.77.0.104/24', '10.77.0.114'],
    lines: 'virtual_ipaddress_excluded {\n 10.77.0.124\n fd77::124\n }',
  },
  { name: 'V3_FAST', interval: 0.1, addresses: ['10.77.0.105'] },
  { name: 'V3_UNICAST', addresses: ['10.77.0.106'], lines: unicastLines('ipv4') },
  { name: 'V3_UNICAST_OLD', addresses: ['10.77.0.107'], lines: `${unicastLines('ipv4')}\n  ${OLD_SUM}` },
  { name: 'V3_UNICAST_TTL', addresses: ['10.77.0.108'], lines: `${unicastLines('ipv4')}\n  unicast_ttl 9` },
  { name: 'V6', addresses: ['fe80::109', 'fd77::109/64', 'fd77::119'] },
  { name: 'V6_UNICAST', addresses: ['fd77::110'], lines: unicastLines('ipv6') },
  { name: 'V6_UNICAST_TTL', addresses: ['fd77::111'], lines: `${unicastLines('ipv6')}\n  unicast_ttl 9` },
];
const FIRST_ID = 51;
const TEXT = INSTANCES.map((given, index) =>
  instanceText({ ...given, virtualRouterId: FIRST_ID + index }),
).join('');
const ADDRESSES = INSTANCES.flatMap(({ addresses = [] }) => addresses).map((text) =>
  text.replace(/\/.*/, ''),
);
const EXCLUDED = ['10.77.0.124', 'fd77::124'];

/** All that side `a` says from its start to its end. */
async function listenTo(t: TestContext, play: 'baton' | 'keepalived'): Promise<readonly Captured[]> {
  const pair = await Pair.make(t, TEXT);
  const capture = await startCapture(t, pair.lan);
  const router = pair[play]('a');
  for (const address of [...ADDRESSES, ...EXCLUDED]) await pair.settles('a', { address });
  await pause(300);
  await stop(router);
  const all = await capture.stop();
  return all.filter((one) => isAdvertOf(one) || isAnnouncement(one));
}

const isAdvertOf = ({ kind }: Captured): boolean => kind === 'vrrp';

/** Of an address that moves, unasked. */
const isAnnouncement = ({ kind, source, destination }: Captured): boolean =>
  [...ADDRESSES, ...EXCLUDED].includes(source) &&
  (kind === 'arp' ? destination === source : destination === 'ff02::1');

/** Where the IP header's payload begins, and the virtual router's number in it. */
const idOf = ({ bytes }: Captured): number => bytes[bytes.readUInt16BE(12) === 0x0800 ? 35 : 55] ?? 0;

/** What may differ without meaning: IPv4's identification, fragment flags and checksum, IPv6's flow label. */
function essence({ bytes }: Captured): string {
  const frame = Buffer.from(bytes);
  const type = frame.readUInt16BE(12);
  if (type === 0x0800) {
    frame.fill(0, 18, 22);
    frame.fill(0, 24, 26);
  } else if (type === 0x86dd) {
    frame.writeUInt8((frame[15] ?? 0) & 0xf0, 15);
    frame.fill(0, 16, 18);
  }
  return frame.toString('hex');
}

describe('on the wire', { skip: skip || lacksTshark() }, () => {
  it('tshark finds our adverts and announcements good, and keepalived sends the same bytes', async (t) => {
    const [ours, theirs] = await Promise.all([listenTo(t, 'baton'), listenTo(t, 'keepalived')]);

    for (const [index, { name, addresses = [], lines = '' }] of INSTANCES.entries()) {
      const adverts = ours.filter((one) => isAdvertOf(one) && idOf(one) === FIRST_ID + index);
      const priorities = new Set(
        adverts.map(({ bytes }) => bytes[bytes.readUInt16BE(12) === 0x0800 ? 36 : 56]),
      );
      assert.deepEqual([...priorities], [150, 0], `${name}: an advert that says that it leaves comes last`);
      // tshark knows nothing of the sum that keepalived <= 1.3.6 made.
      const isGood = !lines.includes(OLD_SUM);
      assert.ok(
        adverts.every(({ isSummedRight }) => isSummedRight === isGood),
        `${name}: checksum`,
      );
      const [first] = adverts;
      for (const text of addresses) {
        const address = text.replace(/\/.*/, '');
        const announced = ours.filter((one) => isAnnouncement(one) && one.source === address);
        assert.ok(announced.length >= 5, `${name}: ${address} was announced ${announced.length} times`);
        assert.ok(
          announced.every(({ isSummedRight }) => isSummedRight),
          `${name}: checksum`,
        );
        assert.ok(
          first !== undefined &&
            announced[0] !== undefined &&
            ours.indexOf(first) < ours.indexOf(announced[0]),
          `${name}: announced before the first advert`,
        );
      }
    }
    assert.deepEqual(
      ours.filter(({ complaints }) => complaints !== '').map(({ complaints }) => complaints),
      [],
    );
    const said = (all: readonly Captured[]): string[] => [...new Set(all.map(essence))].sort();
    assert.deepEqual(said(ours), said(theirs));
  });
});
