// What goes over the bridge of a test's network, captured by dumpcap and judged by tshark, which share no code with
// either daemon.

import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../harness/wait.ts';
import { run, type Cleanup } from '../os/hosts.ts';
import { BRIDGE, type Lan } from '../os/lan.ts';
import { temporaryFolder } from './routers.ts';

/** An advert, or what tells neighbours where an address is. */
export interface Captured {
  readonly kind: 'vrrp' | 'arp' | 'icmpv6';
  readonly source: string;
  readonly destination: string;
  /** The whole frame. */
  readonly bytes: Buffer;
  /** tshark's verdict on every checksum in it; null: one of them is bad. */
  readonly isSummedRight: boolean;
  /** What tshark finds wrong with it otherwise, or unusual. */
  readonly complaints: string;
}

export interface Capture {
  /** Ends it; everything there was since it began. */
  stop(): Promise<readonly Captured[]>;
}

const FILTER = 'ip proto 112 or arp or (ip6 and (ip6[6] == 112 or ip6[6] == 58))';
const FIELDS = [
  'frame.protocols',
  'ip.src',
  'ipv6.src',
  'arp.src.proto_ipv4',
  'ip.dst',
  'ipv6.dst',
  'arp.dst.proto_ipv4',
  'ip.checksum.status',
  'vrrp.checksum.status',
  'icmpv6.checksum.status',
  '_ws.malformed',
  '_ws.expert.message',
];
/** Nobody's address: the third host asks for it when everything was sent. */
const MARK = '10.77.0.250';
const MARK_IN_ARP = Buffer.from('0a4d00fa', 'hex');
/** tshark's number for it. */
const GOOD = '1';
/** As tshark calls what {@link Captured.isSummedRight} says already. */
const BAD_CHECKSUM = /Bad checksum[^;]*/g;

/** Begins to capture; it listens when this resolves. */
export async function startCapture(test: Cleanup, lan: Lan): Promise<Capture> {
  const file = join(temporaryFolder(), 'captured.pcap');
  // -P: the old format, which is read below.
  const options = ['-q', '-P', '-i', BRIDGE, '-f', FILTER, '-w', file];
  const dumpcap = spawn('ip', ['netns', 'exec', lan.hub, 'dumpcap', ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  dumpcap.stderr.setEncoding('latin1').on('data', (text: string) => (said += text));
  const ended = new Promise((done) => dumpcap.once('exit', done));
  test.after(async () => {
    dumpcap.kill('SIGKILL');
    await ended;
  });
  const listening = (): boolean => said.includes('File:');
  await until('dumpcap to listen', listening, () => said);
  return {
    async stop() {
      // What it has yet to read is lost when it ends, so the end is marked, and waited for.
      await until('the end in the capture', () => {
        lan.c.run('ip', 'neighbour', 'flush', 'to', MARK);
        spawnSync('ip', ['netns', 'exec', lan.c.namespace, 'ping', '-c', '1', '-W', '0.1', MARK]);
        return readFileSync(file).includes(MARK_IN_ARP);
      });
      dumpcap.kill('SIGINT');
      await ended;
      return judge(file);
    },
  };
}

function judge(file: string): Captured[] {
  const options = [
    '-n',
    '-T',
    'fields',
    '-E',
    'separator=|',
    '-E',
    'aggregator=;',
    '-o',
    'ip.check_checksum:TRUE',
  ];
  const lines = run('tshark', '-r', file, ...options, ...FIELDS.flatMap((field) => ['-e', field])).split(
    '\n',
  );
  const frames = framesOf(readFileSync(file));
  return frames.flatMap((bytes, index) => {
    const [protocols = '', ...fields] = (lines[index] ?? '').split('|');
    const [ipv4, ipv6, arp, ipv4To, ipv6To, arpTo, ...rest] = fields;
    const [ipSum = '', vrrpSum = '', icmpSum = '', malformed = '', messages = ''] = rest;
    const kind = (['vrrp', 'arp', 'icmpv6'] as const).find((one) => protocols.split(':').includes(one));
    if (kind === undefined) return [];
    return {
      kind,
      source: ipv4 || ipv6 || arp || '',
      destination: ipv4To || ipv6To || arpTo || '',
      bytes,
      isSummedRight: [ipSum, vrrpSum, icmpSum].every((status) => status === '' || status === GOOD),
      complaints: `${malformed}${messages.replaceAll(BAD_CHECKSUM, '')}`,
    };
  });
}

/** The packets of a capture file (`man 5 pcap-savefile`). */
function framesOf(file: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 24; at + 16 <= file.length;) {
    const length = file.readUInt32LE(at + 8);
    frames.push(file.subarray(at + 16, at + 16 + length));
    at += 16 + length;
  }
  return frames;
}
