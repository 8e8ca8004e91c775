import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { splitLine, type Line } from './words.ts';

function split(line: string, environment: Record<string, string> = {}): Line {
  const result = splitLine(line, environment);
  assert.ok(result.ok, result.ok ? '' : result.problem.sentence);
  return result.value;
}

const texts = (line: string, environment?: Record<string, string>): string[] =>
  split(line, environment).words.map(({ text }) => text);

describe('words of haproxy.cfg, as HAProxy 2.6 sent them (proxy.md §1.2)', () => {
  const P = { P: 'secret' };
  for (const [written, meant] of [
    [String.raw`send AUTH\ pass\r\n`, ['send', 'AUTH pass\r\n']],
    [String.raw`send a\#b\\c\'d\"e\tf\x41`, ['send', 'a#b\\c\'d"e\tfA']],
    [String.raw`send "AUTH ${'${P}'}\r\n"`, ['send', 'AUTH secret\r\n']],
    [String.raw`send "AUTH $P\r\n"`, ['send', 'AUTH secret\r\n']],
    ['send "x${NONE-fallback}y${NONE}"', ['send', 'xfallbacky']],
    [String.raw`send AUTH\ "${'${P}'}"\r\n`, ['send', 'AUTH secret\r\n']],
    [String.raw`send AUTH\ ${'${P}'}\r\n`, ['send', 'AUTH ${P}\r\n']],
    [String.raw`send 'AUTH x\r\n'`, ['send', String.raw`AUTH x\r\n`]],
    [String.raw`send AUTH\ a#b\r\n`, ['send', 'AUTH a']],
    [String.raw`send AUTH pass\r\n`, ['send', 'AUTH', 'pass\r\n']],
    [String.raw`rstring a\d\.b`, ['rstring', String.raw`a\d\.b`]],
    ['   a\t b   # comment', ['a', 'b']],
    ['""', ['']],
    ['# only a comment', []],
  ] as const) {
    it(`reads ${written}`, () => assert.deepEqual(texts(written, P), meant));
  }

  it('does not read the value of a variable again', () => {
    assert.deepEqual(texts('send "${P}"', { P: '$Q "x" # y' }), ['send', '$Q "x" # y']);
  });

  it('makes words of a list', () => {
    assert.deepEqual(texts('a "${L[*]}" b', { L: 'x y  z' }), ['a', 'x', 'y', 'z', 'b']);
  });

  it('says where each word begins', () => {
    assert.deepEqual(
      split('  ab "c d"').words.map(({ column }) => column),
      [3, 6],
    );
  });

  it('warns of what is hardly meant', () => {
    const codes = (line: string): string[] => split(line).warnings.map(({ code }) => code);
    assert.deepEqual(codes('send a#b'), ['comment-in-word']);
    assert.deepEqual(codes('send ${P}'), ['variable-outside-quotes']);
    assert.deepEqual(codes('send $(cat /x)'), ['shell-substitution']);
    assert.deepEqual(codes('send "$(cat /x)"'), ['shell-substitution']);
    assert.deepEqual(codes('string abc$ # x'), []);
  });

  it('says where a quote was opened that nothing closes', () => {
    assert.deepEqual(splitLine('a "b', {}), {
      ok: false,
      problem: { column: 3, sentence: 'a " is not closed in its line' },
    });
    assert.equal(splitLine("a 'b", {}).ok, false);
    assert.equal(splitLine(String.raw`a \xZZ`, {}).ok, false);
  });
});
