// The standing connection of `baton vrrp` to a real Redis: what counts as its death, and what does not.

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { environmentFor } from '../../src/redis/server-files.ts';
import { serverFiles } from '../harness/fleet.ts';
import { type Cleanup, type Host, startHosts } from '../os/hosts.ts';
import { type Baton, Folder, instance, startBaton, VIRTUAL } from './baton.ts';
import { holds, skip } from './routers.ts';

const PORT = 6379;
/** Hidden settings for Redis's own tests: microseconds for each key, answering all the while. */
const SLOW_LOADING = ['key-load-delay 1000', 'loading-process-events-interval-bytes 1024'];
const SERVER = `127.0.0.1:${PORT}`;

/** A Redis inside one host, and what asks it from there. */
class Server {
  readonly process: ManagedServer;
  readonly #host: Host;
  readonly #cli: readonly string[];

  private constructor(process: ManagedServer, host: Host, cli: readonly string[]) {
    this.process = process;
    this.#host = host;
    this.#cli = cli;
  }

  static async start(test: Cleanup, host: Host, ...directives: string[]): Promise<Server> {
    const files = await serverFiles('redis');
    const wrapper = ['ip', 'netns', 'exec', host.namespace];
    const readyOutput = /Ready to accept connections/;
    const server = await ManagedServer.start({ files, port: PORT, wrapper, readyOutput, directives });
    test.after(() => server.dispose());
    const { LD_LIBRARY_PATH: libraries = '' } = environmentFor(files);
    return new Server(server, host, ['env', `LD_LIBRARY_PATH=${libraries}`, files.cli ?? 'redis-cli']);
  }

  /** The answer of redis-cli. */
  ask(...words: string[]): string {
    return this.#host.run(...this.#cli, ...words).trim();
  }

  /** As a script for hooks and checks, whose environment lacks what a private copy of Redis needs. */
  asScript(folder: Folder): string {
    return folder.script('redis-cli', `exec ${this.#cli.join(' ')} "$@"`);
  }

  /** Ids of the clients that are not the one who asks. */
  clients(...words: string[]): string[] {
    const lines = this.ask(...words, 'CLIENT', 'LIST').split('\n');
    return lines
      .filter((line) => !line.includes('cmd=client'))
      .map((line) => /\bid=(\d+)/.exec(line)?.[1] ?? '');
  }
}

const tracker = async (baton: Baton, kind = 'redis') =>
  (await baton.status()).snapshot.trackers.find((one) => one.kind === kind);

/** Waits until the tracker is connected over another connection than `before`. */
const reconnects = (baton: Baton, server: Server, before: readonly string[]) =>
  baton.until('another connection', () => {
    const now = server.clients();
    return now.length > 0 && now.every((id) => !before.includes(id));
  });

const neverFell = (baton: Baton) => {
  assert.doesNotMatch(baton.output, /is down|is fault/);
  assert.ok(holds(baton.host, VIRTUAL));
};

describe('the redis tracker', { skip, concurrency: 4 }, () => {
  it('beside a script knows a death before the script does, with weight, rise and fall of the script', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const server = await Server.start(t, a);
    const check = server.asScript(folder);
    // The script alone would need two runs, five seconds apart.
    const text =
      `vrrp_script redis {\n script "${check} -h 127.0.0.1 -p ${PORT} ping"\n interval 5\n fall 2\n rise 1\n user nobody\n}\n` +
      instance('VI_1', 51, 100, 'track_script {\n redis\n }');
    const baton = startBaton(t, a, folder, text);
    await baton.takes();
    assert.equal((await tracker(baton))?.name, `${SERVER} beside redis`);
    await baton.until('its role', async () => (await tracker(baton))?.redis?.role === 'master');
    await server.process.kill();
    await baton.drops();
    await baton.says('nothing listens there any more');
    assert.deepEqual([(await tracker(baton))?.isUp, (await tracker(baton, 'script'))?.isUp], [false, true]);
    assert.equal((await baton.view()).statistics.releasesSent, 2);
    assert.ok(!/tracker redis is down/.test(baton.output), 'the script spoke first');
    await server.process.restart();
    await baton.takes();
  });

  it('takes a connection that was closed for no death: CLIENT KILL, idle timeout, maxclients', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const server = await Server.start(t, a);
    const text = instance('VI_1', 51, 100, `# baton: track_redis ${SERVER} interval 2s`);
    const baton = startBaton(t, a, folder, text);
    await baton.takes();
    for (let round = 0; round < 3; round++) {
      const before = server.clients();
      assert.equal(server.ask('CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'yes'), String(before.length));
      await reconnects(baton, server, before);
    }
    neverFell(baton);
    const idle = server.clients();
    server.ask('CONFIG', 'SET', 'timeout', '1');
    await reconnects(baton, server, idle);
    server.ask('CONFIG', 'SET', 'timeout', '0');
    neverFell(baton);
    // Full: whoever comes is told so and shown the door, while the one who holds the place stays a while.
    const session = `CONFIG SET maxclients 1\nCLIENT KILL TYPE NORMAL SKIPME yes`;
    const hold = `(printf '${session}\n'; sleep 5; echo CONFIG SET maxclients 100) | ${server.asScript(folder)}`;
    a.run('sh', '-c', `(${hold}) > /dev/null 2>&1 &`);
    await baton.says('refuses to be asked: ERR max number of clients reached');
    await baton.until('to be let in again', async () => (await tracker(baton))?.redis?.problem === null);
    assert.ok(Number(/rejected_connections:(\d+)/.exec(server.ask('INFO', 'stats'))?.[1]) >= 3);
    neverFell(baton);
  });

  it('counts silence, and an answer that it is loading, as failures; a refusal to log in as life', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const server = await Server.start(t, a, 'requirepass geheim', ...SLOW_LOADING);
    writeFileSync(folder.out('password'), 'falsch\n');
    chmodSync(folder.out('password'), 0o600);
    const text = instance(
      'VI_1',
      51,
      100,
      `# baton: track_redis ${SERVER} auth-file ${folder.out('password')} interval 1s fall 2`,
    );
    const baton = startBaton(t, a, folder, text);
    await baton.says(/refuses to be asked: WRONGPASS/);
    await baton.takes();
    assert.ok(!baton.output.includes('falsch'));
    assert.match((await tracker(baton))?.redis?.problem ?? '', /^(WRONGPASS|NOAUTH)/);
    writeFileSync(folder.out('password'), 'geheim\n');
    const pass = ['--no-auth-warning', '-a', 'geheim'];
    server.ask(...pass, 'CLIENT', 'KILL', 'TYPE', 'NORMAL', 'SKIPME', 'yes');
    await baton.until('to be let in', async () => (await tracker(baton))?.redis?.role === 'master');
    neverFell(baton);
    assert.ok(!baton.output.includes('geheim'));
    // Frozen: it accepts connections (the kernel does) and says nothing.
    server.process.freeze();
    await baton.says(`is down: no answer for 1000 ms`);
    await baton.drops();
    server.process.thaw();
    await baton.takes();
    // It comes back with much to load, a millisecond for each key: nothing to hand clients to.
    server.ask(...pass, 'EVAL', "for i = 1, 3000 do redis.call('SET', i, i) end", '0');
    server.ask(...pass, 'SAVE');
    const back = server.process.restart();
    await baton.until('it to be loading', async () => (await tracker(baton))?.redis?.loading === true);
    assert.deepEqual([(await tracker(baton))?.isUp, (await baton.view()).state], [false, 'fault']);
    assert.ok(!holds(a, VIRTUAL));
    await back;
    await baton.takes();
    assert.equal((await tracker(baton))?.redis?.loading, false);
  });

  it('over a unix socket knows a death, too, whether its file is left or gone', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const path = folder.out('redis.sock');
    const server = await Server.start(t, a, `unixsocket ${path}`, 'unixsocketperm 777');
    const baton = startBaton(t, a, folder, instance('VI_1', 51, 100, `# baton: track_redis ${path} fall 9`));
    await baton.takes();
    // Its file is left behind.
    await server.process.kill();
    await baton.drops();
    await server.process.restart();
    await baton.takes();
    // It removes its file.
    await server.process.stop();
    await baton.drops();
    // The address goes before the line about it has come through the pipe.
    await baton.until(
      'both to be said',
      () => baton.output.match(/nothing listens there any more/g)?.length === 2,
    );
  });

  it('whose host speaks something else says so, and goes on asking', async (t) => {
    const { a } = startHosts(t);
    const folder = new Folder();
    const path = folder.out('other.sock');
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('SSH-2.0-other\r\n', () => socket.destroy());
    });
    await new Promise<void>((done) => server.listen(path, done));
    t.after(() => new Promise<void>((done) => server.close(() => done())));
    const baton = startBaton(t, a, folder, instance('VI_1', 51, 100, `# baton: track_redis ${path}`));
    await baton.says(/is down: /);
    assert.equal((await baton.view()).state, 'fault');
  });
});
