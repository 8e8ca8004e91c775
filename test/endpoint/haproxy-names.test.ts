// A server-template over a name with several addresses, as charts for Kubernetes have it over a headless service: HAProxy
// asks a name server, and we the system, in front of the same servers.

import { once } from 'node:events';
import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { freePort } from '../../src/redis/free-port.ts';
import { lacksHaproxy, lacksMountNamespaces } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { answers, NamedServer, startBoth, whoAnswers } from './beside-haproxy.ts';

const NAME = 'redis-headless';
const HEADER_BYTES = 12;
const TYPE_A = 1;

/** A name server that knows one name, and the same in a file of hosts. */
class Names {
  readonly hostsFile: string;
  readonly #socket: Socket;
  #addresses: readonly string[] = [];

  constructor(test: TestContext) {
    const folder = mkdtempSync(join(tmpdir(), 'baton-names-'));
    this.hostsFile = join(folder, 'hosts');
    this.#socket = createSocket('udp4');
    this.#socket.on('message', (query, { port, address }) =>
      this.#socket.send(this.#answer(query), port, address),
    );
    test.after(() => {
      this.#socket.close();
      rmSync(folder, { recursive: true });
    });
  }

  async listen(): Promise<number> {
    this.#socket.bind(0, '127.0.0.1');
    await once(this.#socket, 'listening');
    return this.#socket.address().port;
  }

  set(...addresses: readonly string[]): void {
    this.#addresses = addresses;
    const lines = ['127.0.0.1 localhost', ...addresses.map((address) => `${address} ${NAME}`)];
    writeFileSync(this.hostsFile, `${lines.join('\n')}\n`);
  }

  /** RFC 1035: the question, and an address for each it has. */
  #answer(query: Buffer): Buffer {
    const end = query.indexOf(0, HEADER_BYTES) + 5;
    const isOfA = query.readUInt16BE(end - 4) === TYPE_A;
    const records = (isOfA ? this.#addresses : []).map((address) =>
      Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]),
    );
    const header = Buffer.from(query.subarray(0, HEADER_BYTES));
    header.writeUInt16BE(0x8180, 2);
    for (const [at, count] of [1, records.length, 0, 0].entries()) header.writeUInt16BE(count, 4 + 2 * at);
    return Buffer.concat([header, query.subarray(HEADER_BYTES, end), ...records]);
  }
}

it(
  'gives each server of a template an address of the name, and follows the name',
  { skip: lacksHaproxy() || lacksMountNamespaces() },
  async (t) => {
    const port = await freePort();
    const start = (last: number): Promise<NamedServer> =>
      NamedServer.start(t, `at-${last}`, { host: `127.0.0.${last}`, port });
    const first = await start(31);
    const names = new Names(t);
    const resolver = await names.listen();
    names.set('127.0.0.31');
    const programs = await startBoth(
      t,
      1,
      ([listen]) => `defaults
    mode tcp
    timeout connect 2s
    timeout client 1m
    timeout server 1m

resolvers kubernetes
    nameserver dns 127.0.0.1:${resolver}
    resolve_retries 3
    timeout resolve 500ms
    timeout retry 500ms
    hold valid 500ms
    hold obsolete 500ms

listen redis
    bind 127.0.0.1:${listen}
    balance roundrobin
    server-template redis 1-3 ${NAME}:${port} check inter 300ms fall 1 rise 1 resolvers kubernetes init-addr none resolve-prefer ipv4
`,
      ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', names.hostsFile],
    );
    await answers(programs, 0, 'at-31');

    await start(32);
    names.set('127.0.0.31', '127.0.0.32');
    const answerFrom = async (...expected: readonly string[]): Promise<void> => {
      for (const program of programs) {
        await until(
          `${program.name} leads to ${expected.join(' and ')}`,
          async () => {
            const found = new Set<string>();
            for (let count = 0; count < 4; count++) found.add(await whoAnswers(program.ports[0] ?? 0));
            const text = [...found].toSorted().join(' ');
            if (text === expected.join(' ')) return true;
            throw new Error(text);
          },
          () => program.process.output,
        );
      }
    };
    await answerFrom('at-31', 'at-32');

    // One is gone for good, and another has come in its place.
    await start(33);
    names.set('127.0.0.32', '127.0.0.33');
    await first.stop();
    await answerFrom('at-32', 'at-33');
  },
);
