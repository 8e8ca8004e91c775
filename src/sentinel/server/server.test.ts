// The port as clients see it: order of checks, login, pub/sub, pauses, deferred answers, connections refused or closed.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { error, integer, simple } from '../../resp/reply.ts';
import { TestPort } from './harness.ts';

const NOAUTH = '-NOAUTH Authentication required.\r\n';
const WRONGPASS = '-WRONGPASS invalid username-password pair or user is disabled.\r\n';

describe('the checks before a command runs', () => {
  const port = new TestPort();
  const client = port.connect();
  const cases: [request: string, reply: string][] = [
    ['foo', "-ERR unknown command 'foo', with args beginning with: \r\n"],
    ['foo a b', "-ERR unknown command 'foo', with args beginning with: 'a' 'b' \r\n"],
    ['RESET', "-ERR unknown command 'RESET', with args beginning with: \r\n"],
    ['sentinel', "-ERR wrong number of arguments for 'sentinel' command\r\n"],
    ['sentinel foo', "-ERR unknown subcommand 'foo'. Try SENTINEL HELP.\r\n"],
    ['SENTINEL Masters x', "-ERR wrong number of arguments for 'sentinel|masters' command\r\n"],
    ['client no-touch on', "-ERR unknown subcommand 'no-touch'. Try CLIENT HELP.\r\n"],
    ['ping a b', "-ERR wrong number of arguments for 'ping' command\r\n"],
    ['role x', "-ERR wrong number of arguments for 'role' command\r\n"],
    ['ping', '+PONG\r\n'],
    ['PING hi', '$2\r\nhi\r\n'],
  ];
  for (const [request, reply] of cases) {
    it(`answers '${request}' with ${JSON.stringify(reply)} (sentinel.md §1.1)`, () => {
      assert.equal(port.say(client, request), reply);
    });
  }

  it('keeps an error on one line and the echo to 128 characters', () => {
    const reply = port.say(client, 'x\r\ny', 'a'.repeat(500), 'b');
    assert.equal(reply, `-ERR unknown command 'x  y', with args beginning with: '${'a'.repeat(128)}' \r\n`);
  });

  it('looks for the command, then its arity, then the login, then the rights, then the subscriber rule', () => {
    const closed = new TestPort({ conf: { requirePass: 'pw', users: ['u on nopass &* +@pubsub +ping'] } });
    const stranger = closed.connect();
    assert.match(closed.say(stranger, 'foo'), /^-ERR unknown command/);
    assert.match(closed.say(stranger, 'sentinel foo'), /^-ERR unknown subcommand/);
    assert.match(closed.say(stranger, 'role x'), /^-ERR wrong number/);
    assert.equal(closed.say(stranger, 'sentinel masters'), NOAUTH);
    assert.equal(closed.say(stranger, 'auth u x'), '+OK\r\n');
    closed.say(stranger, 'subscribe a');
    assert.equal(
      closed.say(stranger, 'sentinel masters'),
      "-NOPERM User u has no permissions to run the 'sentinel|masters' command\r\n",
    );
    assert.equal(
      port.say(port.connect(), 'subscribe a').concat(port.say(2, 'sentinel myid')),
      '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n' +
        "-ERR Can't execute 'sentinel|myid': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are " +
        'allowed in this context\r\n',
    );
    assert.deepEqual(closed.monitored, []);
  });

  it("hands the monitor's commands over, by whichever of their names", () => {
    const port = new TestPort();
    const client = port.connect();
    for (const name of ['slaves m', 'REPLICAS m', 'primaries', 'masters', 'Primary m'])
      port.say(client, `SENTINEL ${name}`);
    port.say(client, 'sentinel is-primary-down-by-addr 127.0.0.1 1 1 *');
    port.say(client, 'sentinel get-primary-addr-by-name m');
    assert.deepEqual(port.monitored, [
      'sentinel|replicas',
      'sentinel|replicas',
      'sentinel|masters',
      'sentinel|masters',
      'sentinel|master',
      'sentinel|is-master-down-by-addr',
      'sentinel|get-master-addr-by-name',
    ]);
  });

  it('calls renamed commands by their new name only, and their errors by the old one', () => {
    const port = new TestPort({
      conf: {
        renamedCommands: new Map([
          ['sentinel', 'quorum'],
          ['shutdown', ''],
        ]),
      },
    });
    const client = port.connect();
    assert.match(port.say(client, 'sentinel masters'), /^-ERR unknown command/);
    assert.match(port.say(client, 'shutdown'), /^-ERR unknown command/);
    assert.equal(port.say(client, 'QUORUM masters'), '+OK\r\n');
    assert.equal(
      port.say(client, 'quorum masters x'),
      "-ERR wrong number of arguments for 'sentinel|masters' command\r\n",
    );
  });
});

describe('logging in', () => {
  it('answers HELLO with six entries and no role, and switches the protocol (sentinel.md §1.2)', () => {
    const port = new TestPort();
    const client = port.connect();
    const entries =
      '$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n' +
      '$4\r\nmode\r\n$8\r\nsentinel\r\n$7\r\nmodules\r\n*0\r\n';
    assert.equal(port.say(client, 'hello 3 setname bob'), `%6\r\n${entries}`);
    assert.equal(port.say(client, 'client getname'), '$3\r\nbob\r\n');
    assert.equal(port.say(client, 'hello 2'), `*12\r\n${entries.replace(':3', ':2')}`);
    assert.equal(port.say(client, 'hello 4'), '-NOPROTO unsupported protocol version\r\n');
    assert.equal(port.say(client, 'hello x'), '-ERR Protocol version is not an integer or out of range\r\n');
    assert.equal(port.say(client, 'hello 3 foo'), "-ERR Syntax error in HELLO option 'foo'\r\n");
    assert.equal(port.say(client, 'hello 3 AUTH default'), "-ERR Syntax error in HELLO option 'AUTH'\r\n");
    assert.match(port.say(client, 'hello', '3', 'setname', 'a b'), /^-ERR Client names cannot/);
    assert.match(port.say(client, 'hello'), /:2\r\n/, 'none of the failed ones switched');
  });

  it('says it is Valkey unless asked to pass for Redis (sentinel.md §10.1)', () => {
    const product = { flavour: 'valkey', version: '9.0.0' } as const;
    const port = new TestPort({ product });
    assert.match(
      port.say(port.connect(), 'hello'),
      /server\r\n\$6\r\nvalkey\r\n\$7\r\nversion\r\n\$5\r\n9\.0\.0/,
    );
    const shy = new TestPort({ product, conf: { extendedRedisCompatibility: true } });
    assert.match(
      shy.say(shy.connect(), 'hello'),
      /server\r\n\$5\r\nredis\r\n\$7\r\nversion\r\n\$5\r\n7\.2\.4/,
    );
  });

  it('knows requirepass as the password of default', () => {
    const port = new TestPort({ conf: { requirePass: 'pw' } });
    const client = port.connect();
    assert.equal(port.server.isAuthenticated(client), false);
    assert.equal(port.say(client, 'ping'), NOAUTH);
    assert.equal(port.say(client, 'ping a b'), NOAUTH);
    assert.match(port.say(client, 'hello 3'), /^-NOAUTH HELLO/);
    assert.equal(port.say(client, 'auth x'), WRONGPASS);
    assert.equal(port.say(client, 'hello 3 auth default x'), WRONGPASS);
    assert.equal(port.say(client, 'auth a b c'), '-ERR syntax error\r\n');
    assert.equal(port.say(client, 'auth pw'), '+OK\r\n');
    assert.equal(port.say(client, 'ping'), '+PONG\r\n');
    assert.equal(port.server.isAuthenticated(client), true);
    const other = port.connect();
    assert.match(port.say(other, 'hello 3 auth default pw'), /^%6/);
  });

  it('warns who sends a password where none is needed, in words clients know', () => {
    const port = new TestPort();
    const client = port.connect();
    assert.match(
      port.say(client, 'auth pw'),
      /^-ERR AUTH <password> called without any password configured for the default user/,
    );
    assert.equal(port.say(client, 'auth default anything'), '+OK\r\n');
    assert.equal(port.say(client, 'auth nobody anything'), WRONGPASS);
  });

  it('leaves connections alone when default is turned off; new ones must log in (sentinel.md §1.6)', () => {
    const port = new TestPort();
    const old = port.connect();
    assert.equal(port.say(old, 'acl setuser default off'), '+OK\r\n');
    assert.equal(port.say(old, 'acl setuser admin >pw +@all on'), '+OK\r\n');
    assert.equal(port.say(old, 'acl whoami'), '$7\r\ndefault\r\n');
    const fresh = port.connect();
    assert.equal(port.say(fresh, 'ping'), NOAUTH);
    assert.equal(port.say(fresh, 'auth admin pw'), '+OK\r\n');
    assert.equal(port.say(fresh, 'acl setuser default on'), '+OK\r\n');
    assert.equal(port.say(port.connect(), 'ping'), '+PONG\r\n');
  });
});

describe('publish and subscribe', () => {
  it('confirms each channel with a frame of its own in RESP2, and counts both kinds', () => {
    const port = new TestPort();
    const client = port.connect();
    assert.equal(
      port.say(client, 'subscribe a b'),
      '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n',
    );
    assert.equal(port.say(client, 'psubscribe x*'), '*3\r\n$10\r\npsubscribe\r\n$2\r\nx*\r\n:3\r\n');
    assert.equal(port.say(client, 'ping'), '*2\r\n$4\r\npong\r\n$0\r\n\r\n');
    assert.equal(port.say(client, 'ping hi'), '*2\r\n$4\r\npong\r\n$2\r\nhi\r\n');
    assert.equal(
      port.say(client, 'unsubscribe'),
      '*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:1\r\n',
    );
    assert.equal(port.say(client, 'punsubscribe zz'), '*3\r\n$12\r\npunsubscribe\r\n$2\r\nzz\r\n:1\r\n');
    assert.equal(port.say(client, 'punsubscribe'), '*3\r\n$12\r\npunsubscribe\r\n$2\r\nx*\r\n:0\r\n');
    assert.equal(port.say(client, 'punsubscribe'), '*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n');
  });

  it('uses pushes in RESP3, where a subscriber may go on as before', () => {
    const port = new TestPort();
    const client = port.connect();
    port.say(client, 'hello 3');
    assert.equal(
      port.say(client, 'subscribe a a'),
      '>3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n',
    );
    assert.equal(port.say(client, 'ping'), '+PONG\r\n');
    assert.equal(port.say(client, 'acl whoami'), '$7\r\ndefault\r\n');
    port.say(client, 'unsubscribe');
    assert.equal(port.say(client, 'unsubscribe'), '>3\r\n$11\r\nunsubscribe\r\n_\r\n:0\r\n');
  });

  it('delivers to channels and to patterns that match', () => {
    const port = new TestPort();
    const [two, three, deaf] = [port.connect(), port.connect(), port.connect()];
    port.say(two, 'subscribe +sdown');
    port.say(three, 'hello 3');
    port.say(three, 'psubscribe *');
    port.effects.length = 0;
    assert.equal(port.server.publish('+sdown', 'master m'), 2);
    assert.equal(port.heard(two), '*3\r\n$7\r\nmessage\r\n$6\r\n+sdown\r\n$8\r\nmaster m\r\n');
    assert.equal(port.heard(three), '>4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$6\r\n+sdown\r\n$8\r\nmaster m\r\n');
    assert.equal(port.heard(deaf), '');
    port.server.clientClosed(two);
    assert.equal(port.server.publish('+sdown', 'master m'), 1);
    assert.deepEqual([port.server.stats().pubsubChannels, port.server.stats().pubsubPatterns], [0, 1]);
  });
});

describe('a pause', () => {
  it('holds everybody with the one command they sent, serves it when the pause is over, then lets them go on', () => {
    const port = new TestPort();
    const [admin, other] = [port.connect(), port.connect()];
    assert.equal(port.say(admin, 'client pause 300'), '+OK\r\n');
    assert.equal(port.say(other, 'ping'), '<held>');
    assert.equal(port.say(admin, 'client unpause'), '<held>');
    assert.equal(port.server.stats().blockedClients, 2);
    assert.equal(port.server.deadline(), port.now + 300);
    port.wait(299);
    assert.equal(port.heard(other), '');
    port.wait(1);
    assert.equal(port.heard(other), '+PONG\r\n<released>');
    assert.equal(port.heard(admin), '+OK\r\n<released>');
    assert.equal(port.server.deadline(), Infinity);
    assert.equal(port.say(other, 'ping'), '+PONG\r\n');
  });

  it('still answers what is wrong at once', () => {
    const port = new TestPort();
    const client = port.connect();
    port.say(client, 'client pause 300 all');
    assert.match(port.say(client, 'nonsense'), /^-ERR unknown command/);
  });

  it('of writes holds nothing, for a sentinel has no writing commands', () => {
    const port = new TestPort();
    const client = port.connect();
    assert.equal(port.say(client, 'client pause 300 write'), '+OK\r\n');
    assert.equal(port.say(client, 'publish __sentinel__:hello x'), '+OK\r\n');
  });

  it('goes on when a held command pauses again, and forgets a client that left', () => {
    const port = new TestPort();
    const [a, b, c] = [port.connect(), port.connect(), port.connect()];
    port.say(a, 'client pause 100');
    port.say(a, 'client pause 50');
    port.say(b, 'ping');
    port.say(c, 'ping');
    port.server.clientClosed(c);
    port.wait(100);
    assert.equal(port.heard(a), '+OK\r\n<released>');
    assert.equal(port.heard(b), '', 'held for the second pause without ever being released');
    port.wait(50);
    assert.equal(port.heard(b), '+PONG\r\n<released>');
    assert.equal(port.heard(c), '');
  });

  it('refuses nonsense', () => {
    const port = new TestPort();
    const client = port.connect();
    assert.equal(port.say(client, 'client pause x'), '-ERR timeout is not an integer or out of range\r\n');
    assert.equal(port.say(client, 'client pause -1'), '-ERR timeout is negative\r\n');
    assert.equal(port.say(client, 'client pause 0 foo'), '-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n');
  });
});

describe('a deferred answer', () => {
  it('holds the client until it is given', () => {
    const port = new TestPort();
    const client = port.connect();
    let answer: ((reply: ReturnType<typeof integer>) => void) | undefined;
    port.outcome = ({ session }) => {
      answer = port.server.defer(session);
      return 'later';
    };
    assert.equal(port.say(client, 'sentinel flushconfig'), '<held>');
    port.effects.length = 0;
    answer?.(integer(1));
    assert.equal(port.heard(client), ':1\r\n<released>');
  });

  it('does nothing once the client is gone, and stays silent when the client asked for that', () => {
    const port = new TestPort();
    const client = port.connect();
    const answers: ((reply: ReturnType<typeof simple>) => void)[] = [];
    port.outcome = ({ session }) => {
      answers.push(port.server.defer(session));
      return 'later';
    };
    port.say(client, 'client reply skip');
    port.say(client, 'sentinel flushconfig');
    port.effects.length = 0;
    answers[0]?.(simple('OK'));
    assert.equal(port.heard(client), '<released>');
    port.say(client, 'sentinel flushconfig');
    port.server.clientClosed(client);
    port.effects.length = 0;
    answers[1]?.(error('ERR late'));
    assert.deepEqual(port.effects, []);
  });
});

describe('connections', () => {
  it('are refused beyond maxclients', () => {
    const port = new TestPort({ conf: { maxClients: 1 } });
    port.connect();
    const second = port.connect();
    assert.equal(port.heard(second), '-ERR max number of clients reached\r\n<closed>');
    assert.equal(port.say(second, 'ping'), '');
    assert.equal(port.server.stats().rejectedConnections, 1);
  });

  it('from elsewhere are refused in protected mode while there is no password', () => {
    const port = new TestPort({ conf: { protectedMode: true } });
    const stranger = port.connect({ isLocal: false });
    assert.match(port.heard(stranger), /^-DENIED .*\r\n<closed>$/);
    assert.equal(port.say(port.connect(), 'acl setuser default >pw'), '+OK\r\n');
    assert.equal(port.say(port.connect({ isLocal: false }), 'ping'), NOAUTH);
  });

  it('that talk HTTP are closed without a word, with a warning at most once a minute (sentinel.md §1.1)', () => {
    const port = new TestPort();
    const warnings = (): number => port.effects.filter((effect) => effect.kind === 'log').length;
    assert.equal(port.say(port.connect(), 'POST / HTTP/1.1'), '<closed>');
    assert.equal(warnings(), 1);
    assert.equal(port.say(port.connect(), 'Host: here'), '<closed>');
    assert.equal(warnings(), 0);
    port.wait(60_000);
    port.say(port.connect(), 'Host: here');
    assert.equal(warnings(), 1);
  });

  it('end politely at QUIT', () => {
    const port = new TestPort({ conf: { requirePass: 'pw' } });
    assert.equal(port.say(port.connect(), 'QUIT'), '+OK\r\n<closed>');
  });

  it('end when idle for too long, but not those that only listen', () => {
    const port = new TestPort({ conf: { timeoutSeconds: 10 } });
    const [idle, busy, listener] = [port.connect(), port.connect(), port.connect()];
    port.say(listener, 'subscribe a');
    port.wait(6_000);
    port.say(busy, 'ping');
    port.wait(4_000);
    assert.deepEqual(
      [idle, busy, listener].map((client) => port.heard(client)),
      ['<closed>', '', ''],
    );
    assert.equal(port.server.deadline(), port.now + 6_000);
  });

  it('are told to end by SHUTDOWN without a reply; its options are checked first (sentinel.md §1.2)', () => {
    const port = new TestPort();
    const client = port.connect();
    port.outcome = () => 'none';
    assert.equal(port.say(client, 'shutdown abort'), '-ERR No shutdown in progress.\r\n');
    assert.equal(port.say(client, 'shutdown foo'), '-ERR syntax error\r\n');
    assert.equal(port.say(client, 'shutdown nosave save'), '-ERR syntax error\r\n');
    assert.deepEqual(port.monitored, []);
    assert.equal(port.say(client, 'shutdown nosave now force'), '');
    assert.deepEqual(port.monitored, ['shutdown']);
  });
});
