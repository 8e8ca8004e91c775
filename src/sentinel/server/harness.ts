// For the tests of this folder: a server with a made-up host and monitor, driven command by command, and its answers
// as they would stand on the wire.

import { assert } from '../../base/assert.ts';
import { fnv1a } from '../../base/fnv.ts';
import { failure, success } from '../../base/result.ts';
import { array, bulk, OK, type Protocol, type Reply } from '../../resp/reply.ts';
import type { ServerConf } from '../conf/conf.ts';
import type { Host } from '../host.ts';
import type { ClientId, Effect } from '../io.ts';
import type { Call, Handler, Outcome } from './command.ts';
import { defaultServer } from '../conf/defaults.ts';
import type { Product } from './desk.ts';
import type { SentinelHandlers } from './sentinel-rows.ts';
import { preparePort, Server, type ClientConnected } from './server.ts';

/** A port nothing was configured for, with nothing to limit what waits for a client. */
export const PLAIN_CONF: ServerConf = {
  ...defaultServer('/'),
  pubsubOutputLimit: { hardBytes: 0, softBytes: 0, softSeconds: 0 },
};

/** 64 hexadecimal digits that depend on every character; nobody's password is at stake here. */
export function fakeSha256(text: string): string {
  let said = '';
  let digits = '';
  for (let round = 0; round < 8; round += 1) {
    said += `${round}${text}`;
    digits += fnv1a(said).toString(16).padStart(8, '0');
  }
  return digits;
}

/** A host whose files are a map. */
export function fakeHost(files: Map<string, string> = new Map()): Host {
  return {
    sha256: fakeSha256,
    secretHex: (count) => '0123456789abcdef'.repeat(64).slice(0, count),
    facts: () => ({
      pid: 1,
      os: 'Test',
      arch: '64',
      executable: '/baton',
      configFile: '/sentinel.conf',
      cpuUserSeconds: 0,
      cpuSystemSeconds: 0,
      serverTimeMicros: 1_700_000_000_000_000,
    }),
    isExecutable: () => false,
    readTextFile: (path) => {
      const text = files.get(path);
      return text === undefined ? failure('there is no such file') : success(text);
    },
    writeTextFile: (path, text) => {
      if (path.startsWith('/full/')) return failure('the disk is full');
      files.set(path, text);
      return success(null);
    },
  };
}

/** A reply as bytes; the codec proper is elsewhere. */
export function wire(reply: Reply, protocol: Protocol): string {
  const all = (items: readonly Reply[]): string => items.map((item) => wire(item, protocol)).join('');
  switch (reply.kind) {
    case 'simple':
      return `+${reply.text}\r\n`;
    case 'error':
      return `-${reply.text}\r\n`;
    case 'integer':
      return `:${reply.value}\r\n`;
    case 'bulk':
      return `$${reply.value.length}\r\n${reply.value}\r\n`;
    case 'null':
      return protocol === 3 ? '_\r\n' : '$-1\r\n';
    case 'null-array':
      return protocol === 3 ? '_\r\n' : '*-1\r\n';
    case 'array':
      return `*${reply.items.length}\r\n${all(reply.items)}`;
    case 'set':
      return `${protocol === 3 ? '~' : '*'}${reply.items.length}\r\n${all(reply.items)}`;
    case 'push':
      return `>${reply.items.length}\r\n${all(reply.items)}`;
    case 'map':
      return (
        (protocol === 3 ? `%${reply.entries.length}\r\n` : `*${reply.entries.length * 2}\r\n`) +
        reply.entries.map((entry) => all(entry)).join('')
      );
    case 'verbatim':
      return protocol === 3
        ? `=${reply.value.length + 4}\r\n${reply.format}:${reply.value}\r\n`
        : wire(bulk(reply.value), 2);
    case 'double':
      return protocol === 3 ? `,${reply.value}\r\n` : wire(bulk(`${reply.value}`), 2);
    default:
      throw new TypeError(`no reply of a sentinel is a ${reply.kind}`);
  }
}

export interface TestOptions {
  readonly conf?: Partial<ServerConf>;
  readonly files?: Map<string, string>;
  readonly product?: Product;
}

export class TestPort {
  readonly server: Server;
  readonly effects: Effect[] = [];
  /** Calls that arrived at the monitor's handlers, as `sentinel|masters`, `role`. */
  readonly monitored: string[] = [];
  /** What the monitor says to the next call; OK unless set. */
  outcome: (call: Call) => Outcome = () => OK;
  now = 1_000_000;
  #lastClient = 0;

  constructor(options: TestOptions = {}) {
    const host = fakeHost(options.files);
    const product = options.product ?? { flavour: 'redis', version: '7.2.4' };
    const setup = preparePort({ ...PLAIN_CONF, ...options.conf }, product, host);
    assert(setup.ok, `the test's configuration is wrong: ${JSON.stringify(setup)}`);
    const handler =
      (name: string): Handler =>
      (call) => {
        this.monitored.push(name);
        return this.outcome(call);
      };
    this.server = new Server({
      setup: setup.value,
      host,
      emit: (effect) => this.effects.push(effect),
      handlers: {
        sentinel: new Proxy<Record<string, Handler>>(
          {},
          { get: (_target, name) => handler(`sentinel|${String(name)}`) },
        ) as SentinelHandlers,
        info: handler('info'),
        publish: handler('publish'),
        role: handler('role'),
        shutdown: handler('shutdown'),
      },
    });
  }

  /** A new client, `127.0.0.1:4000<id>` unless told otherwise. */
  connect(overrides: Partial<ClientConnected> = {}): ClientId {
    const client = ++this.#lastClient;
    this.server.clientConnected(
      {
        kind: 'client-connected',
        client,
        address: `127.0.0.1:4000${client}`,
        localAddress: '127.0.0.1:26379',
        isLocal: true,
        fd: client + 10,
        ...overrides,
      },
      this.now,
    );
    return client;
  }

  /** Sends a command and returns all that this client was then sent, as bytes; a close shows as `<closed>`. */
  say(client: ClientId, ...args: string[]): string {
    this.effects.length = 0;
    const words = args.length === 1 ? (args[0] ?? '').split(' ') : args;
    this.server.command(client, words, this.now);
    return this.heard(client);
  }

  /** What the effects since the last `say` sent to this client. */
  heard(client: ClientId): string {
    let bytes = '';
    for (const effect of this.effects) {
      if (effect.kind === 'answer' && effect.client === client) bytes += wire(effect.reply, effect.protocol);
      if (effect.kind === 'close-client' && effect.client === client) bytes += '<closed>';
      if (effect.kind === 'hold-client' && effect.client === client) bytes += '<held>';
      if (effect.kind === 'release-client' && effect.client === client) bytes += '<released>';
    }
    return bytes;
  }

  /** The same with time passing first. */
  wait(ms: number): void {
    this.effects.length = 0;
    this.now += ms;
    this.server.tick(this.now);
  }
}

/** An array of bulk strings as RESP has it. */
export const bulksOf = (...texts: string[]): string => wire(array(texts.map(bulk)), 2);
