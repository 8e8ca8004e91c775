// Files into lines: includes, conditions, definitions, sequences, comments.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Random } from '../../base/random.ts';
import { failure, type Result, success } from '../../base/result.ts';
import { expandBraces, type Included, preprocess } from './preprocess.ts';
import { type ConfProblem, Report } from './problems.ts';

interface World {
  readonly configId?: string;
  readonly files?: Readonly<Record<string, string>>;
}

function run(text: string, { configId = 'main', files = {} }: World = {}) {
  const report = new Report(false);
  const readInclude = (pattern: string): Result<readonly Included[], string> => {
    if (pattern.includes('locked')) return failure(`${pattern} cannot be read`);
    const start = pattern.split('*', 1)[0] as string;
    const found = Object.entries(files)
      .filter(([path]) => (pattern.includes('*') ? path.startsWith(start) : path === pattern))
      .map(([path, content]) => ({ path, text: content, directory: path.replace(/\/[^/]*$/, '') }));
    return success(found);
  };
  const environment = (name: string): string | null => (name === 'SITE' ? 'north' : null);
  const builtIns = { configId, environment, random: new Random(1) };
  const file = { path: 'k.conf', text, directory: '/etc/k' };
  const { lines } = preprocess(file, builtIns, readInclude, report);
  return { lines, problems: report.problems('k.conf') };
}

const texts = (text: string, world?: World): string[] => run(text, world).lines.map((line) => line.text);
const said = (problems: readonly ConfProblem[]): string[] =>
  problems.map(({ where, sentence }) => `${where} ${sentence}`);

describe('comments (vrrp.md §2.1)', () => {
  const cases: readonly (readonly [line: string, ...kept: string[]])[] = [
    ['a # b', 'a'],
    ['a ! b', 'a'],
    ['  # b'],
    ['a "# b" # c', 'a "# b"'],
    ['a \\# \\! b # c', 'a # ! b'],
    ['a "\\#"', 'a "\\#"'],
    ['a // b', 'a // b'],
    ['a ${_HASH} ${_BANG}', 'a # !'],
    ['\ta\t\r', 'a'],
  ];
  for (const [line, ...kept] of cases) {
    it(`keep ${JSON.stringify(kept)} of ${JSON.stringify(line)}`, () => assert.deepEqual(texts(line), kept));
  }

  it('may be directives of ours', () => {
    const { lines } = run('state MASTER # baton: track_redis x\n  !baton:  y');
    assert.deepEqual(
      lines.map(({ kind, text, column }) => [kind, text, column]),
      [
        ['code', 'state MASTER', 1],
        ['directive', 'track_redis x', 14],
        ['directive', 'y', 3],
      ],
    );
  });
});

describe('conditions (vrrp.md §2.2)', () => {
  it('keep lines for this machine, and those not for another', () => {
    const text = '@main a\n@backup b\n@^main c\n@^backup d\n@main @^backup e\n@main';
    assert.deepEqual(texts(text), ['a', 'd', 'e']);
    assert.deepEqual(texts(text, { configId: 'backup' }), ['b', 'c']);
  });

  it('hold for definitions, and may come out of them', () => {
    assert.deepEqual(texts('@main $P=240\n@backup $P=200\n$IF=@main\npriority $P\n$IF a\n$IF'), [
      'priority 240',
      'a',
    ]);
    assert.deepEqual(
      texts('@main $P=240\n@backup $P=200\n$IF=@main\npriority $P\n$IF a', { configId: 'backup' }),
      ['priority 200'],
    );
  });

  it('know where the rest of their line stands', () => {
    assert.equal(run('  @main   priority 1').lines[0]?.column, 11);
  });

  it('name an id', () => {
    assert.deepEqual(said(run('@ x').problems), ['k.conf:1:1 @ and @^ are followed by a config-id']);
  });
});

describe('definitions (vrrp.md §2.2)', () => {
  it('are substituted when they are used', () => {
    const text = '$B=10.2.${S}\n$S=0\n${B}.100/32\n$S=10\n${B}.100/32\n$B';
    assert.deepEqual(texts(text), ['10.2.0.100/32', '10.2.10.100/32', '10.2.10']);
  });

  it('are used before a blank, a comma, a parenthesis and the end', () => {
    assert.deepEqual(texts('$A=1\nx $A, ($A) $A\n'), ['x 1, (1) 1']);
    assert.deepEqual(texts('$A=1\nx $A.5\n'), ['x $A.5']);
  });

  it('may be empty, and stay where they are not defined', () => {
    const { lines, problems } = run('$A=\nx $A y "$C" $B');
    assert.deepEqual(
      lines.map((line) => line.text),
      ['x  y "$C" $B'],
    );
    assert.deepEqual(said(problems), ["k.conf:2:13 '$B' is not defined here, and stays as it stands"]);
  });

  it('may have several lines, and be nested', () => {
    const text =
      '$I= \\\n  vrrp_instance VI_${N} { \\\n    @main priority 130 \\\n    @other priority 5 \\\n  }\n$N=0\n$I\n$N=1\n${I}\n' +
      '$TWICE= \\\n$N=8 \\\n$I \\\n$N=9 \\\n$I\n$TWICE';
    const one = (n: number): string[] => [`vrrp_instance VI_${n} {`, 'priority 130', '}'];
    assert.deepEqual(texts(text), [...one(0), ...one(1), ...one(8), ...one(9)]);
    assert.equal(run(text).lines[1]?.number, 3);
  });

  it('may not refer to themselves', () => {
    assert.deepEqual(said(run('$A=x$A\n$A y').problems), [
      'k.conf:2:1 a definition refers to itself, or becomes far too long',
    ]);
    assert.deepEqual(said(run('$A= \\\n$A\n$A').problems), [
      'k.conf:2:1 a definition refers to itself, or they are nested too deeply',
    ]);
  });

  it('end before the file does', () => {
    assert.deepEqual(said(run('$A= \\\nx \\').problems), [
      'k.conf:2:1 the file ends inside a definition: its last line ends in \\',
    ]);
  });

  it('know the directory, the config-id, the environment and chance', () => {
    assert.deepEqual(texts('${_PWD}/x $_INSTANCE ${_ENV SITE}${_ENV NONE}'), ['/etc/k/x main north']);
    const [few = '', all = ''] = texts('${_RANDOM 5 7}\n${_RANDOM}');
    assert.match(few, /^[567]$/);
    assert.ok(Number(all) >= 0 && Number(all) <= 32_767);
  });
});

describe('sequences (vrrp.md §2.2)', () => {
  const cases: readonly (readonly [line: string, ...lines: string[]])[] = [
    ['~SEQ(A, 0, 3) x${A}', 'x0', 'x1', 'x2', 'x3'],
    ['~SEQ(A,2) x$A', 'x1', 'x2'],
    ['~SEQ(A,-2) x$A', 'x-1', 'x-2'],
    ['~SEQ(A,5,3) $A', '5', '4', '3'],
    ['~SEQ(A,0,5,12) $A', '0', '5', '10'],
    ['~SEQx(A,0x90,0x10,0xb0) fe80::${A}', 'fe80::90', 'fe80::a0', 'fe80::b0'],
    ['~SEQ(A,1,2) ~SEQ(B,1,2) $A $B', '1 1', '1 2', '2 1', '2 2'],
    ['~LST(A,a,b) $A', 'a', 'b'],
    ['~LST({A, B}, {10,1},{20,4}) ${A}.${B}', '10.1', '20.4'],
  ];
  for (const [line, ...lines] of cases) {
    it(`repeat ${line}`, () => assert.deepEqual(texts(line), lines));
  }

  it('are told apart from mistakes', () => {
    const problem = (line: string): string | undefined => run(line).problems[0]?.sentence;
    assert.equal(problem('~SEK(A,1) x'), 'after ~ comes SEQ(...), SEQx(...) or LST(...)');
    assert.equal(
      problem('~SEQ(A) x'),
      'a sequence is SEQ(variable, start, step, end); start and step may be left out',
    );
    assert.equal(problem('~SEQ(A,x) x'), 'start, step and end of a sequence are whole numbers');
    assert.equal(problem('~SEQ(A,1,0,5) x'), 'the step of a sequence is not 0');
    assert.equal(problem('~LST({A,B},{1}) x'), 'each value of the list has 2 parts, as its variables');
  });
});

describe('includes (vrrp.md §2.2)', () => {
  const files = {
    '/etc/k/a.conf': 'a\ninclude d/b.conf',
    '/etc/k/d/b.conf': 'b ${_PWD}\ninclude c.conf',
    '/etc/k/d/c.conf': 'c',
  };

  it('stand in the place of their line, relative to the file they are in', () => {
    assert.deepEqual(texts('x\ninclude a.conf\ny', { files }), ['x', 'a', 'b /etc/k/d', 'c', 'y']);
    assert.deepEqual(texts('include "/etc/k/d/*.conf"', { files }), ['b /etc/k/d', 'c', 'c']);
    assert.deepEqual(texts('include d/{b,c}.conf', { files }), ['b /etc/k/d', 'c', 'c']);
  });

  it('are strict by their name', () => {
    const severity = (line: string): string => run(line, { files }).problems[0]?.severity ?? 'none';
    assert.deepEqual(
      ['', 'r', 'm', 'w', 'b', 'a'].map((kind) => [
        kind,
        severity(`include${kind} missing`),
        severity(`include${kind} missing*`),
        severity(`include${kind} d/{b,missing}.conf`),
      ]),
      [
        ['', 'warning', 'none', 'none'],
        ['r', 'warning', 'none', 'none'],
        ['m', 'error', 'none', 'none'],
        ['w', 'warning', 'error', 'none'],
        ['b', 'error', 'none', 'error'],
        ['a', 'error', 'error', 'error'],
      ],
    );
  });

  it('end somewhere', () => {
    const { problems } = run('include a.conf', { files: { '/etc/k/a.conf': 'include a.conf' } });
    assert.equal(problems[0]?.sentence, 'files include each other 16 deep');
  });

  it('that cannot be read are errors', () => {
    assert.deepEqual(said(run('include locked.conf').problems), [
      'k.conf:1:9 /etc/k/locked.conf cannot be read',
    ]);
  });

  it('expand braces as csh does', () => {
    assert.deepEqual(expandBraces('{foo/{,cat,dog},bar}'), ['foo/', 'foo/cat', 'foo/dog', 'bar']);
    assert.deepEqual(expandBraces('a{b'), ['a{b']);
    assert.ok(expandBraces('{a,b}'.repeat(40)).length <= 1001);
  });
});
