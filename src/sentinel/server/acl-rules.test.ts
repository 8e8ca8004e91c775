// ACL rules: what each does, what is refused, and that a user printed and read again is the same user.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { applyRules, type RuleContext } from './acl-rules.ts';
import { denialOf, INITIAL_DEFAULT_USER, newUser, userLine, type User } from './acl-user.ts';
import { CommandTable } from './command-table.ts';

const sha256 = (text: string): string => createHash('sha256').update(text, 'latin1').digest('hex');
const SECRET_HASH = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b';

const made = CommandTable.make('redis', new Map());
assert(made.ok);
const table = made.value;
const context: RuleContext = { table, sha256, channels: 'resetchannels' };

function userWith(...rules: string[]): User {
  const result = applyRules(newUser('u', 'resetchannels'), rules, context);
  assert(result.ok, JSON.stringify(result));
  return result.value;
}

function refused(...rules: string[]): string {
  const result = applyRules(newUser('u', 'resetchannels'), rules, context);
  assert(!result.ok, `${rules.join(' ')} was accepted`);
  return 'unmatched' in result.problem
    ? `unmatched ${result.problem.unmatched}`
    : `${result.problem.rule}: ${result.problem.reason}`;
}

/** Whether the user may send this request. */
function may(user: User, request: string): boolean {
  const args = request.split(' ');
  const found = table.find(args);
  assert(found.kind === 'command', request);
  return denialOf(user, found.command, args) === null;
}

describe('a user', () => {
  it('called default is at first allowed everything, in the words of the file (sentinel.md §1.6)', () => {
    assert.equal(userLine(INITIAL_DEFAULT_USER), 'default on nopass sanitize-payload ~* &* +@all');
  });

  it('that is new is off and allowed nothing', () => {
    assert.equal(userLine(newUser('u', 'resetchannels')), 'u off sanitize-payload resetchannels -@all');
    assert.equal(userLine(newUser('u', 'allchannels')), 'u off sanitize-payload &* -@all');
  });

  const lines: [rules: string, line: string][] = [
    ['on >secret', `on sanitize-payload #${SECRET_HASH} resetchannels -@all`],
    [`on #${SECRET_HASH} >secret <secret`, 'on sanitize-payload resetchannels -@all'],
    [`>secret !${SECRET_HASH}`, 'off sanitize-payload resetchannels -@all'],
    ['>secret nopass', 'off nopass sanitize-payload resetchannels -@all'],
    ['nopass >secret resetpass', 'off sanitize-payload resetchannels -@all'],
    ['skip-sanitize-payload', 'off skip-sanitize-payload resetchannels -@all'],
    ['%R~a %W~b %RW~c ~d %r~a %w~a', 'off sanitize-payload ~a %W~b ~c ~d resetchannels -@all'],
    ['~a allkeys', 'off sanitize-payload ~* resetchannels -@all'],
    ['~* resetkeys ~b', 'off sanitize-payload ~b resetchannels -@all'],
    ['&a &b &a', 'off sanitize-payload resetchannels &a &b -@all'],
    ['&a allchannels', 'off sanitize-payload &* -@all'],
    ['+@all -@admin +ACL|WhoAmI -ping', 'off sanitize-payload resetchannels +@all -@admin +acl|whoami -ping'],
    ['+client|kill -client|list +client', 'off sanitize-payload resetchannels -@all +client'],
    ['+ping -ping +ping', 'off sanitize-payload resetchannels -@all +ping'],
    ['+ping|a', 'off sanitize-payload resetchannels -@all +ping|a'],
    ['on  off', 'off sanitize-payload resetchannels -@all'],
    ['+@pubsub allcommands', 'off sanitize-payload resetchannels +@all'],
    ['+@all nocommands', 'off sanitize-payload resetchannels -@all'],
    [
      '(+ping ~a) (&x +@all -info)',
      'off sanitize-payload resetchannels -@all (~a resetchannels -@all +ping) (resetchannels &x +@all -info)',
    ],
    ['(+ping) clearselectors', 'off sanitize-payload resetchannels -@all'],
    ['on >secret ~* &* +@all (+ping) reset', 'off sanitize-payload resetchannels -@all'],
  ];
  for (const [rules, line] of lines) {
    it(`given '${rules}' is '${line}'`, () => {
      assert.equal(userLine(userWith(...rules.split(' '))), `u ${line}`);
    });
  }

  it('is not changed by rules of which one is refused', () => {
    assert.match(refused('on', '+nosuch', 'nopass'), /^\+nosuch: Unknown command or category/);
  });

  for (const [rules, problem] of [
    ['foo', /^foo: Syntax error/],
    ['+sentinel|foo', /Unknown command or category/],
    ['+ping|a|b', /Unknown command or category/],
    ['-ping|a', /Unknown command or category/],
    ['+client|kill|id', /A first argument cannot/],
    ['+@foo', /Unknown command or category/],
    ['%X~a', /Syntax error/],
    ['~* ~a', /^~a: All keys/],
    ['&* &a', /^&a: All channels/],
    ['(on)', /^\(on\): Syntax error/],
    ['(+foo)', /^\(\+foo\): Unknown/],
    ['(+ping', /^unmatched \(\+ping/],
    ['(', /^unmatched \(/],
  ] as const) {
    it(`refuses '${rules}'`, () => assert.match(refused(...rules.split(' ')), problem));
  }

  it('refuses passwords without repeating them', () => {
    assert.equal(refused('<hunter2'), '<...: The user has no such password');
    assert.match(refused('#hunter2'), /^#\.\.\.: A password hash/);
    assert.match(refused('!hunter2'), /^!\.\.\.: A password hash/);
    assert.doesNotMatch(refused('(>hunter2 +ping)'), /hunter2/);
    assert.doesNotMatch(refused('(+ping', '>hunter2'), /hunter2/);
  });

  it('refuses blanks that a file could not hold, but takes bytes above 127', () => {
    for (const rule of ['~a b', '&a b', '&a\nb', '~a\0b']) assert.match(refused(rule), /Syntax error/);
    assert.match(userLine(userWith('&caf\xc3\xa0')), /&caf\xc3\xa0 /);
  });
});

describe('permissions', () => {
  it('follow the last rule that speaks of a command', () => {
    const user = userWith('+@all', '-@dangerous', '+sentinel|masters', '&*');
    assert.equal(may(user, 'ping'), true);
    assert.equal(may(user, 'sentinel masters'), true);
    assert.equal(may(user, 'sentinel master m'), false);
    assert.equal(may(user, 'sentinel help'), true);
    assert.equal(may(user, 'info'), false);
    assert.equal(may(user, 'client id'), true);
    assert.equal(may(user, 'client list'), false);
  });

  it('for a command include its subcommands, but for those taken out', () => {
    const user = userWith('+client', '-client|kill');
    assert.equal(may(user, 'client list'), true);
    assert.equal(may(user, 'client kill a'), false);
  });

  it('may be given for one first argument', () => {
    const user = userWith('+ping|a');
    assert.equal(may(user, 'ping A'), true);
    assert.equal(may(user, 'ping b'), false);
    assert.equal(may(user, 'ping'), false);
  });

  it('always include logging in', () => {
    assert.equal(may(userWith(), 'auth x'), true);
    assert.equal(may(userWith('-hello'), 'hello 3'), true);
  });

  it('for channels are globs, but a pattern must be granted word for word', () => {
    const user = userWith('+@pubsub', '&+s*', '&__sentinel__:hello');
    assert.equal(may(user, 'subscribe +sdown +switch-master'), true);
    assert.equal(may(user, 'subscribe +sdown -sdown'), false);
    assert.equal(may(user, 'psubscribe +s*'), true);
    assert.equal(may(user, 'psubscribe +sd*'), false);
    assert.equal(may(user, 'publish __sentinel__:hello x'), true);
    assert.equal(may(user, 'publish other x'), false);
    assert.equal(may(user, 'unsubscribe other'), true);
  });

  it('of one selector do not add up with those of another', () => {
    const user = userWith('+publish', '&a', '(+subscribe &b)');
    assert.equal(may(user, 'subscribe b'), true);
    assert.equal(may(user, 'subscribe a'), false);
    assert.equal(may(user, 'publish a x'), true);
    assert.equal(may(user, 'publish b x'), false);
  });
});

describe('printing a user and reading it again', () => {
  const word = fc.string({
    unit: fc.constantFrom('a', 'b', '*', '(', ')', '|', '~', '\xa0', '\\'),
    maxLength: 5,
  });
  const command = fc.constantFrom(
    'ping',
    'info',
    'client',
    'client|kill',
    'client|list',
    'sentinel|myid',
    '@admin',
    '@read',
    '@all',
  );
  const selectorRule = fc.oneof(
    word.map((text) => `~${text}`),
    word.map((text) => `%R~${text}`),
    word.map((text) => `&${text}`),
    command.map((name) => `+${name}`),
    command.map((name) => `-${name}`),
    word.map((text) => `+ping|${text}`),
    fc.constantFrom('allkeys', 'resetkeys', 'allchannels', 'resetchannels', 'allcommands', 'nocommands'),
  );
  const rule = fc.oneof(
    { weight: 4, arbitrary: selectorRule },
    fc.array(selectorRule, { maxLength: 4 }).map((rules) => `(${rules.join(' ')})`),
    fc.constantFrom('on', 'off', 'nopass', 'resetpass', 'reset', 'clearselectors', 'skip-sanitize-payload'),
    word.map((text) => `>${text}`),
  );

  for (const channels of ['resetchannels', 'allchannels'] as const) {
    it(`gives the same user (acl-pubsub-default ${channels})`, () => {
      fc.assert(
        fc.property(fc.array(rule, { maxLength: 8 }), (rules) => {
          let user = newUser('u', channels);
          for (const one of rules) {
            const result = applyRules(user, [one], { ...context, channels });
            if (result.ok) user = result.value;
          }
          const again = applyRules(newUser('u', channels), userLine(user).split(' ').slice(1), {
            ...context,
            channels,
          });
          assert(again.ok, JSON.stringify([userLine(user), again]));
          assert.deepEqual(again.value, user);
        }),
        { numRuns: 500 },
      );
    });
  }
});
