// For tests of the machine only: endpoints on a stage with model servers and model sentinels that answer a millisecond
// later. The test says who dies, freezes, claims what; time passes when it says so.

import { array, bulk, bulks, error, simple, type Reply } from '../resp/reply.ts';
import type { CheckConf } from './checks/check-conf.ts';
import type {
  BackendConf,
  CheckTiming,
  EndpointsConf,
  FrontendConf,
  Role,
  ServerConf,
} from './endpoint-conf.ts';
import { Endpoints } from './endpoints.ts';
import type { ConnectionId, Effect, Event } from './io.ts';
import type { RelayConf } from './relay/messages.ts';
import { targetText, type Route, type Target } from './route.ts';
import type { BackendSnapshot } from './snapshot.ts';

const LATENCY_MS = 1;

export const TIMING: CheckTiming = {
  intervalMs: 500,
  fastIntervalMs: 500,
  downIntervalMs: 500,
  rise: 1,
  fall: 2,
  timeoutMs: 1_000,
};

export const target = (text: string): Target => {
  const [host = '', port = ''] = text.split(':');
  return { host, port: Number(port) };
};

export function serverConf(name: string, address: string, more: Partial<ServerConf> = {}): ServerConf {
  return {
    name,
    ...target(address),
    weight: 1,
    isBackup: false,
    connectionsMax: null,
    isDisabled: false,
    tls: null,
    sendsProxyProtocol: null,
    checks: [],
    ...more,
  };
}

export const PRIMARY: Extract<Role, { kind: 'primary' }> = { kind: 'primary', preferred: null };
export const REPLICA: Extract<Role, { kind: 'replica' }> = {
  kind: 'replica',
  lagBytesMax: 1_000,
  lagMsMax: 10_000,
  withoutReplica: 'refuse',
  shareMax: 100,
};

export function backendConf(more: Partial<BackendConf> = {}): BackendConf {
  return {
    name: 'redis',
    role: PRIMARY,
    source: { kind: 'checks' },
    servers: [serverConf('a', '10.0.0.1:6379'), serverConf('b', '10.0.0.2:6379')],
    balance: 'roundrobin',
    timing: TIMING,
    credentials: null,
    tls: null,
    connectMsMax: 1_000,
    endsOthers: true,
    usesAllBackups: false,
    ...more,
  };
}

export function frontendConf(name: string, backend: string): FrontendConf {
  return {
    name,
    binds: [],
    backend,
    mode: 'redis',
    path: 'relay',
    isTransparent: false,
    connectionsMax: null,
    idleMsMax: null,
    keepAliveMs: null,
    queue: { timeoutMs: 5_000, clientsMax: 10_000 },
    hold: { holdMsMax: 1_000, clientBytesMax: 1_048_576, bytesMax: 268_435_456 },
  };
}

/** What a relay or proxy of one worker is told of a frontend without limits. */
export function relayConf(mode: FrontendConf['mode'], more: Partial<RelayConf> = {}): RelayConf {
  return {
    frontend: { ...frontendConf('web', 'web'), mode },
    listening: [],
    connectMsMax: 5_000,
    limits: { clients: [], waiting: '', ofServer: '' },
    workers: 1,
    staysAwake: null,
    persistMs: null,
    isPrimary: false,
    serverDefaults: { tls: null, sendsProxyProtocol: null },
    servers: {},
    ...more,
  };
}

export function endpointsConf(...backends: readonly BackendConf[]): EndpointsConf {
  return {
    frontends: backends.map(({ name }) => frontendConf(`to-${name}`, name)),
    backends,
    leaseMs: 3_000,
    refreshMs: 500,
  };
}

/** A server, or (with `group`) a sentinel. */
export class Model {
  isAlive = true;
  isFrozen = false;
  /** Accepts connections, and ends each before a word. */
  hangsUp = false;
  role: 'master' | 'slave' = 'slave';
  history = 'h1';
  offset = 100;
  follows: Target = target('10.0.0.1:6379');
  isLinkUp = true;
  isSyncing = false;
  isLoading = false;
  replicas: string[] = [];
  password: string | null = null;
  /** Answers PING, and INFO never. */
  hangsOnInfo = false;
  /** AUTH is an unknown command to it. */
  knowsNoAuth = false;
  /** `promoted`: whom it has promoted in a failover that it leads and that is not over. */
  group: { primary: string; epoch: number; replicas: string[]; promoted?: string } | null = null;
  /** A sentinel that does not let us ask for the primary's address alone. */
  refusesAddress = false;
  /** How often it was told to acknowledge. */
  prompts = 0;
  /** All else it was told besides PING and INFO. */
  readonly orders: string[] = [];
  /** Answers an order in its own way; null: as usual. */
  onOrder: (order: string) => Reply | null = () => null;
}

interface Line {
  readonly model: Model;
  readonly address: string;
  /** The password was right. */
  isLoggedIn: boolean;
}

interface Found {
  readonly isUp: boolean;
  readonly weight?: number;
  readonly detail?: string;
}

export class Stage {
  readonly endpoints: Endpoints;
  readonly effects: { readonly at: number; readonly effect: Effect }[] = [];
  readonly models = new Map<string, Model>();
  /** What a name's addresses are now; a host without an entry is its own. */
  readonly names = new Map<string, readonly string[]>();
  now = 0;
  /** What the paths answer to a step of a switch; null: nothing yet. */
  answersStep: boolean = true;
  /** What a check of this server finds; null: nothing yet, the test says it itself. */
  checkFinds: ((address: string, kind: CheckConf['kind']) => Found) | null = null;
  /** Hooks end a moment after they began. */
  endsHooks: boolean = true;
  readonly #lines = new Map<ConnectionId, Line>();
  #later: { readonly at: number; readonly event: Event; readonly isValid: () => boolean }[] = [];
  #hasStarted = false;

  constructor(conf: EndpointsConf) {
    this.endpoints = new Endpoints(conf);
  }

  model(address: string, more: Partial<Model> = {}): Model {
    const model = Object.assign(this.models.get(address) ?? new Model(), more);
    this.models.set(address, model);
    return model;
  }

  feed(event: Event): void {
    for (const effect of this.endpoints.step(event, this.now)) {
      this.effects.push({ at: this.now, effect });
      this.#carryOut(effect);
    }
  }

  /** Time passes, with a tick at each deadline and every answer at its time. */
  pass(ms: number): void {
    if (!this.#hasStarted) {
      this.#hasStarted = true;
      this.feed({ kind: 'start' });
    }
    const end = this.now + ms;
    for (;;) {
      const next = this.#later[0];
      const due = this.endpoints.deadline();
      if (Math.min(due, next?.at ?? Infinity) > end) break;
      if (next !== undefined && next.at <= due) {
        this.#later.shift();
        this.now = Math.max(this.now, next.at);
        if (next.isValid()) this.feed(next.event);
      } else {
        this.now = Math.max(this.now, due);
        this.feed({ kind: 'tick' });
      }
    }
    this.now = end;
  }

  /** The process is gone: its connections are reset, and nobody listens there. */
  kill(address: string): void {
    this.model(address).isAlive = false;
    for (const [connection, line] of this.#lines) {
      if (line.address === address) this.#end(connection, 'reset');
    }
  }

  /** The connections to a server end, but it lives. */
  cut(address: string): void {
    for (const [connection, line] of this.#lines)
      if (line.address === address) this.#end(connection, 'closed');
  }

  get routes(): Route[] {
    return this.effects.flatMap(({ effect }) => (effect.kind === 'route' ? [effect.route] : []));
  }

  /** Where an endpoint leads now: addresses. */
  leadsTo(endpoint = 'to-redis'): string[] {
    const route = this.routes.findLast((one) => one.endpoint === endpoint);
    return route === undefined || route.deadline <= this.now ? [] : route.servers.map(targetText);
  }

  /** What was told of virtual servers: `hook /up.sh`, `fifo VS ... UP`, `mail <subject>`, in this order. */
  told(): string[] {
    return this.effects.flatMap(({ effect }) => {
      switch (effect.kind) {
        case 'run-hook':
          return [`hook ${effect.command.argv.join(' ')}`];
        case 'write-fifo':
          return [`fifo ${effect.line.trimEnd()}`];
        case 'send-mail':
          return [`mail ${effect.subject}`];
        default:
          return [];
      }
    });
  }

  alarms(): string[] {
    return this.effects.flatMap(({ effect }) =>
      effect.kind === 'event' && effect.level === 'alarm' ? [`${effect.name}: ${effect.text}`] : [],
    );
  }

  ended(): { isDone: boolean; sentence: string } | null {
    const all = this.effects.flatMap(({ effect }) => (effect.kind === 'switch-ended' ? [effect] : []));
    return all.at(-1) ?? null;
  }

  backend(name = 'redis'): BackendSnapshot {
    const found = this.endpoints.snapshot(this.now).backends.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no backend ${name}`);
    return found;
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'resolve':
        return this.#soon({
          kind: 'resolved',
          host: effect.host,
          ips: this.#addressesOf(effect.host),
        });
      case 'connect':
        return this.#connect(effect.connection, `${effect.ip}:${effect.port}`);
      case 'close':
        this.#lines.delete(effect.connection);
        return;
      case 'send':
        return this.#hear(effect.connection, effect.args);
      case 'run-check': {
        const found = this.checkFinds?.(targetText(effect.server), effect.check.kind);
        if (found === undefined) return;
        const { isUp, weight = null, detail = 'as the test says' } = found;
        return this.#soon({ kind: 'check-ended', run: effect.run, isUp, detail, weight });
      }
      case 'run-hook':
        if (this.endsHooks) this.#soon({ kind: 'hook-ended', run: effect.run, exitCode: 0, signal: 0 });
        return;
      case 'switch-step':
        if (this.answersStep) this.#soon({ kind: 'switch-answer', id: effect.id, answer: { kind: 'done' } });
        return;
      default:
    }
  }

  #addressesOf(host: string): readonly string[] {
    return this.names.get(host) ?? [host];
  }

  #connect(connection: ConnectionId, address: string): void {
    const model = this.models.get(address);
    if (model?.isAlive !== true) {
      this.#soon({ kind: 'disconnected', connection, reason: 'refused', detail: 'refused' });
      return;
    }
    this.#lines.set(connection, { model, address, isLoggedIn: false });
    if (!model.isFrozen) this.#soon({ kind: 'connected', connection, localAddress: '10.0.0.9' }, connection);
    if (model.hangsUp) {
      this.#later.push({
        at: this.now + 2 * LATENCY_MS,
        event: { kind: 'disconnected', connection, reason: 'closed', detail: 'the other end hung up' },
        isValid: () => this.#lines.delete(connection),
      });
    }
  }

  #hear(connection: ConnectionId, args: readonly string[]): void {
    const line = this.#lines.get(connection);
    if (line === undefined || line.model.isFrozen || line.model.hangsUp) return;
    for (const reply of this.#replies(line, args))
      this.#soon({ kind: 'reply', connection, reply }, connection);
  }

  #replies(line: Line, args: readonly string[]): Reply[] {
    const { model } = line;
    const [command = '', second = ''] = args;
    if (command === 'AUTH' && model.knowsNoAuth) {
      return [error(`ERR unknown command 'AUTH', with args beginning with: '${second}' `)];
    }
    if (command === 'AUTH') {
      line.isLoggedIn = args.at(-1) === model.password;
      return [line.isLoggedIn ? simple('OK') : error('WRONGPASS no')];
    }
    if (model.password !== null && !line.isLoggedIn) return [error('NOAUTH Authentication required.')];
    if (command === 'PING') return [model.isLoading ? error('LOADING in progress') : simple('PONG')];
    if (command === 'INFO' && model.hangsOnInfo) return [];
    if (command === 'INFO') return [bulk(infoOf(model))];
    if (command === 'SUBSCRIBE') return [bulksOf('subscribe', second, '1')];
    if (command === 'REPLCONF') {
      model.prompts += 1;
      return [];
    }
    const { group } = model;
    if (command === 'SENTINEL' && second === 'MASTER') {
      if (group === null) return [error('ERR No such master with that name')];
      const { host, port } = target(group.primary);
      return [bulksOf('name', 'm', 'ip', host, 'port', String(port), 'config-epoch', String(group.epoch))];
    }
    if (command === 'SENTINEL' && second === 'GET-MASTER-ADDR-BY-NAME') {
      if (model.refusesAddress) return [error('NOPERM no')];
      const { host, port } = target(group?.promoted ?? group?.primary ?? '');
      return [group === null ? { kind: 'null' } : bulksOf(host, String(port))];
    }
    if (command === 'SENTINEL' && second === 'REPLICAS') {
      return [
        array(
          (group?.replicas ?? []).map((one) =>
            bulksOf('ip', target(one).host, 'port', String(target(one).port)),
          ),
        ),
      ];
    }
    const order = args.join(' ');
    model.orders.push(order);
    const answer = model.onOrder(order);
    if (answer !== null) return [answer];
    if (order === 'REPLICAOF NO ONE') model.role = 'master';
    else if (command === 'REPLICAOF') {
      model.role = 'slave';
      model.follows = { host: second, port: Number(args[2]) };
    }
    return [simple('OK')];
  }

  #end(connection: ConnectionId, reason: 'closed' | 'reset'): void {
    this.#lines.delete(connection);
    this.feed({ kind: 'disconnected', connection, reason, detail: reason });
  }

  /** `on`: only while that connection stands. */
  #soon(event: Event, on: ConnectionId | null = null): void {
    const isValid = (): boolean => on === null || this.#lines.has(on);
    this.#later.push({ at: this.now + LATENCY_MS, event, isValid });
  }

  /** A sentinel tells its subscribers. */
  publish(address: string, text: string): void {
    for (const [connection, line] of this.#lines) {
      if (line.address !== address) continue;
      this.feed({
        kind: 'reply',
        connection,
        reply: { kind: 'push', items: [bulk('message'), bulk('+switch-master'), bulk(text)] },
      });
    }
  }
}

const bulksOf = (...texts: readonly string[]): Reply => bulks(texts);

function infoOf(model: Model): string {
  const lines = [
    `role:${model.role}`,
    `master_replid:${model.history}`,
    `master_repl_offset:${model.offset}`,
  ];
  if (model.role === 'slave') {
    lines.push(
      `master_host:${model.follows.host}`,
      `master_port:${model.follows.port}`,
      `master_link_status:${model.isLinkUp ? 'up' : 'down'}`,
      `master_sync_in_progress:${model.isSyncing ? 1 : 0}`,
      `slave_repl_offset:${model.offset}`,
    );
  }
  for (const [index, replica] of model.replicas.entries()) {
    const { host, port } = target(replica);
    lines.push(`slave${index}:ip=${host},port=${port},state=online`);
  }
  return `# Replication\r\n${lines.join('\r\n')}\r\n`;
}
