// Every way the daemon touches the world on the endpoint machine's behalf, in one function.

import { unreachable } from '../../base/assert.ts';
import type { Effect, Event } from '../../endpoint/io.ts';
import type { SwitchId } from '../../endpoint/io.ts';
import type { Resolver } from '../resolver.ts';
import type { CheckRunner } from './check-runner.ts';
import type { EndpointJournal, EndpointLog } from './endpoint-journal.ts';
import type { Paths } from './paths.ts';
import type { ServerLinks } from './server-links.ts';
import type { Telling } from './telling.ts';

/** The hands of the daemon. */
export interface EndpointWorld {
  readonly links: ServerLinks;
  readonly resolver: Resolver;
  readonly checks: CheckRunner;
  readonly paths: Paths;
  readonly telling: Telling;
  readonly log: EndpointLog;
  readonly journal: EndpointJournal;
  /** Tells the machine what came of an effect. */
  readonly tell: (event: Event) => void;
  readonly switchEnded: (id: SwitchId, isDone: boolean, sentence: string) => void;
  readonly leave: (exitCode: number) => void;
}

/** Carries out one effect, at once. */
export function carryOutEndpoint(effect: Effect, world: EndpointWorld): void {
  switch (effect.kind) {
    case 'connect':
      return world.links.connect(effect.connection, effect.ip, effect.port, effect.tls, effect.proxyVersion);
    case 'close':
      return world.links.close(effect.connection);
    case 'send':
      return world.links.send(effect.connection, effect.args);
    case 'resolve':
      return world.resolver.resolve(effect.host);
    case 'run-check':
      return world.checks.run(effect);
    case 'stop-check':
      return world.checks.stop(effect.run);
    case 'run-hook':
      return world.telling.run(effect.run, effect.command, (exitCode, signal) =>
        world.tell({ kind: 'hook-ended', run: effect.run, exitCode, signal }),
      );
    case 'signal-hook':
      return world.telling.signal(effect.run, effect.signal);
    case 'write-fifo':
      return world.telling.writeFifo(effect.line);
    case 'send-mail':
      return world.telling.mail(effect.subject, effect.body);
    case 'route':
      return world.paths.apply(effect.route);
    case 'servers-known':
      return world.paths.avoid(effect.endpoints, effect.servers);
    case 'servers-up':
      return world.paths.know(effect.facts);
    case 'end-sessions':
      return world.paths.endSessions(effect.endpoints, effect.server);
    case 'switch-step':
      void world.paths
        .takeStep(effect.endpoints, effect.step)
        .then((answer) => world.tell({ kind: 'switch-answer', id: effect.id, answer }));
      return;
    case 'switch-ended':
      return world.switchEnded(effect.id, effect.isDone, effect.sentence);
    case 'log':
      return world.log.write(effect.level, effect.text);
    case 'event':
      world.journal.event(effect.level, effect.name, effect.backend, effect.text);
      return world.log.write(
        effect.level === 'alarm' ? 'warning' : 'notice',
        `${effect.backend} ${effect.name}: ${effect.text}`,
      );
    case 'decision':
      world.journal.decision(effect.backend, effect.sentence);
      return world.log.write('notice', `${effect.backend} ${effect.sentence}`);
    case 'exit':
      return world.leave(effect.code);
    default:
      return unreachable(effect, 'an effect the daemon does not know');
  }
}
