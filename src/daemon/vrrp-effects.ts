// Every way the daemon touches the world on the VRRP machine's behalf, in one function.

import { unreachable } from '../base/assert.ts';
import type { Mailer } from '../notify/mailer.ts';
import type { Effect, Event } from '../vrrp/io.ts';
import type { RedisConf } from '../vrrp/router-conf.ts';
import type { Adverts } from './vrrp-adverts.ts';
import type { Fifos } from './vrrp-fifos.ts';
import type { Guard } from './vrrp-guard.ts';
import type { Interfaces } from './vrrp-interfaces.ts';
import type { RedisConnections } from './vrrp-redis.ts';
import type { Runs } from './vrrp-runs.ts';
import type { VrrpJournal, VrrpLog } from './vrrp-journal.ts';

/** The hands of the daemon. */
export interface VrrpWorld {
  readonly interfaces: Interfaces;
  readonly adverts: Adverts;
  readonly guard: Guard;
  readonly runs: Runs;
  readonly fifos: Fifos;
  readonly mailer: Mailer;
  readonly redis: RedisConnections;
  /** The Redis tracker of this name, while the configuration has it. */
  readonly redisConf: (tracker: string) => RedisConf | null;
  readonly log: VrrpLog;
  readonly journal: VrrpJournal;
  /** Tells the machine what came of an effect. */
  readonly tell: (event: Event) => void;
  readonly leave: (exitCode: number) => void;
}

/** Carries out one effect, at once. */
export function carryOutVrrp(effect: Effect, world: VrrpWorld): void {
  switch (effect.kind) {
    case 'send-advert':
      return attempt(effect, world, () => world.adverts.send(effect));
    case 'send-frame':
      return attempt(effect, world, () => world.adverts.sendFrame(effect.interface, effect.frame));
    case 'set-address':
      return attempt(effect, world, () =>
        world.interfaces.set(effect.address, effect.lifetimeSeconds, effect.isNew),
      );
    case 'remove-address':
      return attempt(effect, world, () => world.interfaces.remove(effect.address));
    case 'clear-address':
      return clearAddress(effect, world);
    case 'guard-addresses':
      return world.guard.guard(effect);
    case 'unguard-addresses':
      return world.guard.unguard(effect.key);
    case 'reset-clients':
      return world.guard.resetClients(effect.addresses);
    case 'run-hook':
      return world.runs.start(effect.run, effect.command, effect.args, (exitCode, signal) =>
        world.tell({ kind: 'hook-ended', run: effect.run, exitCode, signal }),
      );
    case 'run-script':
      return world.runs.start(effect.run, effect.command, [], (exitCode, signal) =>
        world.tell({ kind: 'script-ended', run: effect.run, exitCode, signal }),
      );
    case 'signal-run':
      return world.runs.signal(effect.run, effect.signal);
    case 'write-fifo':
      return world.fifos.write(effect.line);
    case 'send-mail':
      return world.mailer.send(effect.subject, effect.body);
    case 'redis-connect': {
      const conf = world.redisConf(effect.tracker);
      if (conf !== null) world.redis.connect(effect.connection, conf);
      return;
    }
    case 'redis-ask':
      return world.redis.ask(effect.connection, effect.question);
    case 'redis-close':
      return world.redis.close(effect.connection);
    case 'log':
      return world.log.write(effect.level, effect.text);
    case 'event':
      world.journal.event(effect.level, effect.name, effect.router, effect.text);
      return world.log.write(
        effect.level === 'alarm' ? 'warning' : 'notice',
        [effect.router, effect.name, effect.text].filter((part) => part !== '').join(' '),
      );
    case 'decision':
      world.journal.decision(effect.router, effect.sentence);
      return world.log.write('notice', effect.sentence);
    case 'exit':
      return world.leave(effect.code);
    default:
      return unreachable(effect, 'an effect the daemon does not know');
  }
}

type Attempted = Extract<Event, { readonly kind: 'effect-failed' }>['effect'];

/** What the kernel refuses is an event for the machine, which goes on. */
function attempt(
  effect: { readonly kind: Attempted; readonly router: string },
  world: VrrpWorld,
  action: () => void,
): void {
  try {
    action();
  } catch (error) {
    const detail = Buffer.from((error as Error).message, 'utf8').toString('latin1');
    world.tell({ kind: 'effect-failed', effect: effect.kind, router: effect.router, detail });
  }
}

function clearAddress(effect: Extract<Effect, { kind: 'clear-address' }>, world: VrrpWorld): void {
  try {
    for (const { address, prefixLength } of world.interfaces.clear(effect.address)) {
      const where = `${address}/${prefixLength} from ${effect.address.interface}`;
      world.log.write('notice', `${effect.router}: removed ${where}, left by an earlier run`);
    }
  } catch (error) {
    world.log.write('warning', `${effect.router}: ${(error as Error).message}`);
  }
}
