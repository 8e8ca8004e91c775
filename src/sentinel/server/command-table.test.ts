// The command table: what is in it, and that the names, arities and categories are the sheet's.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CommandTable } from './command-table.ts';
import { helpReply } from './help.ts';

function tableOf(flavour: 'redis' | 'valkey', renames: [string, string][] = []): CommandTable {
  const table = CommandTable.make(flavour, new Map(renames));
  assert(table.ok);
  return table.value;
}

describe('the command table', () => {
  it('has 15 commands and 73 names with subcommands (sentinel.md §1.2)', () => {
    const names = [...tableOf('redis').listed()].map((command) => command.name);
    assert.deepEqual(
      names.filter((name) => !name.includes('|')),
      'acl auth client command hello info ping psubscribe publish punsubscribe role sentinel shutdown subscribe unsubscribe'.split(
        ' ',
      ),
    );
    assert.equal(names.length, 73);
    assert.equal(new Set(names).size, 73);
  });

  it("lists Valkey's four names only where we are Valkey, and knows them everywhere (sentinel.md §10.1)", () => {
    assert.equal([...tableOf('valkey').listed()].length, 77);
    assert.equal(tableOf('redis').find(['sentinel', 'PRIMARIES']).kind, 'command');
  });

  const arities: Record<string, number> = {
    master: 3,
    masters: 2,
    replicas: 3,
    slaves: 3,
    sentinels: 3,
    myid: 2,
    'get-master-addr-by-name': 3,
    'is-master-down-by-addr': 6,
    'is-primary-down-by-addr': 6,
    ckquorum: 3,
    failover: -3,
    reset: 3,
    monitor: 6,
    remove: 3,
    set: -5,
    config: -4,
    flushconfig: 2,
    'info-cache': -3,
    'pending-scripts': 2,
    'simulate-failure': -3,
    debug: -2,
    help: 2,
  };
  for (const [name, arity] of Object.entries(arities)) {
    it(`gives SENTINEL ${name.toUpperCase()} arity ${arity} (sentinel.md §1.3)`, () => {
      const command = tableOf('redis').byName(`sentinel|${name}`);
      assert.equal(command?.arity, arity);
      assert.deepEqual(command.categories, name === 'help' ? ['slow'] : ['admin', 'slow', 'dangerous']);
    });
  }

  const categories: Record<string, string> = {
    ping: 'fast connection',
    hello: 'fast connection',
    auth: 'fast connection',
    info: 'slow dangerous',
    role: 'admin fast dangerous',
    subscribe: 'pubsub slow',
    publish: 'pubsub fast',
    shutdown: 'admin slow dangerous',
    command: 'slow connection',
    client: 'slow',
    'client|id': 'slow connection',
    'client|kill': 'admin slow dangerous connection',
    acl: 'slow',
    'acl|whoami': 'slow',
    'acl|setuser': 'admin slow dangerous',
    sentinel: 'admin slow dangerous',
  };
  for (const [name, expected] of Object.entries(categories)) {
    it(`puts ${name} into ${expected} (sentinel.md §1.2)`, () => {
      const command = tableOf('redis').byName(name);
      assert.deepEqual([...(command?.categories ?? [])].sort(), expected.split(' ').sort());
    });
  }

  it('refuses to rename what is not there, or to a name that is', () => {
    const made = CommandTable.make(
      'redis',
      new Map([
        ['get', 'x'],
        ['info', 'ping'],
        ['role', ''],
      ]),
    );
    assert(!made.ok);
    assert.equal(made.problem.length, 2);
    assert.match(made.problem[0]?.sentence ?? '', /no command 'get'/);
    assert.match(made.problem[1]?.sentence ?? '', /'info' cannot be called 'ping'/);
  });

  it('knows renamed commands by their old name where ACL rules are meant', () => {
    const table = tableOf('redis', [['sentinel', 'Quorum']]);
    assert.equal(table.byName('sentinel'), undefined);
    assert.equal(table.byName('quorum|myid')?.name, 'sentinel|myid');
    assert.equal(table.byOriginalName('sentinel|myid')?.name, 'sentinel|myid');
  });
});

describe('HELP', () => {
  it('begins as scripts expect and ends with HELP itself (sentinel.md §1.3)', () => {
    const sentinel = tableOf('redis').byName('sentinel');
    assert(sentinel !== undefined);
    const reply = helpReply(sentinel);
    assert(reply.kind === 'array');
    const lines = reply.items.map((item) =>
      item.kind === 'simple' ? item.text : assert.fail('a simple string'),
    );
    assert.match(lines[0] ?? '', /^SENTINEL <subcommand> \[<arg> /);
    assert.deepEqual(lines.slice(-2), ['HELP', '    Print this help.']);
    assert.ok(lines.includes('FAILOVER <master> [COORDINATED]'));
    assert.ok(lines.every((line) => line.length <= 80 || !line.startsWith(' ')));
    assert.equal(lines.length, 49);
  });
});
