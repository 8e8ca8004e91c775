import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { defaultServer } from '../sentinel/conf/defaults.ts';
import { Links } from './links.ts';
import { listening, makeAuthority, makeCertificate, RecordingSink, until } from './testing.ts';
import { loadTls } from './tls.ts';

function plainLinks(
  test: TestContext,
  bindSourceAddr: string | null = null,
): { links: Links; sink: RecordingSink } {
  const sink = new RecordingSink();
  const links = new Links({ sink, tls: null, bindSourceAddr });
  sink.flush = () => links.flush();
  test.after(() => links.closeAll());
  return { links, sink };
}

describe('links', () => {
  it('tells the local address, sends what one settle queued in one write, and decodes replies wherever they are cut', async (t) => {
    const { links, sink } = plainLinks(t, '127.0.0.9');
    const chunks: string[] = [];
    let peer: Socket | null = null;
    const server = createServer((socket) => {
      peer = socket;
      socket.on('data', (chunk) => {
        chunks.push(chunk.toString('latin1'));
        // One byte at a time, and a whole reply in one piece.
        for (const byte of '+PONG\r\n$3\r\n') socket.write(byte);
        setTimeout(() => socket.write('a\u00e9b\r\n:7\r\n', 'latin1'), 5);
      });
    });
    const port = await listening(t, server);
    links.connect(1, '127.0.0.1', port, false);
    links.send(1, ['PING']);
    links.send(1, ['PUBLISH', 'caf\u00e9', '\u0000\u00ff']);
    links.flush();
    await until(() => sink.ofKind('reply').length === 3);
    assert.deepEqual(sink.events[0], { kind: 'connected', connection: 1, localAddress: '127.0.0.9' });
    assert.deepEqual(
      sink.ofKind('reply').map(({ reply }) => reply),
      [
        { kind: 'simple', text: 'PONG' },
        { kind: 'bulk', value: 'a\u00e9b' },
        { kind: 'integer', value: 7 },
      ],
    );
    assert.deepEqual(chunks, [
      '*1\r\n$4\r\nPING\r\n*3\r\n$7\r\nPUBLISH\r\n$4\r\ncaf\u00e9\r\n$2\r\n\u0000\u00ff\r\n',
    ]);
    (peer as Socket | null)?.end();
    await until(() => sink.ofKind('disconnected').length === 1);
    assert.equal(sink.ofKind('disconnected')[0]?.reason, 'closed');
  });

  it('still sends what was queued when it lets go, and hears nothing more', async (t) => {
    const { links, sink } = plainLinks(t);
    let heard = '';
    let isOver = false;
    const server = createServer((socket) => {
      socket.write('+unasked\r\n');
      socket.on('data', (chunk) => (heard += chunk.toString('latin1')));
      socket.on('error', () => undefined);
      socket.on('close', () => (isOver = true));
    });
    const port = await listening(t, server);
    links.connect(1, '127.0.0.1', port, false);
    await until(() => sink.ofKind('reply').length === 1);
    links.send(1, ['CLIENT', 'UNPAUSE']);
    links.close(1);
    links.flush();
    await until(() => isOver);
    assert.equal(heard, '*2\r\n$6\r\nCLIENT\r\n$7\r\nUNPAUSE\r\n');
    assert.equal(sink.ofKind('disconnected').length, 0);
  });

  it('tells apart refused, reset and failed ends, each once', async (t) => {
    const { links, sink } = plainLinks(t);
    const server = createServer((socket) => {
      socket.once('data', (chunk) => {
        if (chunk.includes('reset')) socket.resetAndDestroy();
        else socket.write('what is this\r\n');
      });
      socket.on('error', () => undefined);
    });
    const port = await listening(t, server);
    const closed = createServer();
    const closedPort = await listening(t, closed);
    closed.close();
    links.connect(1, '127.0.0.1', closedPort, false);
    links.connect(2, '127.0.0.1', port, false);
    links.send(2, ['reset']);
    links.connect(3, '127.0.0.1', port, false);
    links.send(3, ['garbage']);
    links.connect(4, '127.0.0.1', port, false);
    links.flush();
    links.close(4);
    await until(() => sink.ofKind('disconnected').length === 3);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    assert.deepEqual(
      sink
        .ofKind('disconnected')
        .map(({ connection, reason }) => `${connection} ${reason}`)
        .sort(),
      ['1 refused', '2 reset', '3 failed'],
    );
  });

  it('gives up a peer that does not read, with bounded memory', async (t) => {
    const { links, sink } = plainLinks(t);
    const server = createServer((socket) => {
      socket.pause();
      socket.on('error', () => undefined);
    });
    const port = await listening(t, server);
    links.connect(1, '127.0.0.1', port, false);
    await until(() => sink.ofKind('connected').length === 1);
    const megabyte = 'x'.repeat(1024 * 1024);
    for (let sent = 0; sent < 64 && sink.ofKind('disconnected').length === 0; sent += 1) {
      links.send(1, ['PUBLISH', 'c', megabyte]);
      links.flush();
    }
    assert.equal(sink.ofKind('disconnected')[0]?.reason, 'failed');
  });
});

describe('links over TLS', () => {
  let folder = '';
  before(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'baton-links-'));
    makeAuthority(folder, 'ca');
    makeCertificate(folder, 'ca', 'node');
    makeAuthority(folder, 'stranger');
  });
  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  const read = (name: string): string => fs.readFileSync(join(folder, name), 'utf8');

  it('verifies the other side against the authority, not its host name, and shows its own certificate', async (t) => {
    const tls = loadTls({
      ...defaultServer('/').tls,
      outgoing: true,
      certFile: join(folder, 'node.crt'),
      keyFile: join(folder, 'node.key'),
      caCertFile: join(folder, 'ca.crt'),
    });
    assert.ok(tls.ok);
    const sink = new RecordingSink();
    const links = new Links({ sink, tls: tls.value.client, bindSourceAddr: null });
    sink.flush = () => links.flush();
    t.after(() => links.closeAll());
    const good = createTlsServer(
      {
        cert: read('node.crt'),
        key: read('node.key'),
        ca: read('ca.crt'),
        requestCert: true,
        rejectUnauthorized: true,
      },
      (socket) => socket.on('data', () => socket.write('+PONG\r\n')),
    );
    const bad = createTlsServer({ cert: read('stranger.crt'), key: read('stranger.key') });
    const goodPort = await listening(t, good);
    const badPort = await listening(t, bad);
    links.connect(1, '127.0.0.1', goodPort, true);
    links.send(1, ['PING']);
    links.connect(2, '127.0.0.1', badPort, true);
    links.flush();
    await until(() => sink.ofKind('reply').length === 1 && sink.ofKind('disconnected').length === 1);
    assert.deepEqual(
      sink.ofKind('connected').map(({ connection }) => connection),
      [1],
    );
    const [end] = sink.ofKind('disconnected');
    assert.equal(end?.reason, 'failed');
    assert.match(end?.detail ?? '', /certificate/);
  });
});
