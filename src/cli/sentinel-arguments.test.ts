import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isSentinelName, parseSentinelArguments } from './sentinel-arguments.ts';

it('takes our own options out, wherever they stand, and leaves the rest as it is', () => {
  assert.deepEqual(
    parseSentinelArguments([
      's.conf',
      '--port',
      '1',
      '--fast-crash',
      'yes',
      '--sentinel',
      '--name',
      'a',
      '-',
    ]),
    {
      ok: true,
      value: { file: 's.conf', rest: ['--port', '1', '--sentinel', '-'], fastCrash: true, name: 'a' },
    },
  );
});

it('has no file when the first argument is an option (sentinel.md §2.1)', () => {
  assert.deepEqual(parseSentinelArguments(['--port', '1']), {
    ok: true,
    value: { file: null, rest: ['--port', '1'], fastCrash: false, name: null },
  });
});

it('refuses values our own options do not have', () => {
  assert.ok(!parseSentinelArguments(['s.conf', '--fast-crash']).ok);
  assert.ok(!parseSentinelArguments(['s.conf', '--fast-crash', 'maybe']).ok);
  assert.ok(!parseSentinelArguments(['s.conf', '--name', '--port']).ok);
});

it('knows the names of the programs it replaces (sentinel.md §2.1, §10.1)', () => {
  assert.ok(isSentinelName('redis-sentinel'));
  assert.ok(isSentinelName('valkey-sentinel-9'));
  assert.ok(!isSentinelName('baton'));
});
