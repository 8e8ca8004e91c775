// The quorum machine: a whole sentinel as a function from events to effects. It joins the monitor, which watches and
// fails over, with the server, which answers on our own port, over one state.
//
//   const effects = sentinel.step(event, now)    what happened, whole monotonic milliseconds  ->  what to do, in order
//   sentinel.deadline()                          when to send the next `tick` at the latest
//
// Nothing here asks the time, opens a socket or rolls a die.

import { assert } from '../base/assert.ts';
import type { Random } from '../base/random.ts';
import { integer, type Reply } from '../resp/reply.ts';
import * as configure from './commands/configure.ts';
import * as describe from './commands/describe.ts';
import type { MonitorCommand } from './commands/handler.ts';
import * as manage from './commands/manage.ts';
import * as queries from './commands/queries.ts';
import { set } from './commands/set.ts';
import { confOf } from './conf-state.ts';
import type { SentinelConf } from './conf/conf.ts';
import { Core } from './core.ts';
import { HELLO_CHANNEL } from './hello.ts';
import type { Host } from './host.ts';
import { infoText, type Identity } from './info-text.ts';
import type { ClientId, Effect, Event } from './io.ts';
import { Monitor } from './monitor.ts';
import type { Policy } from './policy.ts';
import { receiveHello } from './receive-hello.ts';
import { SENTINEL_POLICY } from './sentinel-policy.ts';
import type { Call, Handler } from './server/command.ts';
import type { Handlers } from './server/handlers.ts';
import { Server, type PortSetup } from './server/server.ts';
import type { Snapshot } from './snapshot.ts';
import { takeSnapshot } from './take-snapshot.ts';

export interface SentinelOptions {
  readonly conf: SentinelConf;
  /** Users and renamed commands of `conf`, understood (`preparePort`). */
  readonly port: PortSetup;
  readonly host: Host;
  readonly random: Random;
  /** Of this run of the process, for INFO; 40 hexadecimal digits. */
  readonly runId: string;
  /** A primary whose links both ended and whose port refuses is down at once, not after down-after. */
  readonly fastCrash: boolean;
  readonly policy?: Policy;
  /** Baton's own, for INFO. */
  readonly version: string;
}

/** Why the process ends and how; nothing follows it. */
const EXIT_CLEANLY: Effect = { kind: 'exit', code: 0 };

export class Sentinel {
  readonly #core: Core;
  readonly #monitor: Monitor;
  readonly #server: Server;
  readonly #conf: SentinelConf;
  readonly #options: SentinelOptions;
  #startedAt = 0;

  constructor(options: SentinelOptions) {
    const { conf, host, random, fastCrash } = options;
    this.#options = options;
    this.#conf = conf;
    this.#core = new Core({ conf, host, random, fastCrash, policy: options.policy ?? SENTINEL_POLICY });
    this.#monitor = new Monitor(this.#core);
    this.#server = new Server({
      setup: options.port,
      host,
      handlers: this.#handlers(),
      emit: (effect) => this.#core.emit(effect),
    });
    this.#core.publish = (channel, text) => this.#server.publish(channel, text);
  }

  /** What to do now that `event` has happened. The first event is `start`. */
  step(event: Event, now: number): readonly Effect[] {
    const core = this.#core;
    assert(Number.isInteger(now) && now >= core.now, 'time is in whole milliseconds and never goes back');
    core.now = now;
    this.#monitor.beginStep(event);
    switch (event.kind) {
      case 'start':
        this.#startedAt = now;
        this.#monitor.start(this.#conf);
        break;
      case 'client-connected':
        this.#server.clientConnected(event, now);
        break;
      case 'client-closed':
        this.#server.clientClosed(event.client);
        break;
      case 'command':
        this.#server.command(event.client, event.args, now);
        break;
      case 'terminate':
        core.log('warning', 'Sentinel is now ready to exit, bye bye...');
        core.emit(EXIT_CLEANLY);
        break;
      default:
        this.#monitor.handle(event);
        if (event.kind === 'tick') this.#server.tick(now);
    }
    this.#monitor.endStep();
    return untilExit(core.takeEffects());
  }

  /** When `tick` is due at the latest; absolute milliseconds. */
  deadline(): number {
    return Math.min(this.#monitor.deadline(), this.#server.deadline());
  }

  /** What belongs on disk now; every version is at least as new as any before it. */
  stateToPersist(): { readonly version: number; readonly conf: SentinelConf } {
    return { version: this.#core.persistence.version, conf: confOf(this.#core, this.#server.users()) };
  }

  snapshot(now: number): Snapshot {
    this.#core.now = Math.max(this.#core.now, now);
    return takeSnapshot(this.#core, this.#startedAt);
  }

  isAuthenticated(client: ClientId): boolean {
    return this.#server.isAuthenticated(client);
  }

  isSubscribed(client: ClientId): boolean {
    return this.#server.isSubscribed(client);
  }

  #handlers(): Handlers {
    const core = this.#core;
    const command =
      (run: MonitorCommand): Handler =>
      ({ args, session }: Call) =>
        run(core, args, () => this.#server.defer(session));
    return {
      sentinel: {
        masters: command(describe.masters),
        master: command(describe.master),
        replicas: command(describe.replicas),
        sentinels: command(describe.sentinels),
        myid: command(queries.myId),
        'get-master-addr-by-name': command(queries.getMasterAddrByName),
        'is-master-down-by-addr': command(queries.isMasterDownByAddr),
        ckquorum: command(queries.ckquorum),
        'info-cache': command(queries.infoCache),
        'pending-scripts': command(queries.pendingScripts),
        monitor: command(manage.monitor),
        remove: command(manage.remove),
        reset: command(manage.reset),
        failover: command(manage.failover),
        set: command(set),
        config: command(configure.config),
        debug: command(configure.debug),
        'simulate-failure': command(configure.simulateFailure),
        flushconfig: command(configure.flushConfig),
      },
      info: ({ args }) => this.#info(args.slice(1)),
      publish: ({ args }) => this.#publish(args[1] ?? '', args[2] ?? ''),
      role: () => queries.role(core),
      shutdown: () => {
        core.log('warning', 'User requested shutdown...');
        core.emit(EXIT_CLEANLY);
        return 'none';
      },
    };
  }

  #info(sections: readonly string[]): Reply {
    const { runId, version, port } = this.#options;
    const identity: Identity = {
      flavour: port.product.flavour,
      compatibleVersion: port.product.version,
      version,
      runId,
      startedAt: this.#startedAt,
    };
    return { kind: 'bulk', value: infoText(this.#core, identity, this.#server.stats(), sections) };
  }

  /** Our PUBLISH only takes in hellos; the answer is always 1, or peers would publish again and again. */
  #publish(channel: string, message: string): Reply {
    if (channel !== HELLO_CHANNEL) {
      return { kind: 'error', text: 'ERR Only HELLO messages are accepted by Sentinel instances.' };
    }
    receiveHello(this.#core, message);
    return integer(1);
  }
}

/** Once we leave nothing else happens, however much was still asked for. */
function untilExit(effects: readonly Effect[]): readonly Effect[] {
  const exit = effects.findIndex(({ kind }) => kind === 'exit');
  return exit < 0 ? effects : effects.slice(0, exit + 1);
}
