// Glob patterns: the cases of the documentation, and a property against the obvious recursive definition.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { globMatches } from './glob.ts';

/** The definition, exponential and obvious; for patterns of literals, `?` and `*`. */
function matchesByDefinition(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  if (pattern[0] === '*') {
    return (
      matchesByDefinition(pattern.slice(1), text) ||
      (text !== '' && matchesByDefinition(pattern, text.slice(1)))
    );
  }
  if (text === '' || (pattern[0] !== '?' && pattern[0] !== text[0])) return false;
  return matchesByDefinition(pattern.slice(1), text.slice(1));
}

describe('glob patterns', () => {
  const cases: [pattern: string, text: string, matches: boolean][] = [
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'anything at all', true],
    ['h?llo', 'hello', true],
    ['h?llo', 'hllo', false],
    ['h*llo', 'heeeello', true],
    ['h[ae]llo', 'hallo', true],
    ['h[ae]llo', 'hillo', false],
    ['h[^e]llo', 'hallo', true],
    ['h[^e]llo', 'hello', false],
    ['h[a-c]llo', 'hbllo', true],
    ['h[c-a]llo', 'hbllo', true],
    ['h[a-c]llo', 'hdllo', false],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['a\\', 'a\\', true],
    ['[\\]]', ']', true],
    // As in Redis, a bracket after a dash ends a range, not the class.
    ['[+-]', '-', true],
    ['[a-]', '-', false],
    ['[]', 'a', false],
    ['[^]', 'a', true],
    ['[abc', 'b', true],
    ['*a*b*', 'xxaxxbxx', true],
    ['*ab', 'aab', true],
    ['mymaster*', 'MYMASTER1', false],
  ];
  for (const [pattern, text, matches] of cases) {
    it(`${JSON.stringify(pattern)} ${matches ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, () => {
      assert.equal(globMatches(pattern, text), matches);
    });
  }

  it('folds case when asked to, in classes too', () => {
    assert.equal(globMatches('ANNOUNCE-[I]*', 'announce-ip', 'ignore-case'), true);
  });

  it('agrees with the recursive definition', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
    fc.assert(
      fc.property(letters, text, (pattern, given) => {
        assert.equal(globMatches(pattern, given), matchesByDefinition(pattern, given));
      }),
    );
  });

  it('takes no more than the product of the lengths for a hostile pattern', () => {
    assert.equal(globMatches(`${'*a'.repeat(500)}b`, 'a'.repeat(5000)), false);
  });
});
