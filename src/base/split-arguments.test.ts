import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { quoteArgument, splitArguments } from './split-arguments.ts';

const byteString = fc.uint8Array({ maxLength: 40 }).map((bytes) => String.fromCharCode(...bytes));

describe('splitArguments', () => {
  const cases: readonly (readonly [why: string, line: string, words: readonly string[] | null])[] = [
    ['a blank line has no words', ' \t\r\n', []],
    ['an empty line has no words', '', []],
    [
      'white space parts words',
      '  sentinel\tmonitor  m 127.0.0.1 6379 2 \r\n',
      ['sentinel', 'monitor', 'm', '127.0.0.1', '6379', '2'],
    ],
    ['vertical tab and form feed before a word are skipped', '\v\fa', ['a']],
    ['quotes keep white space', `a "b c" 'd e'`, ['a', 'b c', 'd e']],
    ['empty quotes are an empty word', `"" '' x`, ['', '', 'x']],
    ['the listed escapes hold in double quotes', String.raw`"\n\r\t\a\b\\\""`, ['\n\r\t\x07\b\\"']],
    ['\\xHH is a byte, in either case', String.raw`"\x00\xfF\x41"`, ['\0\xffA']],
    ['\\x without two digits is the letter x', String.raw`"\x4" "\xzz"`, ['x4', 'xzz']],
    ['any other escaped character is itself', String.raw`"\q\'"`, ["q'"]],
    ['in single quotes only the quote is escaped', String.raw`'\n\'\\x'`, [String.raw`\n'\\x`]],
    ['a quote may open within a word', `a"b c" d'e'`, ['ab c', 'de']],
    ['a backslash outside quotes is itself', String.raw`a\n \"b"`, [String.raw`a\n`, '\\b']],
    ['bytes over 127 pass through', 'caf\xc3\xa9', ['caf\xc3\xa9']],
    ['a NUL ends the line', 'a b\0 c', ['a', 'b']],
    ['an open double quote is unbalanced', 'a "b', null],
    ['an open single quote is unbalanced', "a 'b", null],
    ['a backslash does not escape itself in single quotes', String.raw`'\\'`, null],
    ['an escaped quote does not close', String.raw`"b\"`, null],
    ['a NUL within quotes leaves them open', '"a\0"', null],
    ['text behind a closing double quote is unbalanced', '"a"b', null],
    ['text behind a closing single quote is unbalanced', "'a'b", null],
    ['a quote behind a closing quote is unbalanced', `"a"'b'`, null],
  ];
  for (const [why, line, words] of cases) {
    it(`${why} (sentinel.md §2.2)`, () => assert.deepEqual(splitArguments(line), words));
  }

  it('never throws, and takes time linear in the line', () => {
    for (const hostile of [
      '"'.repeat(100_001),
      '\\'.repeat(100_000),
      `"${'\\'.repeat(100_001)}`,
      `'${"\\'".repeat(50_000)}`,
    ]) {
      splitArguments(hostile);
    }
    fc.assert(fc.property(byteString, (line) => void splitArguments(line)));
  });
});

describe('quoteArgument', () => {
  it('writes the escaped form (sentinel.md §2.5)', () => {
    assert.equal(quoteArgument('/x y'), '"/x y"');
    assert.equal(
      quoteArgument('\\"\n\r\t\x07\b\0\x1f\x7f\xff~'),
      String.raw`"\\\"\n\r\t\a\b\x00\x1f\x7f\xff~"`,
    );
  });

  it('is undone by splitArguments, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.array(byteString), (words) => {
        assert.deepEqual(splitArguments(words.map(quoteArgument).join(' ')), words);
      }),
    );
  });
});
