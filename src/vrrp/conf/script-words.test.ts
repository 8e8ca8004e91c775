import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { commandWords, scriptLineWords } from './script-words.ts';

describe('the words of a line that names a script (vrrp.md §2.1)', () => {
  const cases: readonly (readonly [line: string, words: readonly string[] | null])[] = [
    [
      `notify_master "/x.sh 'two words' y" redis redis`,
      ['notify_master', "/x.sh 'two words' y", 'redis', 'redis'],
    ],
    ['notify /x.sh arg', ['notify', '/x.sh', 'arg']],
    [`script '/x.sh "a b"'`, ['script', '/x.sh "a b"']],
    ['script abcd" efg h jkl "mnop', ['script', 'abcd efg h jkl mnop']],
    ['script "/x.sh a\\ b"', ['script', '/x.sh a\\ b']],
    ['script "" redis', ['script', '', 'redis']],
    ['script "/x.sh', null],
    ["script '/x.sh", null],
  ];
  for (const [line, words] of cases) it(line, () => assert.deepEqual(scriptLineWords(line), words));
});

describe('the words of a command (vrrp.md §2.1)', () => {
  const cases: readonly (readonly [command: string, words: readonly string[] | null])[] = [
    [`/x.sh 'two words' y`, ['/x.sh', 'two words', 'y']],
    [String.raw`/x.sh a\ b \"c\"`, ['/x.sh', 'a b', '"c"']],
    [String.raw`x "\a\b\E\f\n\r\t\v\101\x41\cA\q"`, ['x', '\x07\b\x1b\f\n\r\t\vAA\x01q']],
    ['x a\\', ['x', 'a\\']],
    ['  ', []],
    [`x 'y`, null],
  ];
  for (const [command, words] of cases) it(command, () => assert.deepEqual(commandWords(command), words));
});
