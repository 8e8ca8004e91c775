// The relay is not noticed: the same stream of commands, through it and past it, gets the same replies, whatever the
// client does between its first word and QUIT, and in whatever pieces its bytes come.
//
// REPLIES_SECONDS=600 runs longer, REPLIES_SEED=N begins with that seed.

import assert from 'node:assert/strict';
import { type Socket, connect } from 'node:net';
import { describe, it } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { serverFiles } from '../harness/fleet.ts';
import { lacksValkey } from '../harness/requirements.ts';
import { pause, until } from '../harness/wait.ts';
import { type Target, Wire, ask, infoFields } from '../harness/wire.ts';
import { type Command, LIBRARY, type Payloads } from './acts.ts';
import { NOT_RUN, commandStream, namesIn } from './command-stream.ts';
import { openRelay } from './relay-kit.ts';
import { comparable } from './replies.ts';

/** For each of four kinds of relay. */
const SECONDS = Number(process.env['REPLIES_SECONDS'] ?? 8) / 4;
const FIRST_SEED = Number(process.env['REPLIES_SEED'] ?? 1);
/** Servers whose commands the streams are made of; another may have more. */
const WRITTEN_FOR = { redis: /^7\.0\./, valkey: /^8\.0\./ } as const;

const lackingValkey = await lacksValkey();

for (const flavor of ['redis', 'valkey'] as const) {
  const skip = flavor === 'valkey' ? lackingValkey : false;
  for (const isTransparent of [false, true]) {
    describe(`a ${isTransparent ? 'transparent' : 'sharing'} relay in front of ${flavor}`, { skip }, () => {
      it('gives the replies that the server gives, to any commands in any pieces', async (t) => {
        const start = async (): Promise<ManagedServer> => {
          // Blocked clients give up at the server's ticks: many a second, so that this does not take all the time.
          const directives = ['hz 500'];
          const files = await serverFiles(flavor);
          const server = await ManagedServer.start({ files, port: await freePort(), directives });
          t.after(() => server.dispose());
          return server;
        };
        const [behind, alone] = await Promise.all([start(), start()]);
        const relay = await openRelay(t, { isTransparent });
        relay.lead(behind);
        const through = { host: '127.0.0.1', port: relay.port };
        const known = await commandsOf(alone);
        const payloads = await payloadsOf(alone);
        const others = new Others(await Wire.open(through));
        const endsAt = performance.now() + SECONDS * 1_000;
        let seed = FIRST_SEED;
        let count = 0;
        do {
          const isFirst = seed === FIRST_SEED;
          const stream = commandStream({
            random: new Random(seed),
            acts: 150,
            isThorough: isFirst,
            known,
            payloads,
            answersEveryLogin: flavor === 'redis',
          });
          count += stream.length;
          const [relayed, direct] = await Promise.all([
            converse(through, stream, new Random(2 * seed)),
            converse(alone, stream, new Random(2 * seed + 1)),
          ]);
          assertSame(comparable(relayed), comparable(direct), `REPLIES_SEED=${seed}`);
          if (isFirst) await assertComplete(alone, namesIn(stream, known), known, WRITTEN_FOR[flavor]);
          seed++;
        } while (performance.now() < endsAt);
        await others.end();
        t.diagnostic(`${count} commands, seeds ${FIRST_SEED} to ${seed - 1}`);
      });
    });
  }
}

/** A client that shares connections with the one that is looked at, and must never get its replies. */
class Others {
  readonly #wire: Wire;
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(wire: Wire) {
    this.#wire = wire;
    this.#running = this.#run();
    // Whoever ends it hears what was wrong.
    this.#running.catch(() => undefined);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    this.#wire.close();
  }

  async #run(): Promise<void> {
    for (let round = 0; !this.#isOver; round++) {
      assert.equal(await this.#wire.call('ECHO', `other ${round}`), `other ${round}`);
      await pause(1);
    }
  }
}

async function commandsOf(server: Target): Promise<ReadonlySet<string>> {
  const list = await ask(server, ['COMMAND', 'LIST']);
  assert.ok(Array.isArray(list));
  return new Set(list.map((name) => String(name).toUpperCase()));
}

/** Every command is in the stream, or can't be run like this. */
async function assertComplete(
  server: Target,
  run: ReadonlySet<string>,
  known: ReadonlySet<string>,
  writtenFor: RegExp,
): Promise<void> {
  const missing = [...known].filter((name) => !run.has(name) && !NOT_RUN.has(name));
  const { redis_version, valkey_version = redis_version } = infoFields(await ask(server, ['INFO', 'server']));
  if (writtenFor.test(valkey_version ?? '')) assert.deepEqual(missing, []);
  assert.deepEqual(
    [...NOT_RUN.keys()].filter((name) => run.has(name)),
    [],
  );
}

async function payloadsOf(server: Target): Promise<Payloads> {
  const loading = [
    ['SET', 'payload', 'v'],
    ['DUMP', 'payload'],
    ['FUNCTION', 'LOAD', LIBRARY],
    ['FUNCTION', 'DUMP'],
  ];
  const text = await converse(server, [...loading, ['QUIT']], new Random(0));
  const found = /^\+OK\r\n\$\d+\r\n(.*)\r\n\$3\r\nlib\r\n\$\d+\r\n(.*)\r\n\+OK\r\n$/s.exec(text);
  assert.ok(found !== null, text);
  const [, value = '', functions = ''] = found;
  return { value, functions };
}

/** Sends everything, in pieces of random length, and returns everything that comes back until the other end closes. */
async function converse({ host, port }: Target, stream: readonly Command[], random: Random): Promise<string> {
  const encode = (args: Command): string =>
    `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join('')}`;
  const text = stream.map(encode).join('');
  const socket = connect({ host, port, noDelay: true });
  let received = '';
  let isClosed = false;
  socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
  socket.on('error', () => undefined).on('close', () => (isClosed = true));
  for (let at = 0; at < text.length && !socket.destroyed;) {
    const length = 1 + random.int(random.int(10) === 0 ? 100_000 : 300);
    if (!socket.write(text.slice(at, at + length), 'latin1')) await drained(socket);
    else if (random.int(50) === 0) await pause(0);
    at += length;
  }
  await until(
    'the end of the conversation',
    () => isClosed,
    () => received.slice(-300),
  );
  return received;
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('drain', () => resolve());
    socket.once('close', () => resolve());
  });
}

/** Says where two conversations part, and in the midst of what. */
function assertSame(actual: readonly string[], expected: readonly string[], seed: string): void {
  const at = expected.findIndex((reply, index) => reply !== actual[index]);
  if (at === -1 && actual.length === expected.length) return;
  const parted = at === -1 ? expected.length : at;
  const act = expected.slice(0, parted).findLast((reply) => /^\$\d+\r\nact /.test(reply)) ?? 'the beginning';
  const around = (replies: readonly string[]): string =>
    replies
      .slice(Math.max(0, parted - 4), parted + 4)
      .map((reply) => JSON.stringify(reply.slice(0, 300)))
      .join('\n');
  assert.fail(
    `they part at reply ${parted}, ${seed}, in ${JSON.stringify(act)}:\n${around(actual)}\ninstead of\n${around(expected)}`,
  );
}
