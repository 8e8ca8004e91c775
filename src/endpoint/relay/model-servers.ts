// Servers of a model for the relay's tests: two that share one data set (replication that is never behind), of which
// one at a time is the primary, and wires on which a test moves bytes by hand, as few at a time as it likes.

import { byteString, bytesOf } from '../../base/byte-string.ts';
import { encodeCommand } from '../../resp/encode.ts';
import { RequestScanner, argumentsOf } from './request-scanner.ts';
import type { Wire, WireEvents } from './wire.ts';

export const command = (...args: string[]): string => encodeCommand(args);

const READONLY = "READONLY You can't write against a read only replica.";

/** What the servers have, and each write that was carried out, in order. */
export class ModelData {
  readonly values = new Map<string, string>();
  readonly log: string[] = [];
}

export class ModelServer {
  isPrimary: boolean;
  readonly host: string;
  readonly port = 6379;
  readonly data: ModelData;
  readonly connections: ModelConnection[] = [];
  /** Scripts it knows; each server has its own. */
  readonly scripts = new Set<string>();
  /** The key that it has for scans. */
  scanned: string;
  /** The last entry of each of its streams; empty: they have none. */
  newest = '';
  /** Errors it gives to requests that begin so. */
  readonly refuses = new Map<string, string>();
  /** Commands it carried out or refused, as text. */
  readonly seen: string[] = [];

  constructor(host: string, data: ModelData, isPrimary: boolean) {
    this.host = host;
    this.scanned = `key-${host}`;
    this.data = data;
    this.isPrimary = isPrimary;
  }

  dial(events: WireEvents): ModelConnection {
    const connection = new ModelConnection(this, events);
    this.connections.push(connection);
    return connection;
  }
}

/** What both kinds of wire have. */
export abstract class ModelWire implements Wire {
  /** What was written and not taken. */
  waitingBytes = 0;
  /** So much has waited that it is told when all was taken, as with sockets. */
  needsDrain = false;
  takenBytes = 0;
  /** The relay does not read from it. */
  isPaused = false;
  isOver = false;

  get unsentBytes(): number {
    return this.needsDrain ? this.waitingBytes : 0;
  }

  abstract write(parts: readonly Uint8Array[]): void;
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  close(): void {
    this.isOver = true;
  }
  reset(): void {
    this.isOver = true;
  }
}

/** One connection to a {@link ModelServer}, which is the server's side of it, too. */
export class ModelConnection extends ModelWire {
  readonly #server: ModelServer;
  readonly #events: WireEvents;
  readonly #scanner = new RequestScanner();
  #isConnected = false;
  /** On the way to the server, and what it has of an unfinished request. */
  #requests = '';
  #read = '';
  /** On the way to the relay. */
  #replies = '';
  #db = 0;
  #name = '';
  /** What CLIENT REPLY made of it. */
  #mode: 'on' | 'off' | 'skip' = 'on';
  #skipsNext = false;
  #queued: string[][] | null = null;
  #isDirty = false;
  readonly #watched = new Map<string, string | undefined>();
  readonly #channels = new Set<string>();
  /** A blocked pop. */
  blocked: string[] | null = null;

  constructor(server: ModelServer, events: WireEvents) {
    super();
    this.#server = server;
    this.#events = events;
  }

  write(parts: readonly Uint8Array[]): void {
    if (this.isOver) return;
    for (const part of parts) this.#requests += byteString(part, 0, part.length);
  }

  get isBusy(): boolean {
    if (this.isOver) return false;
    return !this.#isConnected || this.#requests !== '' || (this.#replies !== '' && !this.isPaused);
  }

  /** `count` bytes reach the server, which carries out what is whole. */
  serve(count = Infinity): void {
    if (this.isOver || !this.#isConnected) return;
    this.#read += this.#requests.slice(0, count);
    this.#requests = this.#requests.slice(count);
    for (;;) {
      const bytes = bytesOf(this.#read);
      if (bytes.length === 0 || this.blocked !== null) return;
      this.#scanner.reset();
      if (this.#scanner.scan(bytes, 0, bytes.length) !== 'whole') return;
      const args = argumentsOf(bytes, 0);
      this.#read = this.#read.slice(this.#scanner.end);
      const text = args.join(' ');
      this.#server.seen.push(text);
      const refused = [...this.#server.refuses].find(([beginning]) => text.startsWith(beginning));
      const reply = refused === undefined ? this.#take(args) : `-${refused[1]}\r\n`;
      // Redis 7.0 and Valkey 8.0 confirm subscriptions in any mode.
      if (this.#mode === 'on' || /^(un)?subscribe$/i.test(args[0] ?? '')) this.#replies += reply;
      if (this.#mode === 'skip') this.#mode = 'on';
      if (this.#skipsNext) this.#mode = 'skip';
      this.#skipsNext = false;
    }
  }

  /** `count` bytes of replies reach the relay, if it reads. */
  reply(count = Infinity): void {
    if (this.isOver || this.isPaused) return;
    if (!this.#isConnected) {
      this.#isConnected = true;
      this.#events.connected();
      return;
    }
    const bytes = this.#replies.slice(0, count);
    this.#replies = this.#replies.slice(count);
    if (bytes !== '') this.#events.received(bytesOf(bytes));
  }

  /** The connection breaks; the server has read and done what it has. */
  cut(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#events.closed('the test cut it');
  }

  /** Something for a blocked pop. */
  unblock(reply: string): void {
    this.blocked = null;
    if (this.#mode === 'on') this.#replies += reply;
    // And what was said behind it.
    this.serve(0);
  }

  #take(args: readonly string[]): string {
    const name = (args[0] ?? '').toUpperCase();
    if (this.#queued !== null && !['EXEC', 'DISCARD', 'MULTI', 'WATCH', 'RESET'].includes(name)) {
      if (isWrite(name) && !this.#server.isPrimary) {
        this.#isDirty = true;
        return `-${READONLY}\r\n`;
      }
      this.#queued.push([...args]);
      return '+QUEUED\r\n';
    }
    return this.#run(args, name);
  }

  #run(args: readonly string[], name: string): string {
    const server = this.#server;
    const { data } = server;
    const [, first = '', second = ''] = args;
    const key = `${this.#db}/${first}`;
    if (isWrite(name) && !server.isPrimary) return `-${READONLY}\r\n`;
    switch (name) {
      case 'PING':
        return '+PONG\r\n';
      case 'ECHO':
        return bulk(first);
      case 'ROLE':
        return `*1\r\n${bulk(server.isPrimary ? 'master' : 'slave')}`;
      case 'GET':
        return bulk(data.values.get(key));
      case 'APPEND':
        return this.#append(key, second);
      case 'PUBLISH':
        data.log.push(`publish ${first} ${second}`);
        return ':0\r\n';
      case 'EVAL':
        if (first === 'fails') return `-${READONLY} script: said so\r\n`;
        server.scripts.add(`sha-${first}`);
        return this.#append(`${this.#db}/${args[3] ?? ''}`, args[4] ?? '');
      case 'EVALSHA':
        if (!server.scripts.has(first)) return '-NOSCRIPT No matching script. Please use EVAL.\r\n';
        return this.#append(`${this.#db}/${args[3] ?? ''}`, args[4] ?? '');
      case 'SCRIPT':
        if (first.toUpperCase() === 'FLUSH') {
          server.scripts.clear();
          return '+OK\r\n';
        }
        server.scripts.add(`sha-${second}`);
        return bulk(`sha-${second}`);
      case 'SCAN':
        return `*2\r\n${bulk(first === '0' ? '17' : '0')}*1\r\n${bulk(server.scanned)}`;
      case 'COMMAND':
        if (!second.startsWith('MOD.')) return '*1\r\n*-1\r\n';
        return `*1\r\n*3\r\n${bulk(second.toLowerCase())}:2\r\n*1\r\n+${second === 'MOD.GET' ? 'readonly' : 'blocking'}\r\n`;
      case 'MOD.GET':
      case 'MOD.WAIT':
        return '+modular\r\n';
      case 'AUTH':
      case 'HELLO':
      case 'RESET':
        this.#queued = null;
        if (name === 'RESET') this.#mode = 'on';
        return '+OK\r\n';
      case 'SELECT':
        if (Number(first) > 15) return '-ERR DB index is out of range\r\n';
        this.#db = Number(first);
        return '+OK\r\n';
      case 'CLIENT':
        if (/GETNAME/i.test(first)) return bulk(this.#name === '' ? undefined : this.#name);
        if (/SETNAME/i.test(first)) this.#name = second;
        if (/REPLY/i.test(first)) {
          if (/SKIP/i.test(second)) this.#skipsNext = this.#mode !== 'off';
          else this.#mode = /OFF/i.test(second) ? 'off' : 'on';
          return /ON/i.test(second) ? '+OK\r\n' : '';
        }
        return '+OK\r\n';
      case 'XREVRANGE':
        if (server.newest === '') return '*0\r\n';
        return `*1\r\n*2\r\n${bulk(server.newest)}*2\r\n${bulk('f')}${bulk('v')}`;
      case 'BLPOP':
      case 'XREAD':
      case 'WAIT':
        this.blocked = [...args];
        return '';
      case 'SUBSCRIBE':
      case 'UNSUBSCRIBE': {
        const channels = args.length > 1 ? args.slice(1) : [...this.#channels];
        return channels.map((channel) => this.#subscribe(name, channel)).join('');
      }
      case 'WATCH':
        for (const watched of args.slice(1)) {
          const its = `${this.#db}/${watched}`;
          this.#watched.set(its, data.values.get(its));
        }
        return '+OK\r\n';
      case 'UNWATCH':
        this.#watched.clear();
        return '+OK\r\n';
      case 'MULTI':
        if (this.#queued !== null) return '-ERR MULTI calls can not be nested\r\n';
        this.#queued = [];
        this.#isDirty = false;
        return '+OK\r\n';
      case 'DISCARD':
        if (this.#queued === null) return '-ERR DISCARD without MULTI\r\n';
        this.#queued = null;
        this.#watched.clear();
        return '+OK\r\n';
      case 'EXEC':
        return this.#exec();
      default:
        return `-ERR unknown command '${args[0] ?? ''}'\r\n`;
    }
  }

  #append(key: string, text: string): string {
    const { data } = this.#server;
    const value = (data.values.get(key) ?? '') + text;
    data.values.set(key, value);
    data.log.push(`append ${key} ${text}`);
    return `:${value.length}\r\n`;
  }

  #subscribe(name: string, channel: string): string {
    if (name === 'SUBSCRIBE') this.#channels.add(channel);
    else this.#channels.delete(channel);
    return `*3\r\n${bulk(name.toLowerCase())}${bulk(channel)}:${this.#channels.size}\r\n`;
  }

  #exec(): string {
    const queued = this.#queued;
    if (queued === null) return '-ERR EXEC without MULTI\r\n';
    this.#queued = null;
    const isTouched = [...this.#watched].some(([key, value]) => this.#server.data.values.get(key) !== value);
    this.#watched.clear();
    if (this.#isDirty) return '-EXECABORT Transaction discarded because of previous errors.\r\n';
    if (!this.#server.isPrimary && queued.some(([name]) => isWrite((name ?? '').toUpperCase()))) {
      return `-EXECABORT Transaction discarded because of: ${READONLY}\r\n`;
    }
    if (isTouched) return '*-1\r\n';
    const replies = queued.map((args) => this.#run(args, (args[0] ?? '').toUpperCase()));
    return `*${replies.length}\r\n${replies.join('')}`;
  }
}

function isWrite(name: string): boolean {
  return ['APPEND', 'EVAL', 'EVALSHA', 'BLPOP', 'MOD.WAIT'].includes(name);
}

export function bulk(text: string | undefined): string {
  return text === undefined ? '$-1\r\n' : `$${text.length}\r\n${text}\r\n`;
}
