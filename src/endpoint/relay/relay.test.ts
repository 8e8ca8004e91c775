// What the relay does for single requests around a switch, against model servers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { taggedCursor } from './scan.ts';
import { type ScriptNews, Scripts } from './scripts.ts';
import { commandIn } from './unknown-command.ts';
import { bulk, command } from './model-servers.ts';
import { Stage } from './test-kit.ts';

const sha1 = (text: string): string => `sha-${text}`;
/** As sockets have it. */
const CHUNK_LENGTH = 65_536;

/** What client `who` is answered to `text`, once all is at rest. */
function ask(stage: Stage, who: number, text: string): string {
  const wire = stage.wires[who];
  assert.ok(wire !== undefined);
  wire.received = '';
  for (let at = 0; at < text.length; at += CHUNK_LENGTH) stage.send(who, text.slice(at, at + CHUNK_LENGTH));
  stage.settle();
  return wire.received;
}

function staged(clients = 1): Stage {
  const stage = new Stage();
  for (let count = 0; count < clients; count++) stage.connect();
  return stage;
}

describe('a script that is refused with -READONLY', () => {
  it('is sent to the new primary when ROLE shows that the server was demoted', () => {
    const stage = staged();
    ask(stage, 0, command('PING'));
    stage.demote();
    const text = command('EVAL', 'body', '1', 'k', 'x') + command('GET', 'k') + command('APPEND', 'k', 'y');
    assert.equal(ask(stage, 0, text), '');
    assert.equal(stage.demoted.length, 1);
    stage.follow();
    assert.equal(ask(stage, 0, ''), `:1\r\n${bulk('x')}:2\r\n`);
    assert.deepEqual(stage.data.log, ['append 0/k x', 'append 0/k y']);
  });

  it('is sent to the new primary when the route changes before ROLE is asked', () => {
    const stage = staged();
    stage.demote();
    stage.send(0, command('EVAL', 'body', '1', 'k', 'x') + command('GET', 'k'));
    const [connection] = stage.connections;
    connection?.reply();
    connection?.serve();
    connection?.reply();
    stage.follow();
    assert.equal(ask(stage, 0, ''), `:1\r\n${bulk('x')}`);
  });

  it('has said so itself when ROLE says primary: the client hears it, and all behind it, in order', () => {
    const stage = staged();
    const text = command('EVAL', 'fails', '0') + command('APPEND', 'k', 'y') + command('GET', 'k');
    assert.match(ask(stage, 0, text), /^-READONLY .*said so\r\n:1\r\n\$1\r\ny\r\n$/);
    assert.deepEqual(stage.demoted, []);
    assert.equal(stage.relay.isHolding, false);
    assert.deepEqual(stage.data.log, ['append 0/k y']);
  });
});

it("clients of one server are closed by order, what they still asked for is nobody else's, and others go on", () => {
  const stage = staged(3);
  stage.lead(...stage.servers);
  for (const who of [0, 1, 2]) ask(stage, who, command('PING'));
  const isAt = (who: number, host: string): boolean => stage.clients[who]?.backend?.server.host === host;
  const there = [0, 1, 2].filter((who) => isAt(who, 'a'));
  assert.equal(there.length, 2);
  stage.send(there[0] ?? 0, command('GET', 'k'));
  stage.relay.endSessions({ host: 'a', port: stage.servers[0].port });
  assert.deepEqual(
    [0, 1, 2].map((who) => stage.clients[who]?.isGone),
    [0, 1, 2].map((who) => there.includes(who)),
  );
  const left = [0, 1, 2].find((who) => !there.includes(who)) ?? 0;
  assert.equal(ask(stage, left, command('PING')), '+PONG\r\n');
  const next = stage.connect();
  assert.equal(ask(stage, next, command('PING')), '+PONG\r\n');
  assert.equal(stage.relay.counts.clients, 2);
});

it('tells the server the names of a client with a connection of its own, also those it had before it signed on', () => {
  const stage = new Stage(true);
  stage.connect();
  const text = command('CLIENT', 'SETNAME', 'me') + command('AUTH', 'user', 'secret');
  assert.equal(ask(stage, 0, text), '+OK\r\n+OK\r\n');
  assert.deepEqual(stage.servers[0].seen, ['AUTH user secret', 'CLIENT SETNAME me']);
});

describe('a script that the server does not know', () => {
  it('is loaded there and asked for again, if the relay has seen it', () => {
    const stage = staged(2);
    ask(stage, 0, command('EVAL', 'body', '1', 'k', 'x'));
    stage.demote();
    stage.follow();
    assert.equal(ask(stage, 1, command('EVALSHA', 'sha-body', '1', 'k', 'y')), ':2\r\n');
    assert.equal(ask(stage, 1, command('SCRIPT', 'LOAD', 'other')), bulk('sha-other'));
    stage.demote();
    stage.follow();
    assert.equal(ask(stage, 0, command('EVALSHA', 'sha-other', '1', 'k', 'z')), ':3\r\n');
  });

  it('is missing for the client if nobody has sent it, if it was flushed, or if requests follow it and it was flushed past the relay', () => {
    const stage = staged();
    assert.match(ask(stage, 0, command('EVALSHA', 'sha-none', '0')), /^-NOSCRIPT/);
    ask(stage, 0, command('EVAL', 'body', '1', 'k', 'x'));
    const call = command('EVALSHA', 'sha-body', '1', 'k', 'y');
    assert.equal(ask(stage, 0, call), ':2\r\n');
    stage.servers[0].scripts.clear();
    assert.match(ask(stage, 0, call + command('GET', 'k')), /^-NOSCRIPT .*\r\n\$2\r\nxy\r\n$/);
    stage.servers[0].scripts.clear();
    assert.equal(ask(stage, 0, call), ':3\r\n');
    ask(stage, 0, command('SCRIPT', 'FLUSH'));
    assert.match(ask(stage, 0, call), /^-NOSCRIPT/);
  });
});

describe('a script that clients know by its hash', () => {
  const call = command('EVALSHA', 'sha-body', '1', 'k', 'y');

  it('is loaded once at the new primary, before a pipeline or a transaction that calls it', () => {
    const stage = staged(2);
    ask(stage, 0, command('SCRIPT', 'LOAD', 'body'));
    stage.demote();
    stage.follow();
    assert.equal(ask(stage, 1, call + call + command('GET', 'k')), `:1\r\n:2\r\n${bulk('yy')}`);
    const transaction = command('MULTI') + call + command('EXEC');
    assert.equal(ask(stage, 0, transaction), '+OK\r\n+QUEUED\r\n*1\r\n:3\r\n');
    assert.equal(stage.servers[1].seen.filter((line) => line.startsWith('SCRIPT')).length, 1);
  });

  it('is loaded before a transaction, also if only transactions have sent and called it', () => {
    const stage = staged();
    const run = (text: string): string => ask(stage, 0, command('MULTI') + text + command('EXEC'));
    run(command('EVAL', 'body', '1', 'k', 'x'));
    assert.match(run(call), /\*1\r\n:2\r\n$/);
    stage.demote();
    stage.follow();
    assert.match(run(call), /\*1\r\n:3\r\n$/);
  });

  it('is loaded again at a server that was started anew', () => {
    const stage = staged();
    ask(stage, 0, command('SCRIPT', 'LOAD', 'body') + call);
    stage.servers[0].scripts.clear();
    for (const connection of stage.connections) connection.cut();
    stage.settle();
    assert.equal(ask(stage, 0, call + call), ':2\r\n:3\r\n');
  });

  it('is there for a transaction that moves in the midst of it', () => {
    const stage = staged();
    ask(stage, 0, command('SCRIPT', 'LOAD', 'body') + command('MULTI') + call);
    stage.demote();
    stage.follow(false);
    assert.equal(ask(stage, 0, call + command('EXEC')), '+QUEUED\r\n*2\r\n:1\r\n:2\r\n');
  });

  it('is told to other workers once, and is known to them', () => {
    const told: ScriptNews[] = [];
    const [one, two] = [new Scripts(sha1, (news) => told.push(news)), new Scripts(sha1)];
    for (const isNamed of [false, false, true, true]) one.remember('body', isNamed);
    assert.deepEqual(
      told.map((news) => news.kind === 'script' && news.isNamed),
      [false, true],
    );
    for (const news of told) two.learn(news);
    assert.equal(two.find('sha-body'), 'body');
    assert.deepEqual(two.named(), ['sha-body']);
    one.forgetAll();
    two.learn(told.at(-1) as ScriptNews);
    assert.equal(two.find('sha-body'), null);
  });

  it('is forgotten when too many came after it', () => {
    const scripts = new Scripts(sha1);
    for (let count = 0; count < 20_000; count++) scripts.remember(`body ${count}`, false);
    assert.equal(scripts.find('sha-body 1'), null);
    assert.equal(scripts.find('sha-body 19999'), 'body 19999');
    assert.ok(scripts.all().length < 4_097);
    scripts.remember('x'.repeat(1024 * 1024), true);
    assert.equal(scripts.find('sha-body 19999'), 'body 19999');
  });
});

describe('a scan', () => {
  const reply = (cursor: string, server: string): string =>
    `*2\r\n${bulk(cursor)}*1\r\n${bulk(`key-${server}`)}`;
  const [ofA, ofB] = [taggedCursor('17', 'a:6379'), taggedCursor('17', 'b:6379')];
  const seen = ({ servers }: Stage, which: 0 | 1): string[] =>
    servers[which].seen.filter((line) => line.startsWith('SCAN'));

  it('begins again at a new primary', () => {
    const stage = staged(2);
    assert.equal(ask(stage, 0, command('SCAN', '0')), reply(ofA, 'a'));
    assert.equal(ask(stage, 0, command('SCAN', ofA)), reply('0', 'a'));
    stage.demote();
    stage.follow();
    // Also for a client that has the cursor of another one's connection.
    assert.equal(ask(stage, 1, command('SCAN', ofA)), reply(ofB, 'b'));
    assert.equal(ask(stage, 1, command('SCAN', ofB)), reply('0', 'b'));
    assert.deepEqual(
      [seen(stage, 0), seen(stage, 1)],
      [
        ['SCAN 0', 'SCAN 17'],
        ['SCAN 0', 'SCAN 17'],
      ],
    );
  });

  it('goes on at the replica that gave the cursor, over whichever connection and worker, in order', () => {
    const stage = staged(2);
    const [a, b] = stage.servers;
    stage.lead(a, b);
    assert.equal(ask(stage, 0, command('SCAN', '0', 'COUNT', '1')), reply(ofA, 'a'));
    assert.equal(ask(stage, 1, command('SCAN', '0')), reply(ofB, 'b'));
    const before = command('ECHO', '1') + command('SCAN', ofA, 'COUNT', '1') + command('ECHO', '2');
    assert.equal(ask(stage, 1, before), `${bulk('1')}${reply('0', 'a')}${bulk('2')}`);
    assert.deepEqual([seen(stage, 0), seen(stage, 1)], [['SCAN 0 COUNT 1', 'SCAN 17 COUNT 1'], ['SCAN 0']]);
    ask(stage, 1, command('ECHO', 'after'));
    assert.ok(b.seen.includes('ECHO after'));
    // What is no cursor of ours is the server's business.
    assert.equal(ask(stage, 0, command('SCAN', '99999999999999999999')), reply('0', 'a'));
  });

  it('is refused with the cursor of another replica where a client has a connection of its own', () => {
    const stage = staged(2);
    stage.lead(...stage.servers);
    assert.equal(ask(stage, 0, command('SCAN', '0')), reply(ofA, 'a'));
    ask(stage, 1, command('SUBSCRIBE', 'x'));
    assert.match(ask(stage, 1, command('SCAN', ofA)), /^-ERR this cursor is of another server/);
    const queued = command('MULTI') + command('SCAN', ofB) + command('SCAN', ofA) + command('EXEC');
    assert.match(ask(stage, 1, queued), /\*2\r\n/);
    assert.deepEqual(seen(stage, 1), ['SCAN 17', 'SCAN 0']);
  });

  it('gets a long reply whole, with the cursor exchanged, in any pieces', () => {
    for (const size of [1, 7, 600, 10_000]) {
      const stage = staged();
      const [a] = stage.servers;
      a.scanned = 'x'.repeat(3_000);
      const wire = stage.wires[0];
      stage.send(0, command('SCAN', '0') + command('ECHO', 'after'));
      for (let round = 0; round < 10_000 && wire?.received.endsWith('after\r\n') === false; round++) {
        stage.flush();
        for (const connection of stage.connections) {
          connection.serve();
          connection.reply(size);
        }
      }
      assert.equal(wire?.received, `*2\r\n${bulk(ofA)}*1\r\n${bulk(a.scanned)}${bulk('after')}`);
    }
  });
});

describe('a command that the table does not have', () => {
  it('shares a connection once the server has said that it is harmless', () => {
    const stage = staged(2);
    const call = command('MOD.GET', 'k');
    assert.equal(ask(stage, 0, call), '+modular\r\n');
    assert.equal(stage.clients[0]?.own, null);
    assert.equal(ask(stage, 1, call), '+modular\r\n');
    assert.equal(stage.servers[0].seen.filter((line) => line.startsWith('COMMAND')).length, 1);
  });

  it('keeps its connection if it may block, and gives it back if the server has no such command', () => {
    const stage = staged(2);
    ask(stage, 0, command('MOD.WAIT', 'k'));
    assert.equal(stage.clients[0]?.pinned.isForGood, true);
    assert.match(ask(stage, 1, command('NOSUCH')), /^-ERR unknown command/);
    assert.equal(stage.clients[1]?.own, null);
  });

  it('is asked about behind a transaction that has it', () => {
    const stage = staged(2);
    const within = (name: string): string => command('MULTI') + command(name, 'k') + command('EXEC');
    const done = '+OK\r\n+QUEUED\r\n*1\r\n+modular\r\n';
    assert.equal(ask(stage, 0, within('MOD.GET')), done);
    assert.equal(stage.clients[0]?.own, null);
    assert.equal(ask(stage, 1, within('MOD.WAIT')), done);
    assert.equal(stage.clients[1]?.pinned.isForGood, true);
    ask(stage, 0, within('NOSUCH'));
    assert.equal(stage.clients[0]?.own, null);
  });

  it('can be moved if it is harmless; else its client hears why not, and is closed and counted', () => {
    for (const isTransparent of [false, true]) {
      const stage = new Stage(isTransparent);
      const [harmless, other] = [stage.connect(), stage.connect()];
      ask(stage, harmless, command('MOD.GET', 'k') + command('WATCH', 'k'));
      ask(stage, other, command('MOD.WAIT', 'k'));
      stage.hold();
      stage.send(other, command('PING'));
      stage.demote();
      stage.follow();
      assert.equal(ask(stage, harmless, command('MOD.GET', 'k')), '+modular\r\n');
      assert.match(
        stage.wires[other]?.received ?? '',
        /^\+modular\r\n-ERR .*: not all that it has there is known\r\n$/,
      );
      assert.equal(stage.wires[other]?.isOver, true);
      assert.equal(stage.relay.counts.unmovable, 1);
    }
  });

  it('is sent to the new primary when the old one refuses it', () => {
    const stage = staged();
    ask(stage, 0, command('PING'));
    stage.demote();
    assert.equal(ask(stage, 0, command('MOD.WAIT', 'k') + command('PING')), '');
    stage.follow();
    assert.equal(ask(stage, 0, ''), '+modular\r\n+PONG\r\n');
  });

  it('is told of in RESP2 and RESP3; flags that are cut off count for nothing', () => {
    const text = '*1\r\n*10\r\n$7\r\nmod.get\r\n:-2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n';
    const wanted = { name: 'mod.get', flags: ['readonly', 'fast'] };
    assert.deepEqual(commandIn(text), wanted);
    assert.deepEqual(commandIn(text.replace('*2', '~2')), wanted);
    assert.equal(commandIn(text.slice(0, text.indexOf('+fast'))), null);
    assert.equal(commandIn('*1\r\n*-1\r\n'), null);
  });
});

describe('a server that left the route', () => {
  for (const isTransparent of [false, true]) {
    it(`${isTransparent ? 'of clients with connections of their own ' : ''}goes on with a subscriber it may keep, and gets no new clients`, () => {
      const stage = new Stage(isTransparent);
      const [a, b] = stage.servers;
      b.isPrimary = true;
      for (let count = 0; count < 2; count++) stage.connect();
      ask(stage, 0, command('SUBSCRIBE', 'news'));
      ask(stage, 1, command('APPEND', 'k', 'x'));
      stage.leadKeeping([a], b);
      stage.settle();
      const seen = a.seen.length;
      stage.connect();
      assert.equal(ask(stage, 2, command('APPEND', 'k', 'y')), ':2\r\n');
      assert.equal(a.seen.length, seen);
      assert.match(ask(stage, 0, command('SUBSCRIBE', 'more')), /subscribe\r\n\$4\r\nmore\r\n:2\r\n$/);
      assert.deepEqual(a.seen.slice(-1), ['SUBSCRIBE more']);
      assert.deepEqual(
        stage.wires.map(({ isOver }) => isOver),
        [false, false, false],
      );

      stage.leadKeeping([], b);
      stage.settle();
      assert.deepEqual(
        a.connections.filter(({ isOver }) => !isOver),
        [],
        'kept no longer, it has nobody',
      );
    });
  }

  it('is rid of a subscriber at once unless it may keep it', () => {
    const stage = staged();
    const [a, b] = stage.servers;
    ask(stage, 0, command('SUBSCRIBE', 'news'));
    stage.leadKeeping([b], b);
    stage.settle();
    assert.deepEqual(
      a.connections.filter(({ isOver }) => !isOver),
      [],
    );
  });
});

describe('a server that does not accept who a client is', () => {
  for (const isPinned of [false, true]) {
    const which = isPinned ? 'that has a connection of its own' : 'that shares connections';
    it(`is sent nothing else for one ${which}, which hears why and is closed`, () => {
      const stage = staged(2);
      assert.equal(ask(stage, 0, command('AUTH', 'reader', 'secret')), '+OK\r\n');
      if (isPinned) ask(stage, 0, command('WATCH', 'k'));
      stage.servers[1].refuses.set('AUTH', 'WRONGPASS invalid');
      stage.demote();
      stage.follow();
      assert.equal(ask(stage, 0, command('APPEND', 'k', 'x')), '-WRONGPASS invalid\r\n');
      assert.equal(stage.wires[0]?.isOver, true);
      assert.deepEqual(stage.data.log, []);
      assert.equal(stage.servers[1].seen.filter((line) => line.startsWith('AUTH')).length, 1);
      assert.equal(ask(stage, 1, command('APPEND', 'k', 'y')), ':1\r\n');
    });
  }

  it('is sent everything, in order, by a client that it accepts later than it was asked', () => {
    const stage = staged();
    ask(stage, 0, command('SELECT', '2'));
    stage.demote();
    stage.follow();
    stage.send(0, command('APPEND', 'k', 'x'));
    stage.flush();
    const connection = stage.connections.at(-1);
    connection?.reply();
    stage.send(0, command('APPEND', 'k', 'y'));
    stage.flush();
    connection?.serve();
    assert.deepEqual(stage.servers[1].seen, ['SELECT 2']);
    stage.settle();
    assert.deepEqual(stage.data.log, ['append 2/k x', 'append 2/k y']);
  });
});

it('a server that has too many clients, or hangs up on everybody, is asked again after a while', () => {
  const stage = staged();
  stage.servers[0].refuses.set('APPEND', 'ERR max number of clients reached');
  assert.equal(ask(stage, 0, command('APPEND', 'k', 'x')), '');
  assert.equal(stage.servers[0].seen.length, 1);
  stage.servers[0].refuses.clear();
  stage.relay.nowMs += 100;
  stage.relay.tick();
  stage.flush();
  stage.connections.at(-1)?.reply();
  stage.connections.at(-1)?.cut();
  assert.equal(stage.connections.length, 0);
  stage.relay.nowMs += 100;
  stage.relay.tick();
  assert.equal(ask(stage, 0, ''), '');
  assert.equal(stage.wires[0]?.isOver, true);
});

describe('what a server refuses a client with a connection of its own', () => {
  it('is not asked of the next server, and does not keep the connection', () => {
    const stage = staged();
    stage.servers[0].refuses.set('READONLY', 'ERR no cluster');
    assert.equal(ask(stage, 0, command('READONLY')), '-ERR no cluster\r\n');
    assert.equal(stage.clients[0]?.own, null);
    ask(stage, 0, command('WATCH', 'k'));
    stage.demote();
    stage.follow();
    ask(stage, 0, command('PING'));
    assert.equal(stage.servers[1].seen.includes('READONLY'), false);
  });

  it('ends the client in its words if another had granted it, once and for all', () => {
    const stage = staged();
    assert.equal(ask(stage, 0, command('CLIENT', 'NO-EVICT', 'ON')), '+OK\r\n');
    stage.servers[1].refuses.set('CLIENT NO-EVICT', 'NOPERM not you');
    stage.demote();
    stage.hold();
    stage.settle();
    stage.send(0, command('PING'));
    stage.follow();
    stage.settle();
    assert.equal(stage.wires[0]?.isOver, true);
    assert.equal(stage.connections.length, 0);
    assert.deepEqual(stage.servers[1].seen, ['CLIENT NO-EVICT ON']);
  });
});

it('a client that cannot be moved hears why if it waits for an answer', () => {
  const stage = staged();
  ask(stage, 0, command('MULTI') + command('APPEND', 'k', 'x'.repeat(300_000)));
  stage.hold();
  stage.send(0, command('EXEC'));
  stage.demote();
  stage.follow();
  stage.settle();
  assert.equal(stage.wires[0]?.isOver, true);
});

describe('a long request', () => {
  it('in a transaction keeps that from being begun again without it', () => {
    const stage = staged();
    ask(
      stage,
      0,
      command('MULTI') + command('APPEND', 'k', 'x'.repeat(200_000)) + command('APPEND', 'k', 'y'),
    );
    stage.demote();
    stage.follow();
    stage.settle();
    assert.equal(stage.wires[0]?.isOver, true);
    assert.deepEqual(stage.data.log, []);
  });

  it('that subscribes, or is refused, is seen whole', () => {
    const stage = staged(2);
    const names = Array.from({ length: 8_000 }, (_, at) => `a channel with a long name ${at}`);
    assert.equal(ask(stage, 0, command('SUBSCRIBE', ...names)).split('subscribe').length, 8_001);
    assert.equal(stage.clients[0]?.pinned.subscriptions.SUBSCRIBE.size, 8_000);
    assert.match(
      ask(stage, 1, command('REPLICAOF', 'h'.repeat(200_000), '1')),
      /^-ERR REPLICAOF is not passed on/,
    );
    assert.match(ask(stage, 1, command('REPLICAOF', 'h'.repeat(5_000_000), '1')), /^-ERR Protocol error/);
    assert.equal(stage.wires[1]?.isOver, true);
  });
});

describe('a client with a connection of its own for no reason but to be seen by the server', () => {
  const transparent = (): Stage => {
    const stage = new Stage(true);
    stage.connect();
    return stage;
  };

  it('waits for a server, as others do, when that refuses the connection or is lost with nobody in its place', () => {
    const stage = transparent();
    stage.send(0, command('APPEND', 'k', 'x'));
    stage.flush();
    for (const connection of stage.connections) connection.cut();
    assert.equal(stage.wires[0]?.isOver, false);
    stage.relay.nowMs += 100;
    stage.relay.tick();
    stage.settle();
    assert.equal(stage.wires[0]?.received, ':1\r\n');
    stage.lead();
    for (const connection of stage.connections) connection.cut();
    stage.relay.nowMs += 60_000;
    stage.relay.tick();
    assert.equal(stage.wires[0]?.isOver, false, 'it asked for nothing meanwhile');
    stage.send(0, command('GET', 'k'));
    stage.lead(stage.servers[1]);
    stage.settle();
    assert.equal(stage.wires[0]?.received, `:1\r\n${bulk('x')}`);
    assert.equal(stage.relay.counts.unmovable, 0);
  });

  it('waits no longer than others', () => {
    const stage = transparent();
    stage.lead();
    stage.send(0, command('GET', 'k'));
    stage.relay.nowMs += 5_000;
    stage.relay.tick();
    assert.match(stage.wires[0]?.received ?? '', /^-ERR no server to lead to/);
  });

  it('is closed at once if it has anything at the server that is lost', () => {
    const stage = transparent();
    ask(stage, 0, command('SUBSCRIBE', 'x'));
    stage.lead();
    for (const connection of stage.connections) connection.cut();
    assert.equal(stage.wires[0]?.isOver, true);
    assert.equal(stage.relay.counts.unmovable, 1);
  });
});

it('a client whose reply was cut off is closed, and given no second one behind the first part', () => {
  const stage = staged();
  stage.data.values.set('0/k', 'x'.repeat(10_000));
  stage.send(0, command('GET', 'k'));
  stage.flush();
  const [connection] = stage.connections;
  connection?.reply();
  connection?.serve();
  connection?.reply(5_000);
  connection?.cut();
  stage.settle();
  assert.equal(stage.wires[0]?.isOver, true);
  assert.equal(stage.wires[0]?.received.length, 5_000);
});

describe('what a client leaves on a connection of its own', () => {
  it('stays watched behind an EXEC or DISCARD without MULTI, so that nobody else is lent it', () => {
    for (const word of ['EXEC', 'DISCARD']) {
      const stage = staged();
      ask(stage, 0, command('WATCH', 'k'));
      assert.match(ask(stage, 0, command(word)), /^-ERR .* without MULTI/);
      assert.notEqual(stage.clients[0]?.own, null);
    }
  });

  it('is no transaction any more after RESET; QUIT inside one ends the client', () => {
    const stage = staged(2);
    ask(stage, 0, command('MULTI') + command('RESET'));
    assert.equal(stage.clients[0]?.own, null);
    ask(stage, 1, command('MULTI') + command('QUIT'));
    assert.equal(stage.wires[1]?.isOver, true);
  });

  it('is the database that a transaction chose only if the server took it', () => {
    const stage = staged();
    ask(stage, 0, command('MULTI') + command('SELECT', '99') + command('EXEC'));
    assert.equal(stage.clients[0]?.signOn.db, 0);
  });

  it('is not moved if nobody saw it accepted', () => {
    for (const text of [
      command('CLIENT', 'REPLY', 'OFF') + command('SELECT', '5'),
      command('MULTI') + command('CLIENT', 'NO-EVICT', 'ON') + command('EXEC'),
    ]) {
      const stage = staged();
      ask(stage, 0, text);
      stage.demote();
      stage.follow();
      stage.settle();
      assert.equal(stage.wires[0]?.isOver, true);
    }
  });

  it('is not moved if tracking is redirected, neither to it nor from it', () => {
    for (const text of [
      command('SUBSCRIBE', '__redis__:invalidate'),
      command('CLIENT', 'TRACKING', 'ON', 'REDIRECT', '7'),
    ]) {
      const stage = staged();
      ask(stage, 0, text);
      stage.demote();
      stage.follow();
      stage.settle();
      assert.equal(stage.wires[0]?.isOver, true);
      assert.equal(stage.relay.counts.unmovable, 1);
    }
  });

  it('is every prefix it tracks', () => {
    const stage = staged();
    const tracked = (prefix: string) => ['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', prefix];
    for (const prefix of ['a', 'b']) ask(stage, 0, command(...tracked(prefix)));
    stage.demote();
    stage.follow();
    stage.settle();
    assert.deepEqual(stage.servers[1].seen, [tracked('a').join(' '), tracked('b').join(' ')]);
  });
});

it('a subscriber that loses its connection once more at the end of a hold goes on once it has its subscriptions, over one connection', () => {
  const stage = staged();
  ask(stage, 0, command('SUBSCRIBE', 'x', 'y'));
  stage.hold();
  stage.send(0, command('ECHO', 'held'));
  stage.demote();
  stage.follow();
  stage.flush();
  const lost = stage.connections.at(-1);
  lost?.reply();
  lost?.serve();
  lost?.reply('*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n'.length);
  assert.equal(stage.relay.isHolding, true);
  lost?.cut();
  stage.settle();
  assert.equal(stage.connections.length, 1);
  assert.equal(stage.relay.isHolding, false);
  assert.match(stage.wires[0]?.received ?? '', /:2\r\n\$4\r\nheld\r\n$/);
  assert.deepEqual(stage.servers[1].seen, ['SUBSCRIBE x y', 'SUBSCRIBE x y', 'ECHO held']);
});

it('what a server answered is told to nobody once the route has lapsed, also in the first turn after a stall', () => {
  const stage = staged();
  stage.send(0, command('APPEND', 'k', 'x'));
  stage.flush();
  const [connection] = stage.connections;
  connection?.reply();
  connection?.serve();
  stage.lapsesAtMs = 100;
  stage.relay.nowMs = 100;
  connection?.reply();
  stage.settle();
  assert.equal(stage.wires[0]?.received, '');
  assert.equal(stage.wires[0]?.isOver, true);
});

it('those who are held behind a subscriber send nothing when the route lapses', () => {
  const stage = staged(2);
  ask(stage, 0, command('SUBSCRIBE', 'x'));
  stage.hold();
  stage.send(1, command('APPEND', 'k', 'x'));
  stage.demote();
  stage.follow();
  stage.flush();
  assert.equal(stage.relay.isHolding, true);
  stage.relay.lapse();
  stage.settle();
  assert.deepEqual(
    stage.wires.map(({ isOver }) => isOver),
    [true, true],
  );
  assert.deepEqual(stage.data.log, []);
  assert.equal(stage.clients[1]?.owed, 0);
});

it('a client counts as silent from when it was last answered', () => {
  for (const which of ['by a server', 'by the relay'] as const) {
    const stage = staged();
    ask(stage, 0, command('PING'));
    const ofServer = which === 'by a server';
    if (!ofServer) stage.hold();
    stage.send(0, ofServer ? command('BLPOP', 'list', '0') : command('CLIENT', 'GETNAME'));
    stage.settle();
    stage.relay.nowMs += 500;
    if (ofServer) stage.connections.find(({ blocked }) => blocked !== null)?.unblock(bulk('x'));
    else stage.undo();
    stage.settle();
    assert.equal(stage.clients[0]?.lastActiveMs, 500);
  }
});

it('nothing is kept of a connection whose client is gone', () => {
  for (const isTransparent of [false, true]) {
    const stage = new Stage(isTransparent);
    for (let who = 0; who < 10; who++) {
      stage.connect();
      ask(stage, who, command('WATCH', 'k'));
    }
    const backend = stage.clients[0]?.backend;
    assert.equal(backend?.connections.size, 10);
    for (const client of stage.clients) client.gone();
    stage.settle();
    assert.equal(backend.connections.size, 0);
    assert.equal(stage.connections.length, 0);
  }
});

it('WAIT counts nobody when its server is demoted or lost, and is never asked of another', () => {
  const stage = staged(2);
  ask(stage, 0, command('WAIT', '2', '0'));
  stage.demote();
  stage.settle();
  assert.equal(stage.wires[0]?.received, ':0\r\n');
  stage.follow();
  ask(stage, 1, command('WAIT', '2', '0'));
  stage.connections.at(-1)?.cut();
  stage.settle();
  assert.equal(stage.wires[1]?.isOver, true);
});

it('a client that reads RESP2 again is told of no switch', () => {
  const stage = staged();
  ask(stage, 0, command('HELLO', '3') + command('CLIENT', 'MAINT_NOTIFICATIONS', 'ON') + command('RESET'));
  stage.hold();
  stage.undo();
  assert.doesNotMatch(ask(stage, 0, command('PING')), /FAIL/);
});

it('a client that closes its side is answered first, unless it waits for others', () => {
  const stage = staged(2);
  stage.send(0, command('APPEND', 'k', 'x') + command('GET', 'k'));
  stage.clients[0]?.ended();
  stage.settle();
  assert.equal(stage.wires[0]?.received, `:1\r\n${bulk('x')}`);
  assert.equal(stage.wires[0]?.isOver, true);
  ask(stage, 1, command('BLPOP', 'list', '0'));
  stage.clients[1]?.ended();
  assert.equal(stage.wires[1]?.isOver, true);
});
