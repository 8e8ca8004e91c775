import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compilePattern } from './pcre.ts';

function matches(pattern: string, text: string): boolean {
  const compiled = compilePattern(pattern);
  assert.ok(compiled.ok, compiled.ok ? '' : compiled.problem);
  return compiled.value.test(text);
}

describe('patterns of PCRE', () => {
  for (const [pattern, text, isFound] of [
    ['connected_slaves:[1-9]', 'connected_slaves:2', true],
    ['connected_slaves:[1-9]', 'connected_slaves:0', false],
    ['(?i)ROLE', 'role:master', true],
    ['a.c', 'a\nc', false],
    ['a.c', 'a\rc', true],
    ['(?s)a.c', 'a\nc', true],
    ['abc$', 'abc\n', true],
    ['abc$', 'abc\r\n', false],
    ['(?m)^b$', 'a\nb\nc', true],
    ['^b', 'a\nb', false],
    ['\\Aa\\z', 'a\n', false],
    ['[[:digit:]]+x', 'a12x', true],
    ['[]x]', ']', true],
    ['[^]x]', ']', false],
    ['[a[b]', '[', true],
    ['\\Qa.b\\Ec', 'a.bc', true],
    ['\\Qa.b\\Ec', 'axbc', false],
    ['(?P<n>x)(?#comment)y', 'xy', true],
    ['\\x{ab}', '\xab', true],
    ['(?:a|b)(?=c)', 'bc', true],
  ] as const) {
    it(`${isFound ? 'finds' : 'does not find'} ${pattern} in ${JSON.stringify(text)}`, () => {
      assert.equal(matches(pattern, text), isFound);
    });
  }

  it('names what it cannot do', () => {
    for (const pattern of [
      '(?>a)',
      'a++',
      '\\Ka',
      '(?R)',
      '[[:foo:]]',
      '(',
      '[a',
      'a\\',
      'x'.repeat(5_000),
    ]) {
      const compiled = compilePattern(pattern);
      assert.ok(!compiled.ok && compiled.problem.length > 5, pattern);
    }
  });
});
