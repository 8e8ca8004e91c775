// Much data through a relay between ends of which one is slow: every byte arrives, at the slower one's speed; others do not
// notice; and the relay's memory stays what it is.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Socket, connect, createServer } from 'node:net';
import { Readable } from 'node:stream';
import { type TestContext, after, before, describe, it } from 'node:test';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { listening } from '../../src/net/testing.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { freePort } from '../../src/redis/free-port.ts';
import { type Certificates, makeCertificates, removeCertificates } from '../harness/certificates.ts';
import { serverFiles } from '../harness/fleet.ts';
import { lacksOpenssl } from '../harness/requirements.ts';
import { pause, until } from '../harness/wait.ts';
import { Wire } from '../harness/wire.ts';
import { type TestRelay, openRelay } from './relay-kit.ts';

const MIB = 1024 * 1024;
/** What a worker may grow by, besides what kernels hold: garbage that was not collected yet is the most of it. */
const GROWTH_BYTES_MAX = 64 * MIB;

/** So many pieces of 1 KiB, each told from all others. */
const PIECES = 100 * 1024;

function* valueOf(pieces: number): Generator<string> {
  for (let at = 0; at < pieces; at++) yield String(at).padStart(16, '0').repeat(64);
}

/** What a server answers that has this value. */
function* replyOf(pieces: number): Generator<string> {
  yield `$${pieces * 1024}\r\n`;
  yield* valueOf(pieces);
  yield '\r\n';
}

function hashOf(parts: Iterable<string>): string {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part, 'latin1');
  return hash.digest('hex');
}

/** Reads all that comes, as fast as it is told. */
class Reader {
  bytes = 0;
  isClosed = false;
  readonly #socket: Socket;
  readonly #hash = createHash('sha1');
  /** Stops here until {@link goOn}. */
  #stopAt = Infinity;

  /** 0: as fast as it can. */
  constructor(socket: Socket, bytesPerMs = 0) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', () => (this.isClosed = true));
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      this.#hash.update(chunk);
      if (this.bytes >= this.#stopAt) socket.pause();
      else if (bytesPerMs > 0) {
        socket.pause();
        setTimeout(() => socket.resume(), chunk.length / bytesPerMs);
      }
    });
    socket.resume();
  }

  stopAt(bytes: number): void {
    this.#stopAt = bytes;
  }

  goOn(): void {
    this.#stopAt = Infinity;
    this.#socket.resume();
  }

  /** Of what was read. */
  get hash(): string {
    return this.#hash.copy().digest('hex');
  }
}

/** Memory of the relay's one worker in bytes: now, or the most it ever had. */
function memoryOf({ path }: TestRelay, which: 'VmRSS' | 'VmHWM'): number {
  const { workers } = path.status() as { readonly workers: readonly number[] };
  const status = readFileSync(`/proc/${workers[0] ?? 0}/status`, 'latin1');
  return Number(new RegExp(`^${which}:\\s*(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
}

function assertBounded(relay: TestRelay, before: number): void {
  const growth = memoryOf(relay, 'VmHWM') - before;
  assert.ok(growth < GROWTH_BYTES_MAX, `it grew by ${Math.round(growth / MIB)} MiB`);
}

const tooSlow = async ({ path }: TestRelay): Promise<number | undefined> =>
  (await path.counts())['redis']?.['tooSlow'];

const through = ({ port }: TestRelay): { host: string; port: number } => ({ host: '127.0.0.1', port });

const bytesToServers = async ({ path }: TestRelay): Promise<number> => {
  const { servers } = (await path.traffic())['redis'] ?? {};
  return Object.values(servers ?? {}).reduce((sum, { bytesIn }) => sum + bytesIn, 0);
};

describe('a value of 100 MiB', () => {
  let server: ManagedServer;
  let pid: number;
  before(async () => {
    server = await ManagedServer.start({ files: await serverFiles('redis'), port: await freePort() });
    const wire = await Wire.open(server);
    await wire.call('SET', 'long', [...valueOf(PIECES)].join(''));
    pid = Number(/process_id:(\d+)/.exec(String(await wire.call('INFO', 'server')))?.[1]);
    wire.close();
  });
  after(() => server?.dispose());

  for (const isTransparent of [false, true]) {
    const mode = isTransparent ? 'over a connection of its own' : 'over a shared connection';
    it(`reaches a client that reads slowly, ${mode}, and others do not notice`, async (t) => {
      const relay = await openRelay(t, { isTransparent });
      relay.lead(server);
      const bystander = await Wire.open(through(relay));
      await bystander.call('SET', 'rounds', '0');
      const before = memoryOf(relay, 'VmRSS');
      const socket = connect(through(relay));
      t.after(() => socket.destroy());
      const reader = new Reader(socket, 25_000);
      socket.write('GET long\r\n');
      await until('it to begin', () => reader.bytes > 0);
      let rounds = 0;
      while (reader.bytes < 80 * MIB) {
        assert.equal(reader.isClosed, false);
        assert.equal(await bystander.call('INCR', 'rounds'), ++rounds);
        assert.equal(await bystander.call('GET', 'rounds'), String(rounds));
        await pause(10);
      }
      await until('all of it', () => reader.bytes >= PIECES * 1024 + 14);
      assert.equal(reader.hash, hashOf(replyOf(PIECES)));
      assert.ok(rounds > 20, `${rounds} rounds`);
      assertBounded(relay, before);
      assert.equal(await tooSlow(relay), 0);
      bystander.close();
    });
  }

  it('to a client that takes nothing is not waited for by one who writes behind it', async (t) => {
    const relay = await openRelay(t);
    relay.lead(server);
    const clients = await Promise.all([Wire.open(through(relay)), Wire.open(through(relay))]);
    const [writer, reader] = clients;
    for (const client of clients) assert.equal(await client.call('PING'), 'PONG');
    const [deaf, busy] = [0, 1].map(() => connect(through(relay)).pause()) as [Socket, Socket];
    t.after(() => [deaf, busy].forEach((socket) => socket.destroy()));
    const lost = new Reader(busy);
    busy.pause();
    /** The server begins with nothing before it has all of it. */
    const sent = async (what: string, send: () => void): Promise<void> => {
      const before = await bytesToServers(relay);
      send();
      await until(`${what} to be passed on`, async () => (await bytesToServers(relay)) > before);
    };
    const answers: Promise<unknown>[] = [];
    process.kill(pid, 'SIGSTOP');
    try {
      await sent('GET', () => deaf.write('GET long\r\n'));
      await sent('GET and INCR', () => busy.write('GET long\r\nINCR behind\r\n'));
      await sent('INCR', () => answers.push(writer.call('INCR', 'behind')));
      await sent('EXISTS', () => answers.push(reader.call('EXISTS', 'behind')));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    assert.deepEqual(await Promise.all(answers), [2, 1]);
    // What was only read could be asked for again; a client that wrote behind it had to be closed.
    assert.equal(await tooSlow(relay), 1);
    busy.resume();
    await until('it to be closed', () => lost.isClosed);
    const found = new Reader(deaf);
    await until('all of it', () => found.bytes >= PIECES * 1024 + 14);
    assert.equal(found.hash, hashOf(replyOf(PIECES)));
    for (const client of clients) client.close();
  });

  it('to a client that takes nothing keeps no switch from happening', async (t) => {
    const relay = await openRelay(t, { isTransparent: true });
    relay.lead(server);
    const socket = connect(through(relay));
    t.after(() => socket.destroy());
    const deaf = new Reader(socket);
    deaf.stopAt(1);
    socket.write('GET long\r\n');
    await until('it to begin', () => deaf.bytes > 0);
    const held = await relay.path.takeStep(['redis'], { kind: 'hold', msMax: 4_000 });
    assert.equal(held.kind, 'done');
    assert.equal(await tooSlow(relay), 1);
    await relay.path.takeStep(['redis'], { kind: 'release', isUndone: true });
  });
});

/** A client's request with a long value. */
function* setting(pieces: number): Generator<string> {
  yield '*3\r\n$3\r\nSET\r\n$4\r\nlong\r\n';
  yield* replyOf(pieces);
}

const lengthOf = (parts: Iterable<string>): number => {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
};

const send = (socket: Socket, parts: Iterable<string>): void => {
  Readable.from(parts, { objectMode: false, encoding: 'latin1' }).pipe(socket, { end: false });
};

for (const mode of ['redis', 'tcp'] as const) {
  describe(`a relay of mode ${mode}`, () => {
    it('lets both ends wait for each other, with TLS and without, and keeps no more than a little', async (t) => {
      const certificates = lacksOpenssl() === false ? makeCertificates() : null;
      if (certificates !== null) t.after(() => removeCertificates(certificates));
      else t.diagnostic('needs openssl for TLS');
      const both = certificates === null ? [null] : [null, certificates];
      await Promise.all(both.map((tls) => exchange(t, mode, tls)));
    });
  });
}

/** A client sends a long value to a server that stops reading, and is sent as much when it stops. */
async function exchange(
  test: TestContext,
  mode: 'redis' | 'tcp',
  certificates: Certificates | null,
): Promise<void> {
  const accepted: Socket[] = [];
  const serve = (socket: Socket): void => void accepted.push(socket.pause());
  const server =
    certificates === null
      ? createServer(serve)
      : createTlsServer({ cert: certificates.cert, key: certificates.key }, serve);
  const serverPort = await listening(test, server);
  const { relay, port } = await startRelay(test, mode, certificates);
  relay.lead({ host: '127.0.0.1', port: serverPort });
  const plain = connect(port, '127.0.0.1');
  test.after(() => plain.destroy());
  const client =
    certificates === null
      ? plain
      : connectTls({ socket: plain, ca: certificates.ca, servername: 'localhost' });
  const before = memoryOf(relay, 'VmRSS');
  for (const [from, to, parts] of [
    [() => client, () => accepted[0], (): Iterable<string> => setting(PIECES)],
    [() => accepted[0], () => client, (): Iterable<string> => replyOf(PIECES)],
  ] as const) {
    const source = from();
    assert.ok(source !== undefined);
    send(source, parts());
    const sink = await until('it to connect', to);
    const reader = new Reader(sink);
    reader.stopAt(MIB);
    await until('it to begin', () => reader.bytes >= MIB);
    // Whoever does not wait for it sends all in that time.
    await pause(1_000);
    reader.goOn();
    await until('all of it', () => reader.bytes >= lengthOf(parts()));
    assert.equal(reader.hash, hashOf(parts()));
    assertBounded(relay, before);
  }
}

async function startRelay(
  test: TestContext,
  mode: 'redis' | 'tcp',
  certificates: Certificates | null,
): Promise<{ readonly relay: TestRelay; readonly port: number }> {
  if (certificates === null) {
    const relay = await openRelay(test, { mode });
    return { relay, port: relay.port };
  }
  const { folder } = certificates;
  const port = await freePort();
  const shown = { certificateFile: `${folder}/node.pem`, keyFile: `${folder}/node.key`, clientCaFile: null };
  const believed = { caFile: `${folder}/ca.pem`, certificateFile: null, keyFile: null };
  const relay = await openRelay(
    test,
    { mode, binds: [{ kind: 'tcp', host: '127.0.0.1', port, tls: shown, acceptsProxyProtocol: false }] },
    { tls: { ...believed, verifies: true, serverName: null } },
  );
  return { relay, port };
}
