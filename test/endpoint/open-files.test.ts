// More clients at once than the system lets a process have files open: those who are there do not notice, the others are
// told, and the operator, too.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { type TestContext, describe, it } from 'node:test';
import type { ServerSnapshot } from '../../src/endpoint/snapshot.ts';
import { freePort } from '../../src/redis/free-port.ts';
import { startFleet } from '../harness/fleet.ts';
import { until } from '../harness/wait.ts';
import { ask } from '../harness/wire.ts';
import { BatonEndpoint } from './baton-endpoint.ts';
import { scratchFolder } from './scratch.ts';

/** Files that a process may have open, and how many of them are for clients. */
const FILES = 256;
const ROOM = 192;
const FEW_FILES = ['sh', '-c', `ulimit -n ${FILES}; exec "$@"`, 'sh'];

/** Connects so often at once; each says `hello` and keeps what it hears. */
class Crowd {
  readonly heard: string[];
  readonly isClosed: boolean[];
  readonly #sockets: Socket[];

  constructor(test: TestContext, count: number, port: number, hello: string) {
    this.heard = Array.from({ length: count }, () => '');
    this.isClosed = Array.from({ length: count }, () => false);
    this.#sockets = this.heard.map((_, at) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(hello));
      socket.on('error', () => undefined).on('close', () => (this.isClosed[at] = true));
      socket.on('data', (bytes: Buffer) => (this.heard[at] += bytes.toString('latin1')));
      return socket;
    });
    test.after(() => this.leave());
  }

  /** Those who were answered like this, and are still there. */
  served(answer: string): number {
    return this.heard.filter((text, at) => text.startsWith(answer) && this.isClosed[at] === false).length;
  }

  get gone(): number {
    return this.isClosed.filter(Boolean).length;
  }

  say(text: string): void {
    for (const [at, socket] of this.#sockets.entries()) {
      this.heard[at] = '';
      if (this.isClosed[at] === false) socket.write(text);
    }
  }

  leave(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe('an endpoint that may have few files open', () => {
  it('serves as many clients of the relay as it can, turns the others away with a word, and says why', async (t) => {
    const [server] = (await startFleet(t, { voters: [], replicas: 0 })).nodes();
    assert.ok(server !== undefined);
    const port = await freePort();
    const endpoint = await BatonEndpoint.startBy(
      FEW_FILES,
      t,
      '--servers',
      server.address,
      '--listen',
      `127.0.0.1:${port}`,
      '--path',
      'relay',
      '--workers',
      '1',
    );
    const story = (): string => endpoint.process.output;
    await endpoint.leads([server.address]);
    const relay = (): unknown => endpoint.status().paths;
    const workersBefore = JSON.stringify((relay() as { workers: unknown }[])[0]?.workers);

    const crowd = new Crowd(t, 2 * FILES, port, 'PING\r\n');
    const isSettled = (): boolean => crowd.served('+PONG') + crowd.gone === 2 * FILES;
    await until('each to be served or turned away', isSettled, story);
    // Connections to the server that were made before count, too.
    const served = crowd.served('+PONG');
    assert.ok(served <= ROOM && served > ROOM - 16, `${served}`);
    assert.ok(crowd.heard.some((text) => text.startsWith('-ERR max number of clients reached')));
    await until('the warning', () => /clients are turned away: .*LimitNOFILE=/.test(story()), story);
    assert.equal(story().split('clients are turned away').length, 2, 'it is said once');

    crowd.say('PING\r\n');
    await until('all to be answered again', () => crowd.served('+PONG') === served, story);
    crowd.leave();
    await until('room for others', async () => (await ask({ host: '127.0.0.1', port }, ['PING'])) === 'PONG');
    assert.equal(JSON.stringify((relay() as { workers: unknown }[])[0]?.workers), workersBefore);
    assert.doesNotMatch(story(), /relay worker \d+ ended/);
  });

  it('goes on with its checks while a frontend of mode http has more clients than it can take', async (t) => {
    const [port, web] = [await freePort(), await freePort()];
    const file = join(scratchFolder(t), 'few.cfg');
    writeFileSync(
      file,
      `defaults\n mode http\n timeout connect 3s\n timeout client 1m\n timeout server 1m\nlisten web\n bind 127.0.0.1:${port}\n server a 127.0.0.1:${web} check inter 200ms\n`,
    );
    const endpoint = await BatonEndpoint.startBy(FEW_FILES, t, file);
    const story = (): string => endpoint.process.output;
    const crowd = new Crowd(t, 2 * FILES, port, '');
    await until('those to be turned away', () => crowd.gone >= 2 * FILES - ROOM / 2, story);
    assert.ok(crowd.heard.some((text) => text.startsWith('HTTP/1.1 503 ')));
    const found = (): ServerSnapshot | undefined => endpoint.status().snapshot.backends[0]?.servers[0];
    const before = found()?.history.failedChecks ?? 0;
    await until('checks', () => (found()?.history.failedChecks ?? 0) > before + 3, story);
    assert.match(found()?.reason ?? '', /ECONNREFUSED/, 'what is found is the server');
    crowd.leave();
  });
});
