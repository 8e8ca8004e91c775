import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeCommand, encodeReply } from './encode.ts';
import { bulk, textMap, type Reply } from './reply.ts';

it('encodes a command as an array of bulk strings, lengths in bytes', () => {
  assert.equal(
    encodeCommand(['SET', 'caf\xc3\xa9', '']),
    '*3\r\n$3\r\nSET\r\n$5\r\ncaf\xc3\xa9\r\n$0\r\n\r\n',
  );
});

describe('encodeReply', () => {
  const cases: readonly (readonly [reply: Reply, resp2: string, resp3: string])[] = [
    [{ kind: 'simple', text: 'OK' }, '+OK\r\n', '+OK\r\n'],
    [{ kind: 'simple', text: 'a\r\nb' }, '+a  b\r\n', '+a  b\r\n'],
    [{ kind: 'error', text: 'ERR a\nb' }, '-ERR a b\r\n', '-ERR a b\r\n'],
    [{ kind: 'integer', value: -3 }, ':-3\r\n', ':-3\r\n'],
    [{ kind: 'integer', value: 2n ** 63n - 1n }, ':9223372036854775807\r\n', ':9223372036854775807\r\n'],
    [bulk('a\r\n'), '$3\r\na\r\n\r\n', '$3\r\na\r\n\r\n'],
    [{ kind: 'null' }, '$-1\r\n', '_\r\n'],
    [{ kind: 'null-array' }, '*-1\r\n', '_\r\n'],
    [
      { kind: 'array', items: [bulk('a'), { kind: 'null' }] },
      '*2\r\n$1\r\na\r\n$-1\r\n',
      '*2\r\n$1\r\na\r\n_\r\n',
    ],
    [{ kind: 'set', items: [bulk('a')] }, '*1\r\n$1\r\na\r\n', '~1\r\n$1\r\na\r\n'],
    [{ kind: 'push', items: [bulk('a')] }, '*1\r\n$1\r\na\r\n', '>1\r\n$1\r\na\r\n'],
    [textMap([['k', 'v']]), '*2\r\n$1\r\nk\r\n$1\r\nv\r\n', '%1\r\n$1\r\nk\r\n$1\r\nv\r\n'],
    [{ kind: 'double', value: 1.5 }, '$3\r\n1.5\r\n', ',1.5\r\n'],
    [{ kind: 'double', value: -Infinity }, '$4\r\n-inf\r\n', ',-inf\r\n'],
    [{ kind: 'boolean', value: true }, ':1\r\n', '#t\r\n'],
    [{ kind: 'boolean', value: false }, ':0\r\n', '#f\r\n'],
    [
      { kind: 'big-number', value: 10n ** 20n },
      '$21\r\n100000000000000000000\r\n',
      '(100000000000000000000\r\n',
    ],
    [{ kind: 'verbatim', format: 'txt', value: 'a\nb' }, '$3\r\na\nb\r\n', '=7\r\ntxt:a\nb\r\n'],
  ];
  for (const [reply, resp2, resp3] of cases) {
    it(`writes ${JSON.stringify(resp3)} in RESP3 and ${JSON.stringify(resp2)} in RESP2`, () => {
      assert.equal(encodeReply(reply, 2), resp2);
      assert.equal(encodeReply(reply, 3), resp3);
    });
  }
});
