// A switch at any moment, seen by clients that cut their bytes anywhere: each request is carried out once, in its
// client's order, and answered in that order, or the client is closed because nobody can know.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bytesOf } from '../../base/byte-string.ts';
import { ModelData, ModelServer, command } from './model-servers.ts';
import { type ModelClient, Stage } from './test-kit.ts';

type Step =
  | { readonly kind: 'send' | 'serve' | 'reply'; readonly who: number; readonly bytes: number }
  | { readonly kind: 'cut' | 'slow' | 'take'; readonly who: number }
  | { readonly kind: 'surprise' }
  | { readonly kind: 'flush' | 'prepare' | 'hold' | 'demote' | 'nowhere' | 'follow' | 'undo' };

const bytes = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom(700, 10_000));

const moving: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('send' as const), who: fc.nat(2), bytes }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('serve' as const), who: fc.nat(5), bytes }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('reply' as const), who: fc.nat(5), bytes }) },
  { weight: 6, arbitrary: fc.constant({ kind: 'flush' as const }) },
  ...(['slow', 'take'] as const).map((kind) => ({
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant(kind), who: fc.nat(2) }),
  })),
  ...(['prepare', 'hold', 'demote', 'nowhere', 'follow', 'undo'] as const).map((kind) => ({
    weight: 1,
    arbitrary: fc.constant({ kind }),
  })),
);
/** What ends connections: a cable, and a route that changes with nobody held. */
const cutting: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), who: fc.nat(5) }),
  fc.constant({ kind: 'surprise' as const }),
);

/** Requests of client `who`, each write told from all others. */
function requestsOf(who: number, kinds: readonly number[]): string[] {
  const key = `key${who}`;
  return kinds.flatMap((kind, at) => {
    const mark = `${who}:${at};`;
    switch (kind) {
      case 0:
        return [command('GET', key)];
      case 1:
        return [command('PUBLISH', 'news', mark)];
      case 2:
        return [command('SELECT', String(at % 3))];
      case 3:
        return [command('MULTI'), command('APPEND', key, mark), command('GET', key), command('EXEC')];
      case 4:
        return [command('EVAL', 'body', '1', key, mark)];
      case 5:
        return [command('CLIENT', 'SETNAME', `n${at}`), command('CLIENT', 'GETNAME')];
      case 6:
        return [command('SUBSCRIBE', 'x', 'y'), command('GET', key), command('UNSUBSCRIBE', 'y', 'x')];
      case 7:
        return [command('MULTI'), command('APPEND', key, mark), command('DISCARD')];
      case 8:
        return [command('MULTI'), command('GET', key), command('SELECT', '2'), command('EXEC')];
      case 9:
        return [`ECHO "${mark}"\r\n`];
      case 10:
        return [command('SCRIPT', 'LOAD', 'body'), command('EVALSHA', 'sha-body', '1', key, mark)];
      case 11:
        return [
          command('SCRIPT', 'LOAD', 'body'),
          command('MULTI'),
          command('EVALSHA', 'sha-body', '1', key, mark),
          command('EXEC'),
        ];
      case 12:
        return [
          command('CLIENT', 'REPLY', 'OFF'),
          command('APPEND', key, mark),
          command('APPEND', key, `${who}:${at}, too;`),
          command('CLIENT', 'REPLY', 'ON'),
        ];
      case 13:
        return [command('CLIENT', 'REPLY', 'SKIP'), command('APPEND', key, mark), command('GET', key)];
      case 14:
        return [command('ECHO', mark.repeat(300))];
      default:
        return [command('APPEND', key, mark)];
    }
  });
}

/** So little that clients who take nothing are slowed down, and that replies are too long to share a connection. */
const LIMITS = { congestedBytes: 20, longReplyBytes: 600, sharedReplyBytesMax: 700 };

/** Whether some of it is not answered: a server that is demoted out of the blue refuses that in silence. */
function wantsNoAnswers(kinds: readonly number[] | undefined): boolean {
  return kinds?.some((kind) => kind === 12 || kind === 13) === true;
}

/** What one server that nobody switches answers, and does. */
function straight(requests: readonly string[]): { readonly replies: string; readonly log: string[] } {
  const data = new ModelData();
  let replies = '';
  const server = new ModelServer('a', data, true);
  const connection = server.dial({
    connected: () => undefined,
    received: (chunk) => (replies += String.fromCharCode(...chunk)),
    drained: () => undefined,
    closed: () => undefined,
  });
  connection.reply();
  // The model takes arrays only; the relay makes one of a line.
  const text = requests.join('').replace(/ECHO "(.*?)"\r\n/g, (_, word: string) => command('ECHO', word));
  connection.write([bytesOf(text)]);
  connection.serve();
  connection.reply();
  return { replies, log: data.log };
}

/** What was done for one client. A replica publishes, too: that comes first if the write before it was refused. */
function doneFor(who: number, log: readonly string[]): string[] {
  const all = log.filter((entry) => entry.includes(` ${who}:`));
  const isPublished = (entry: string): boolean => entry.startsWith('publish');
  return [...all.filter((entry) => !isPublished(entry)), ...all.filter(isPublished)];
}

function play(isTransparent: boolean, scripts: readonly (readonly number[])[], steps: readonly Step[]): void {
  const stage = new Stage(isTransparent, LIMITS);
  const all = scripts.map((kinds, who) => requestsOf(who, kinds));
  const rest = all.map((requests) => requests.join(''));
  for (const _ of scripts) stage.connect();
  const send = (who: number, count: number): void => {
    const text = rest[who] ?? '';
    rest[who] = text.slice(count);
    stage.send(who, text.slice(0, count));
  };
  for (const step of steps) {
    switch (step.kind) {
      case 'send':
        send(step.who % scripts.length, step.bytes);
        break;
      case 'serve':
        stage.connections[step.who % stage.connections.length]?.serve(step.bytes);
        break;
      case 'reply':
        stage.connections[step.who % stage.connections.length]?.reply(step.bytes);
        break;
      case 'cut':
        stage.connections[step.who % stage.connections.length]?.cut();
        break;
      case 'slow':
        (stage.wires[step.who % scripts.length] as ModelClient).isSlow = true;
        break;
      case 'take':
        stage.take(step.who % scripts.length);
        break;
      case 'surprise':
        stage.follow(false);
        break;
      case 'flush':
        stage.flush();
        break;
      case 'prepare':
        stage.relay.prepare({
          name: 'b',
          host: stage.other.host,
          port: 6379,
          weight: 1,
          connectionsMax: null,
        });
        break;
      case 'nowhere':
        stage.leadNowhere();
        break;
      default:
        stage[step.kind]();
    }
  }
  stage.follow();
  stage.undo();
  stage.wires.forEach((wire, who) => {
    wire.isSlow = false;
    stage.take(who);
  });
  for (let who = 0; who < scripts.length; who++) send(who, Infinity);
  stage.settle();
  stage.relay.nowMs += 200;
  stage.relay.tick();
  stage.settle();
  const cuts = steps.some(({ kind }) => kind === 'cut' || kind === 'surprise');
  all.forEach((requests, who) => {
    const { replies, log } = straight(requests);
    const wire = stage.wires[who] as ModelClient;
    const done = doneFor(who, stage.data.log);
    const wanted = doneFor(who, log);
    if (wire.isOver) {
      assert.ok(cuts || wantsNoAnswers(scripts[who]), `client ${who} was closed without need`);
      const received = wire.received.replace(/-ERR the server was replaced, .*\r\n$/, '');
      assert.equal(replies.slice(0, received.length), received);
      const isIn = (entry: string): boolean => done.includes(entry);
      // Nothing twice, and nothing before what it comes behind.
      assert.deepEqual(done, wanted.filter(isIn));
      const appended = wanted.filter((entry) => entry.startsWith('append'));
      assert.equal(appended.filter(isIn).length, 1 + appended.findLastIndex(isIn));
    } else {
      assert.equal(wire.received, replies);
      assert.deepEqual(done, wanted);
    }
  });
}

const scripts = fc.array(fc.array(fc.nat(17), { minLength: 1, maxLength: 8 }), {
  minLength: 1,
  maxLength: 3,
});

describe('clients of a relay', () => {
  for (const isTransparent of [false, true]) {
    const mode = isTransparent ? 'with connections of their own' : 'that share connections';
    it(`${mode} do not notice a switch at any moment, in any split of their bytes`, () => {
      fc.assert(
        fc.property(scripts, fc.array(moving, { maxLength: 60 }), (kinds, steps) =>
          play(isTransparent, kinds, steps),
        ),
        { numRuns: 1_000 },
      );
    });

    it(`${mode} are answered rightly or closed when connections break, too`, () => {
      const steps = fc.array(fc.oneof({ weight: 9, arbitrary: moving }, { weight: 1, arbitrary: cutting }), {
        maxLength: 60,
      });
      fc.assert(
        fc.property(scripts, steps, (kinds, all) => play(isTransparent, kinds, all)),
        { numRuns: 500 },
      );
    });
  }
});

it('an acknowledgement that is under way when the route changes out of the blue reaches nobody', () => {
  const stage = new Stage();
  stage.connect();
  stage.send(0, command('APPEND', 'key', 'mark'));
  stage.flush();
  const [connection] = stage.connections;
  connection?.reply();
  stage.flush();
  connection?.serve();
  stage.demote();
  stage.follow(false);
  connection?.reply();
  stage.settle();
  const wire = stage.wires[0] as ModelClient;
  assert.ok(wire.isOver);
  assert.equal(wire.received, '');
  assert.equal(stage.relay.counts.outcomeUnknown, 1);
});
