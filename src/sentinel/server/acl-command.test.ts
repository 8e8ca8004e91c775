// ACL as clients see it, and users as they are loaded.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bulksOf, fakeHost, fakeSha256, PLAIN_CONF, TestPort } from './harness.ts';
import { preparePort } from './server.ts';

const REDIS = { flavour: 'redis', version: '7.2.4' } as const;
const DEFAULT_LINE = 'user default on nopass sanitize-payload ~* &* +@all';

describe('ACL', () => {
  it('tells users in RESP2 and RESP3', () => {
    const port = new TestPort();
    const client = port.connect();
    assert.equal(port.say(client, 'acl list'), bulksOf(DEFAULT_LINE));
    assert.equal(port.say(client, 'acl users'), bulksOf('default'));
    assert.equal(port.say(client, 'acl getuser nobody'), '$-1\r\n');
    const flags = '$2\r\non\r\n$6\r\nnopass\r\n$16\r\nsanitize-payload\r\n';
    const rest =
      '$9\r\npasswords\r\n*0\r\n$8\r\ncommands\r\n$5\r\n+@all\r\n$4\r\nkeys\r\n$2\r\n~*\r\n' +
      '$8\r\nchannels\r\n$2\r\n&*\r\n$9\r\nselectors\r\n*0\r\n';
    assert.equal(port.say(client, 'acl getuser default'), `*12\r\n$5\r\nflags\r\n*3\r\n${flags}${rest}`);
    port.say(client, 'hello 3');
    assert.equal(port.say(client, 'acl getuser default'), `%6\r\n$5\r\nflags\r\n~3\r\n${flags}${rest}`);
    port.say(client, 'acl', 'setuser', 'u', '(+ping ~a)');
    assert.match(
      port.say(client, 'acl getuser u'),
      /selectors\r\n\*1\r\n%3\r\n\$8\r\ncommands\r\n\$11\r\n-@all \+ping\r\n\$4\r\nkeys\r\n\$2\r\n~a\r\n\$8\r\nchannels\r\n\$0\r\n\r\n$/,
    );
    assert.deepEqual(port.server.users(), [
      'default on nopass sanitize-payload ~* &* +@all',
      'u off sanitize-payload resetchannels -@all (~a resetchannels -@all +ping)',
    ]);
  });

  it('refuses bad rules and names without changing anything', () => {
    const port = new TestPort();
    const client = port.connect();
    assert.equal(
      port.say(client, 'acl setuser u on +foo'),
      "-ERR Error in ACL SETUSER modifier '+foo': Unknown command or category name in ACL\r\n",
    );
    assert.equal(
      port.say(client, 'acl setuser u (+ping'),
      "-ERR Unmatched parenthesis in acl selector starting at '(+ping'.\r\n",
    );
    assert.match(port.say(client, 'acl', 'setuser', 'a b', 'on'), /^-ERR Usernames/);
    assert.equal(port.say(client, 'acl users'), bulksOf('default'));
  });

  it('lists categories and their commands', () => {
    const port = new TestPort();
    const client = port.connect();
    assert.match(port.say(client, 'acl cat'), /^\*21\r\n\$8\r\nkeyspace\r\n/);
    assert.equal(
      port.say(client, 'acl cat PUBSUB'),
      bulksOf('psubscribe', 'publish', 'punsubscribe', 'subscribe', 'unsubscribe'),
    );
    assert.equal(port.say(client, 'acl cat foo'), "-ERR Unknown category 'foo'\r\n");
  });

  it('makes passwords of the bits asked for', () => {
    const port = new TestPort();
    const client = port.connect();
    assert.match(port.say(client, 'acl genpass'), /^\$64\r\n[0-9a-f]{64}\r\n$/);
    assert.match(port.say(client, 'acl genpass 5'), /^\$2\r\n/);
    assert.equal(port.say(client, 'acl genpass x'), '-ERR value is not an integer or out of range\r\n');
    assert.match(port.say(client, 'acl genpass 0'), /^-ERR ACL GENPASS/);
    assert.match(port.say(client, 'acl genpass 5000'), /^-ERR ACL GENPASS/);
  });

  it('tries a request without running it', () => {
    const port = new TestPort();
    const client = port.connect();
    port.say(client, 'acl setuser u +subscribe');
    assert.equal(port.say(client, 'acl dryrun default ping a'), '+OK\r\n');
    assert.match(
      port.say(client, 'acl dryrun u info'),
      /User u has no permissions to run the 'info' command/,
    );
    assert.match(
      port.say(client, 'acl dryrun u subscribe a'),
      /User u has no permissions to access the 'a' channel/,
    );
    assert.equal(port.say(client, 'acl dryrun nobody ping'), "-ERR User 'nobody' not found\r\n");
    assert.equal(port.say(client, 'acl dryrun default foo'), "-ERR Command 'foo' not found\r\n");
    assert.equal(
      port.say(client, 'acl dryrun u publish a'),
      "-ERR wrong number of arguments for 'publish' command\r\n",
    );
  });

  it('DELUSER ends the connections of the users it removes, the own one after the reply (sentinel.md §1.6)', () => {
    const port = new TestPort();
    const [admin, one, two] = [port.connect(), port.connect(), port.connect()];
    port.say(admin, 'acl setuser a on nopass +@all');
    port.say(one, 'auth a x');
    port.say(two, 'auth a x');
    assert.equal(port.say(admin, 'acl deluser a default'), "-ERR The 'default' user cannot be removed\r\n");
    assert.equal(port.say(one, 'acl deluser a nobody'), ':1\r\n<closed>');
    assert.equal(port.heard(two), '<closed>');
    assert.equal(port.heard(admin), '');
  });

  it('ends the connections of those who hear what they may no longer hear', () => {
    const port = new TestPort();
    const [admin, listener] = [port.connect(), port.connect()];
    port.say(admin, 'acl setuser a on nopass +@all &x');
    port.say(listener, 'auth a x');
    port.say(listener, 'subscribe x');
    port.say(admin, 'acl setuser a &y');
    assert.equal(port.heard(listener), '');
    port.say(admin, 'acl setuser a resetchannels');
    assert.equal(port.heard(listener), '<closed>');
  });

  it('says no to commands and channels by name', () => {
    const port = new TestPort();
    const [admin, user] = [port.connect(), port.connect()];
    port.say(admin, 'acl setuser a on nopass +subscribe');
    port.say(user, 'auth a x');
    assert.equal(
      port.say(user, 'acl log'),
      "-NOPERM User a has no permissions to run the 'acl|log' command\r\n",
    );
    assert.equal(port.say(user, 'subscribe x'), '-NOPERM No permissions to access a channel\r\n');
  });
});

describe('ACL LOG', () => {
  it('keeps refusals, counts those alike, forgets on RESET', () => {
    const port = new TestPort();
    const [admin, user] = [port.connect(), port.connect()];
    port.say(admin, 'acl setuser a on >pw +subscribe');
    port.say(user, 'auth a hunter2');
    port.say(user, 'auth a pw');
    port.say(user, 'info');
    port.wait(1500);
    port.say(user, 'info');
    port.say(user, 'subscribe x');
    const log = port.say(admin, 'acl log');
    assert.match(log, /^\*3\r\n\*20\r\n/);
    assert.doesNotMatch(log, /hunter2|pw/);
    assert.match(
      log,
      /count\r\n:2\r\n\$6\r\nreason\r\n\$7\r\ncommand\r\n\$7\r\ncontext\r\n\$8\r\ntoplevel\r\n\$6\r\nobject\r\n\$4\r\ninfo\r\n\$8\r\nusername\r\n\$1\r\na\r\n\$11\r\nage-seconds\r\n\$3\r\n1\.5\r\n\$11\r\nclient-info/,
    );
    assert.match(
      log,
      /entry-id\r\n:1\r\n\$17\r\ntimestamp-created\r\n:1700000000000\r\n\$22\r\ntimestamp-last-updated\r\n:1700000000000/,
    );
    assert.match(port.say(admin, 'acl log 1'), /^\*1\r\n\*20\r\n.*reason\r\n\$7\r\nchannel/s);
    assert.equal(port.say(admin, 'acl log x'), '-ERR value is not an integer or out of range\r\n');
    assert.equal(port.say(admin, 'acl log reset'), '+OK\r\n');
    assert.equal(port.say(admin, 'acl log'), '*0\r\n');
  });

  it('keeps no more than acllog-max-len', () => {
    const port = new TestPort({ conf: { aclLogMaxLen: 2 } });
    const client = port.connect();
    for (const name of ['a', 'b', 'c']) port.say(client, `auth ${name} x`);
    assert.match(port.say(client, 'acl log'), /^\*2\r\n/);
  });
});

describe('users', () => {
  it('come from user lines and requirepass; a line about default says everything about it', () => {
    const port = new TestPort({
      conf: { requirePass: 'pw', users: ['a on nopass +@all', 'default on nopass +ping'] },
    });
    assert.deepEqual(port.server.users(), [
      'a on nopass sanitize-payload resetchannels +@all',
      'default on nopass sanitize-payload resetchannels -@all +ping',
    ]);
    const withPassword = new TestPort({ conf: { requirePass: 'pw' } });
    assert.deepEqual(withPassword.server.users(), [
      `default on sanitize-payload #${fakeSha256('pw')} ~* &* +@all`,
    ]);
  });

  it('are all read before anything wrong with them is told', () => {
    const conf = { ...PLAIN_CONF, users: ['a +foo', 'b on', 'b off', 'c (+ping', 'd #hunter2'] };
    const prepared = preparePort(conf, REDIS, fakeHost());
    assert(!prepared.ok);
    assert.deepEqual(
      prepared.problem.map((problem) => problem.sentence),
      [
        "user 'a': rule '+foo': Unknown command or category name in ACL",
        "the user 'b' is there twice",
        "user 'c': a parenthesis is open at '(+ping'",
        "user 'd': rule '#...': A password hash has exactly 64 digits, 0 to 9 and a to f in lower case",
      ],
    );
  });

  it('are in the configuration or in an ACL file, not in both', () => {
    const conf = { ...PLAIN_CONF, users: ['a on'], aclFile: '/acl' };
    const prepared = preparePort(conf, REDIS, fakeHost(new Map([['/acl', '']])));
    assert(!prepared.ok);
    assert.equal(prepared.problem[0]?.code, 'users-twice');
  });

  it('are loaded from the ACL file all or none, with the lines that are wrong', () => {
    const files = new Map([['/acl', '\nuser a on nopass +@all\r\n\nuser b on >pw\n']]);
    const port = new TestPort({ conf: { aclFile: '/acl' }, files });
    const [admin, b] = [port.connect(), port.connect()];
    assert.deepEqual(port.server.users(), [], 'the configuration file holds none of them');
    assert.equal(port.say(admin, 'acl users'), bulksOf('a', 'b', 'default'));
    port.say(b, 'auth b pw');
    files.set('/acl', 'user a off\nusr c on\nuser d +foo\n');
    assert.equal(
      port.say(admin, 'acl load'),
      "-ERR /acl:2:1: each line is 'user', a name and rules. " +
        "/acl:3:1: user 'd': rule '+foo': Unknown command or category name in ACL. No user was changed.\r\n",
    );
    assert.equal(port.say(admin, 'acl users'), bulksOf('a', 'b', 'default'));
    files.set('/acl', 'user a off\n');
    assert.equal(port.say(admin, 'acl load'), '+OK\r\n');
    assert.equal(port.heard(b), '<closed>');
    assert.equal(
      port.say(admin, 'acl list'),
      bulksOf('user a off sanitize-payload resetchannels -@all', DEFAULT_LINE),
    );
  });

  it('are saved to the ACL file', () => {
    const files = new Map([['/acl', '']]);
    const port = new TestPort({ conf: { aclFile: '/acl' }, files });
    assert.equal(port.say(port.connect(), 'acl save'), '+OK\r\n');
    assert.equal(files.get('/acl'), `${DEFAULT_LINE}\n`);
    const full = new TestPort({ conf: { aclFile: '/full/acl' }, files: new Map([['/full/acl', '']]) });
    assert.match(full.say(full.connect(), 'acl save'), /^-ERR /);
    assert.equal(full.effects.filter((effect) => effect.kind === 'log').length, 1);
  });

  it('keep requirepass with an ACL file that does not speak of default', () => {
    const port = new TestPort({
      conf: { aclFile: '/acl', requirePass: 'pw' },
      files: new Map([['/acl', '']]),
    });
    assert.match(port.say(port.connect(), 'ping'), /^-NOAUTH/);
  });

  it('cannot be loaded or saved without an ACL file', () => {
    const port = new TestPort();
    const client = port.connect();
    assert.match(port.say(client, 'acl load'), /^-ERR /);
    assert.match(port.say(client, 'acl save'), /^-ERR /);
  });
});
