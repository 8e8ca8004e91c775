// Every way the daemon touches the world on the machine's behalf, in one function.

import { unreachable } from '../base/assert.ts';
import type { Links } from '../net/links.ts';
import type { Listener } from '../net/listener.ts';
import type { Scripts } from '../notify/scripts.ts';
import type { Effect } from '../sentinel/io.ts';
import type { Journal } from './journal.ts';
import type { Log } from './log.ts';
import type { Resolver } from './resolver.ts';

/** The hands of the daemon. */
export interface World {
  readonly links: Links;
  readonly listener: Listener;
  readonly resolver: Resolver;
  readonly scripts: Scripts;
  readonly stateWriter: { request(): void };
  readonly log: Log;
  readonly journal: Journal;
  readonly leave: (exitCode: number) => void;
}

/** Carries out one effect. What must be sent is queued until the loop flushes. */
export function carryOut(effect: Effect, world: World): void {
  switch (effect.kind) {
    case 'connect':
      return world.links.connect(effect.connection, effect.ip, effect.port, effect.tls);
    case 'close':
      return world.links.close(effect.connection);
    case 'send':
      return world.links.send(effect.connection, effect.args);
    case 'resolve':
      return world.resolver.resolve(effect.host);
    case 'persist':
      return world.stateWriter.request();
    case 'answer':
      return world.listener.answer(effect.client, effect.reply, effect.protocol);
    case 'hold-client':
      return world.listener.hold(effect.client);
    case 'release-client':
      return world.listener.release(effect.client);
    case 'close-client':
      return world.listener.closeClient(effect.client);
    case 'run-script':
      return world.scripts.run(effect.run, effect.path, effect.args);
    case 'kill-script':
      return world.scripts.kill(effect.run);
    case 'log':
      return world.log.write(effect.level, effect.text);
    case 'event':
      world.journal.event(effect.level, effect.name, effect.text);
      return world.log.write(effect.level, `${effect.name} ${effect.text}`);
    case 'decision':
      world.journal.decision(effect.master, effect.sentence);
      return world.log.write('notice', effect.sentence);
    case 'set-log-level':
      return world.log.setLevel(effect.level);
    case 'exit':
      return world.leave(effect.code);
    default:
      return unreachable(effect, 'an effect the daemon does not know');
  }
}
