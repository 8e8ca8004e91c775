// CLIENT and COMMAND as clients see them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bulksOf, TestPort } from './harness.ts';

const SYNTAX = '-ERR syntax error\r\n';
const INFO_1 =
  'id=1 addr=127.0.0.1:40001 laddr=127.0.0.1:26379 fd=11 name= age=2 idle=0 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 ' +
  'watch=0 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=client|info ' +
  'user=default redir=-1 resp=2 lib-name=ioredis lib-ver=5\n';

describe('CLIENT', () => {
  it('describes a connection in one line, verbatim in RESP3', () => {
    const port = new TestPort();
    const client = port.connect();
    port.wait(2000);
    assert.equal(port.say(client, 'client setinfo LIB-NAME ioredis'), '+OK\r\n');
    assert.equal(port.say(client, 'client setinfo lib-ver 5'), '+OK\r\n');
    assert.equal(port.say(client, 'client info'), `$${INFO_1.length}\r\n${INFO_1}\r\n`);
    port.say(client, 'hello 3');
    const info = INFO_1.replace('resp=2', 'resp=3');
    assert.equal(port.say(client, 'client info'), `=${info.length + 4}\r\ntxt:${info}\r\n`);
  });

  it('lists connections, all or by type or by id', () => {
    const port = new TestPort();
    const [a, b] = [port.connect(), port.connect()];
    port.say(b, 'subscribe x');
    const ids = (request: string): string[] =>
      [...port.say(a, request).matchAll(/\bid=(\d+) /g)].map(([, id = '']) => id);
    assert.deepEqual(ids('client list'), ['1', '2']);
    assert.deepEqual(ids('client list type normal'), ['1']);
    assert.deepEqual(ids('client list TYPE PubSub'), ['2']);
    assert.deepEqual(ids('client list type replica'), []);
    assert.deepEqual(ids('client list id 2 99 1'), ['2', '1']);
    assert.match(port.say(a, 'client list'), /id=2 .* flags=P .* sub=1 psub=0 .* cmd=subscribe /);
    assert.equal(port.say(a, 'client list type foo'), "-ERR Unknown client type 'foo'\r\n");
    assert.equal(port.say(a, 'client list id x'), '-ERR Invalid client ID\r\n');
    assert.equal(port.say(a, 'client list id'), SYNTAX);
    assert.equal(port.say(a, 'client list foo'), SYNTAX);
  });

  it('gives and takes names, printable and without blanks', () => {
    const port = new TestPort();
    const client = port.connect();
    assert.equal(port.say(client, 'client id'), ':1\r\n');
    assert.equal(port.say(client, 'client getname'), '$-1\r\n');
    assert.equal(port.say(client, 'client setname sentinel-01234567-cmd'), '+OK\r\n');
    assert.equal(port.say(client, 'client getname'), '$21\r\nsentinel-01234567-cmd\r\n');
    for (const name of ['a b', 'a\nb', 'caf\xe9']) {
      assert.equal(
        port.say(client, 'client', 'setname', name),
        '-ERR Client names cannot contain spaces, newlines or special characters.\r\n',
      );
    }
    assert.equal(port.say(client, 'client', 'setname', ''), '+OK\r\n');
    assert.equal(port.say(client, 'client getname'), '$-1\r\n');
    assert.equal(port.say(client, 'client setinfo foo x'), "-ERR Unrecognized option 'foo'\r\n");
    assert.match(port.say(client, 'client', 'setinfo', 'lib-name', 'a b'), /^-ERR lib-name cannot contain/);
  });

  it('KILL with an address ends that connection, the own one after its reply', () => {
    const port = new TestPort();
    const [a, b] = [port.connect(), port.connect()];
    assert.equal(port.say(a, 'client kill 1.2.3.4:5'), '-ERR No such client\r\n');
    assert.equal(port.say(a, 'client kill 127.0.0.1:40002'), '+OK\r\n');
    assert.equal(port.heard(b), '<closed>');
    assert.equal(port.say(a, 'client kill 127.0.0.1:40001'), '+OK\r\n<closed>');
  });

  it('KILL with filters ends all that pass each of them, and tells how many (sentinel.md §1.6)', () => {
    const port = new TestPort();
    const [a, b, c] = [port.connect(), port.connect(), port.connect()];
    port.say(c, 'subscribe x');
    assert.equal(port.say(a, 'client kill id 2 type pubsub'), ':0\r\n');
    assert.equal(port.say(a, 'client kill type pubsub'), ':1\r\n');
    assert.equal(port.heard(c), '<closed>');
    assert.equal(port.say(a, 'client kill maxage 5'), ':0\r\n');
    port.wait(5000);
    assert.equal(port.say(a, 'client kill maxage 5 laddr 127.0.0.1:26379'), ':1\r\n');
    assert.equal(port.heard(b), '<closed>');
    assert.equal(port.say(a, 'CLIENT KILL USER default SKIPME no'), ':1\r\n<closed>');
  });

  for (const [request, reply] of [
    ['client kill foo bar', SYNTAX],
    ['client kill id x', '-ERR client-id should be greater than 0\r\n'],
    ['client kill id 0', '-ERR client-id should be greater than 0\r\n'],
    ['client kill type foo', "-ERR Unknown client type 'foo'\r\n"],
    ['client kill user nobody', "-ERR No such user 'nobody'\r\n"],
    ['client kill skipme foo', SYNTAX],
    ['client kill id 1 type', SYNTAX],
    ['client kill', "-ERR wrong number of arguments for 'client|kill' command\r\n"],
    ['client unblock 99', ':0\r\n'],
    ['client unblock 99 error', ':0\r\n'],
    ['client unblock x', '-ERR value is not an integer or out of range\r\n'],
    ['client unblock 99 foo', '-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n'],
    ['client no-evict on', '+OK\r\n'],
    ['client no-evict foo', SYNTAX],
    ['client reply foo', SYNTAX],
    ['client unpause', '+OK\r\n'],
  ] as const) {
    it(`answers '${request}' with ${JSON.stringify(reply)}`, () => {
      const port = new TestPort();
      assert.equal(port.say(port.connect(), request), reply);
    });
  }

  it('REPLY swallows replies but not messages', () => {
    const port = new TestPort();
    const client = port.connect();
    assert.equal(port.say(client, 'client reply skip'), '');
    assert.equal(port.say(client, 'ping'), '');
    assert.equal(port.say(client, 'ping'), '+PONG\r\n');
    assert.equal(port.say(client, 'client reply off'), '');
    assert.equal(port.say(client, 'nonsense'), '');
    assert.equal(port.say(client, 'client reply skip'), '');
    assert.equal(port.say(client, 'ping'), '');
    assert.match(port.say(client, 'subscribe a'), /^\*3\r\n/);
    port.say(client, 'unsubscribe');
    assert.equal(port.say(client, 'client reply on'), '+OK\r\n');
    assert.equal(port.say(client, 'ping'), '+PONG\r\n');
  });

  it('TRACKING keeps what it was told', () => {
    const port = new TestPort();
    const client = port.connect();
    const info = (flags: string[], redirect: number, prefixes: string[] = []): string =>
      `*6\r\n$5\r\nflags\r\n${bulksOf(...flags)}$8\r\nredirect\r\n:${redirect}\r\n$8\r\nprefixes\r\n${bulksOf(...prefixes)}`;
    assert.equal(port.say(client, 'client trackinginfo'), info(['off'], -1));
    assert.equal(port.say(client, 'client getredir'), ':-1\r\n');
    assert.match(port.say(client, 'client caching yes'), /^-ERR CLIENT CACHING/);
    assert.equal(port.say(client, 'client tracking on optin'), '+OK\r\n');
    assert.equal(port.say(client, 'client caching yes'), '+OK\r\n');
    assert.equal(port.say(client, 'client trackinginfo'), info(['on', 'optin', 'caching-yes'], 0));
    assert.match(port.say(client, 'client caching no'), /^-ERR CLIENT CACHING NO/);
    assert.match(port.say(client, 'client tracking on bcast'), /^-ERR BCAST mode/);
    assert.equal(port.say(client, 'client tracking off'), '+OK\r\n');
    assert.equal(port.say(client, 'client tracking on bcast prefix a prefix b noloop'), '+OK\r\n');
    assert.equal(port.say(client, 'client trackinginfo'), info(['on', 'bcast', 'noloop'], 0, ['a', 'b']));
    assert.equal(port.say(client, 'client getredir'), ':0\r\n');
  });

  it('TRACKING refuses what does not go together', () => {
    const port = new TestPort();
    const client = port.connect();
    assert.equal(port.say(client, 'client tracking foo'), SYNTAX);
    assert.equal(
      port.say(client, 'client tracking on redirect 99'),
      '-ERR The client ID you want redirect to does not exist\r\n',
    );
    assert.equal(
      port.say(client, 'client tracking on prefix a'),
      '-ERR PREFIX option requires BCAST mode to be enabled\r\n',
    );
    assert.match(
      port.say(client, 'client tracking on bcast prefix ab prefix b prefix a'),
      /^-ERR Prefix 'a' overlaps/,
    );
    assert.match(port.say(client, 'client tracking on optin optout'), /^-ERR OPTIN and OPTOUT/);
    assert.match(port.say(client, 'client tracking on bcast optin'), /^-ERR OPTIN and OPTOUT/);
  });

  it('HELP names each subcommand', () => {
    const port = new TestPort();
    const help = port.say(port.connect(), 'client help');
    assert.match(help, /^\*\d+\r\n\+CLIENT <subcommand> \[<arg> /);
    assert.match(help, /\r\n\+SETINFO \(LIB-NAME\|LIB-VER\) <text>\r\n/);
    assert.match(help, /\r\n\+HELP\r\n\+ {4}Print this help\.\r\n$/);
  });
});

describe('COMMAND', () => {
  const port = new TestPort();
  const client = port.connect();
  const ping =
    '*10\r\n$4\r\nping\r\n:-1\r\n*1\r\n+fast\r\n:0\r\n:0\r\n:0\r\n*2\r\n+@fast\r\n+@connection\r\n' +
    '*2\r\n$25\r\nrequest_policy:all_shards\r\n$29\r\nresponse_policy:all_succeeded\r\n*0\r\n*0\r\n';

  it('counts 15, tells 15, lists 73 (sentinel.md §1.2)', () => {
    assert.equal(port.say(client, 'command count'), ':15\r\n');
    assert.match(port.say(client, 'command'), /^\*15\r\n/);
    assert.match(port.say(client, 'command list'), /^\*73\r\n/);
    assert.match(port.say(client, 'command list'), /\r\nclient\|setinfo\r\n/);
  });

  it('INFO tells the line of a command, null for one that is not there', () => {
    assert.equal(port.say(client, 'command info foo ping'), `*2\r\n$-1\r\n${ping}`);
    assert.match(
      port.say(client, 'command info sentinel|myid client|foo'),
      /^\*2\r\n\*10\r\n\$13\r\nsentinel\|myid\r\n:2\r\n.*\$-1\r\n$/s,
    );
    const three = new TestPort();
    three.connect();
    three.say(1, 'hello 3');
    assert.equal(
      three.say(1, 'command info ping'),
      `*1\r\n${ping.replace('*1\r\n+fast', '~1\r\n+fast').replace('*2\r\n+@', '~2\r\n+@').replace('*2\r\n$25', '~2\r\n$25').replace('*0\r\n*0', '~0\r\n~0')}`,
    );
  });

  it('DOCS leaves out what is not there', () => {
    assert.equal(port.say(client, 'command docs foo'), '*0\r\n');
    assert.match(
      port.say(client, 'command docs foo sentinel|myid'),
      /^\*2\r\n\$13\r\nsentinel\|myid\r\n\*6\r\n\$7\r\nsummary\r\n/,
    );
    assert.match(
      port.say(client, 'command docs client'),
      /subcommands\r\n\*34\r\n.*\r\nclient\|setinfo\r\n/s,
    );
  });

  it('LIST filters', () => {
    assert.equal(port.say(client, 'command list filterby module x'), '*0\r\n');
    assert.equal(port.say(client, 'command list filterby aclcat nocat'), '*0\r\n');
    assert.equal(
      port.say(client, 'command list filterby pattern client|SET*'),
      bulksOf('client|setinfo', 'client|setname'),
    );
    assert.match(port.say(client, 'command list filterby aclcat dangerous'), /^\*39\r\n/);
    assert.equal(port.say(client, 'command list filterby foo bar'), SYNTAX);
    assert.equal(port.say(client, 'command list foo'), SYNTAX);
  });

  it('GETKEYS finds none', () => {
    assert.equal(port.say(client, 'command getkeys ping a'), '-ERR The command has no key arguments\r\n');
    assert.equal(
      port.say(client, 'command getkeysandflags ping a'),
      '-ERR The command has no key arguments\r\n',
    );
    assert.equal(port.say(client, 'command getkeys sentinel foo'), '-ERR Invalid command specified\r\n');
  });
});
