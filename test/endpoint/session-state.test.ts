// What a client is at its server after a move equals what it was before: every field of CLIENT LIST but those that tell of
// the connection itself, and what no field tells: tracking's options, whom messages reach, which replies are withheld.

import assert from 'node:assert/strict';
import { type Socket, connect } from 'node:net';
import { type TestContext, describe, it } from 'node:test';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import type { Flavor } from '../../src/redis/server-files.ts';
import { serverFiles } from '../harness/fleet.ts';
import { lacksValkey } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { ask } from '../harness/wire.ts';
import { openRelay } from './relay-kit.ts';

/** Fields that are not compared, with the reason. A field that a newer server adds is. */
const EXCEPTIONS: ReadonlyMap<string, string> = new Map([
  ...['id', 'addr', 'laddr', 'fd'].map((field) => [field, 'another connection'] as const),
  ...['age', 'idle'].map((field) => [field, 'since when this connection is there'] as const),
  ...['qbuf', 'qbuf-free', 'argv-mem', 'rbs', 'rbp', 'obl', 'oll', 'omem', 'tot-mem'].map(
    (field) => [field, 'buffers of this connection, at this moment'] as const,
  ),
  ...['tot-net-in', 'tot-net-out', 'tot-cmds'].map((field) => [field, 'counts what went over it'] as const),
  ['events', 'what its event loop waits for at this moment'],
  ['cmd', 'the last command: of what made it so again, the order may be another'],
]);

/** A client that says some things at once, and remembers all that it hears. */
class Session {
  readonly name: string;
  /** The last of what it said, as CLIENT LIST names it; null: it has no connection of its own. */
  readonly last: string | null;
  heard = '';
  isClosed = false;
  readonly #socket: Socket;

  constructor(test: TestContext, port: number, name: string, lines: readonly string[], last: string | null) {
    this.name = name;
    this.last = last;
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setEncoding('latin1').on('data', (chunk: string) => (this.heard += chunk));
    this.#socket.on('error', () => undefined).on('close', () => (this.isClosed = true));
    test.after(() => this.#socket.destroy());
    for (const line of lines) this.say(line);
  }

  say(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  /** What it hears from now on, once it ends so. */
  async hears(end: string, line?: string): Promise<string> {
    this.heard = '';
    if (line !== undefined) this.say(line);
    await until(
      `${JSON.stringify(end)} for ${this.name}`,
      () => this.heard.endsWith(end),
      () => this.heard,
    );
    return this.heard;
  }
}

type State = Readonly<Record<string, string>>;

/** The fields of a line of CLIENT LIST that are compared. */
function stateOf(line: string): State {
  const fields = line.split(' ').map((field) => field.split(/=(.*)/s) as [string, string]);
  return Object.fromEntries(fields.filter(([field]) => !EXCEPTIONS.has(field)));
}

/** The line of CLIENT LIST, or of CLIENT INFO, about `session`; undefined: there is none. */
async function lineOf(server: ManagedServer, session: Session): Promise<string | undefined> {
  if (session.last === null) {
    const reply = await session.hears('\n', 'CLIENT INFO');
    return / laddr=127\.0\.0\.1:(\d+) /.exec(reply)?.[1] === String(server.port)
      ? reply.slice(reply.indexOf('id='), reply.lastIndexOf('\r\n')).trim()
      : undefined;
  }
  const list = String(await ask(server, ['CLIENT', 'LIST']));
  return list.split('\n').find((each) => each.includes(` name=${session.name} `));
}

async function start(
  test: TestContext,
  flavor: Flavor,
  directives: readonly string[],
): Promise<ManagedServer> {
  const server = await ManagedServer.start({
    files: await serverFiles(flavor),
    port: await freePort(),
    directives,
  });
  test.after(() => server.dispose());
  return server;
}

/** Waits until `server` has said of all sessions what they are, each with its last command done. */
async function statesAt(
  server: ManagedServer,
  sessions: readonly Session[],
  isDone: (session: Session, state: State, line: string) => boolean,
): Promise<ReadonlyMap<string, State>> {
  const states = new Map<string, State>();
  for (const session of sessions) {
    let line: string | undefined;
    await until(
      `the state of ${session.name}`,
      async () => {
        line = await lineOf(server, session);
        if (line === undefined || !isDone(session, stateOf(line), line)) return false;
        states.set(session.name, stateOf(line));
        return true;
      },
      () => `${line ?? 'it is not there'}\nit heard ${JSON.stringify(session.heard)}`,
    );
  }
  return states;
}

const lackingValkey = await lacksValkey();

for (const flavor of ['redis', 'valkey'] as const) {
  const isNew = flavor === 'valkey';
  describe(`a session at ${flavor}`, { skip: isNew ? lackingValkey : false }, () => {
    for (const isTransparent of [false, true]) {
      it(`is after a move what it was before, ${isTransparent ? 'transparent' : 'shared or pinned'}`, async (t) => {
        const [from, to] = await Promise.all([start(t, flavor, []), start(t, flavor, [])]);
        for (const server of [from, to]) {
          await ask(server, ['ACL', 'SETUSER', 'mover', 'on', '>secret', '~*', '&*', '+@all']);
        }
        const relay = await openRelay(t, { isTransparent });
        relay.lead(from);
        const open = (name: string, lines: readonly string[], last: string | null): Session => {
          const known = [
            `CLIENT SETNAME ${name}`,
            `CLIENT SETINFO LIB-NAME lib-of-${name}`,
            'CLIENT SETINFO LIB-VER 1.2.3',
          ];
          return new Session(t, relay.port, name, [...known, ...lines], last);
        };
        const subscriptions = ['SUBSCRIBE a b', 'PSUBSCRIBE c* d*', 'SSUBSCRIBE s t u'];
        const [three, ssubscribed] = ['HELLO 3 AUTH mover secret', 'ssubscribe'];
        const shared = open('shared', ['AUTH mover secret', 'SELECT 7'], isTransparent ? 'select' : null);
        const plain = open(
          'plain',
          ['SELECT 5', 'AUTH mover secret', 'CLIENT NO-EVICT ON'],
          'client|no-evict',
        );
        const subscribed = open('subscribed', subscriptions, ssubscribed);
        const pushed = open('pushed', [three, 'SELECT 3', ...subscriptions], ssubscribed);
        const opened = open('opened', ['SELECT 2', 'MULTI', 'SET k v', 'ECHO before', 'GET k'], 'get');
        const watching = open('watching', ['SELECT 4', 'WATCH k l'], 'watch');
        const tracking = [
          open('tracking', [three, 'CLIENT TRACKING ON NOLOOP'], 'client|tracking'),
          open('opted-in', [three, 'CLIENT TRACKING ON OPTIN'], 'client|tracking'),
          open('opted-out', [three, 'CLIENT TRACKING ON OPTOUT NOLOOP'], 'client|tracking'),
          open(
            'broadcast',
            [
              three,
              'CLIENT TRACKING ON BCAST PREFIX x PREFIX y NOLOOP',
              'CLIENT TRACKING ON BCAST PREFIX z NOLOOP',
            ],
            'client|tracking',
          ),
        ];
        const silent = open('silent', ['SELECT 1', 'CLIENT REPLY OFF'], 'client|reply');
        const skipping = open('skipping', ['SELECT 6', 'CLIENT REPLY SKIP'], 'client|reply');
        const sessions = [shared, plain, subscribed, pushed, opened, watching, ...tracking, silent, skipping];
        if (isNew) {
          sessions.push(
            open('untouching', ['CLIENT NO-TOUCH ON', 'CLIENT NO-EVICT ON'], 'client|no-evict'),
            open('capable', ['CLIENT CAPA redirect'], 'client|capa'),
          );
        }
        const before = await statesAt(from, sessions, ({ last }, _state, line) =>
          last === null ? true : line.includes(` cmd=${last} `),
        );
        assert.equal(before.get('pushed')?.['ssub'], '3');
        assert.equal(before.get('opened')?.['multi'], '3');
        assert.equal(before.get('plain')?.['user'], 'mover');
        const trackingInfo = async (): Promise<string[]> => {
          const infos: string[] = [];
          for (const session of tracking) {
            session.say('CLIENT TRACKINGINFO');
            infos.push(await session.hears('asked\r\n', 'ECHO asked'));
          }
          return infos;
        };
        const infoBefore = await trackingInfo();
        for (const session of sessions) session.heard = '';

        relay.lead(to);
        const expected = new Map(before);
        // WATCH can't be had again: its client is told in place of that, see below.
        if (isNew) expected.set('watching', { ...before.get('watching'), watch: '0' });
        const same = (session: Session, state: State): boolean =>
          JSON.stringify(state) === JSON.stringify(expected.get(session.name));
        const after = await statesAt(to, sessions, same);
        assert.deepEqual(after, expected);
        // All that it has cached is in doubt.
        for (const { name, heard } of tracking) {
          assert.equal(heard, '>2\r\n$10\r\ninvalidate\r\n_\r\n', name);
        }
        assert.deepEqual(await trackingInfo(), infoBefore);
        for (const [publish, channel] of [
          ['PUBLISH', 'a'],
          ['PUBLISH', 'b'],
          ['SPUBLISH', 's'],
          ['SPUBLISH', 't'],
          ['SPUBLISH', 'u'],
        ] as const) {
          assert.equal(await ask(to, [publish, channel, 'x']), 2, `${publish} ${channel}`);
        }
        assert.equal(await ask(to, ['PUBLISH', 'cd', 'x']), 2);
        assert.equal(await ask(to, ['PUBSUB', 'NUMPAT']), 2);
        // Neither the move nor anything since has answered them.
        assert.deepEqual([silent.heard, skipping.heard], ['', '']);
        silent.say('ECHO unheard');
        assert.equal(await silent.hears('+OK\r\n', 'CLIENT REPLY ON'), '+OK\r\n');
        skipping.say('ECHO unheard');
        assert.equal(await skipping.hears('$5\r\nheard\r\n', 'ECHO heard'), '$5\r\nheard\r\n');
        assert.equal(await opened.hears('v\r\n', 'EXEC'), '*3\r\n+OK\r\n$6\r\nbefore\r\n$1\r\nv\r\n');
        watching.say('MULTI');
        watching.say('SET k lost');
        assert.equal(await watching.hears('*-1\r\n', 'EXEC'), '+OK\r\n+QUEUED\r\n*-1\r\n');
        const counts = (await relay.path.counts())['redis'];
        assert.deepEqual([counts?.['outcomeUnknown'], counts?.['unmovable']], [0, 0]);
        assert.deepEqual(
          sessions.filter(({ isClosed }) => isClosed),
          [],
        );
        await until('nobody left behind', async () => {
          const list = String(await ask(from, ['CLIENT', 'LIST']));
          return !/ name=[a-z]/.test(list);
        });
      });
    }

    it('reads from a replica of a cluster after a move as before', async (t) => {
      // Its bus would take a port 10,000 above the server's, which may be another's.
      const startOne = async (): Promise<ManagedServer> =>
        start(t, flavor, ['cluster-enabled yes', `cluster-port ${await freePort()}`]);
      const [from, to] = await Promise.all([startOne(), startOne()]);
      for (const isTransparent of [false, true]) {
        const relay = await openRelay(t, { isTransparent });
        relay.lead(from);
        const name = isTransparent ? 'transparent' : 'pinned';
        const lines = [`CLIENT SETNAME ${name}`, 'READONLY'];
        const session = new Session(t, relay.port, name, lines, 'readonly');
        const before = await statesAt(from, [session], (_session, _state, line) =>
          line.includes(' cmd=readonly '),
        );
        assert.match(before.get(name)?.['flags'] ?? '', /r/);
        relay.lead(to);
        const after = await statesAt(
          to,
          [session],
          (_session, { flags }) => flags === before.get(name)?.['flags'],
        );
        assert.deepEqual(after, before);
      }
    });
  });
}
