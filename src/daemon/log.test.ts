import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { formatLine, formatTimestamp, Log } from './log.ts';

const LEGACY = { logFormat: 'legacy', logTimestampFormat: 'legacy' } as const;
const DATE = new Date(2026, 2, 4, 5, 6, 7, 89);

it('writes lines as <pid>:X <day month year time> <mark> <text> (sentinel.md §2.7)', () => {
  assert.equal(
    formatLine(42, DATE, 'warning', '+sdown master m 127.0.0.1 7000', LEGACY),
    '42:X 04 Mar 2026 05:06:07.089 # +sdown master m 127.0.0.1 7000\n',
  );
  assert.deepEqual(
    (['debug', 'verbose', 'notice'] as const).map((level) => formatLine(1, DATE, level, 'x', LEGACY).at(-4)),
    ['.', '-', '*'],
  );
});

it('keeps one entry on one line, whatever is in it', () => {
  const line = formatLine(1, DATE, 'notice', 'a\nb\r\u0000c\u00e9', LEGACY);
  assert.ok(line.endsWith('* a?b??c\u00e9\n'));
});

it("knows Valkey's formats (sentinel.md §10.1)", () => {
  assert.match(
    formatLine(7, DATE, 'verbose', 'say "hi"', { logFormat: 'logfmt', logTimestampFormat: 'iso8601' }),
    /^pid=7 role=sentinel timestamp="2026-03-04T05:06:07\.089[+-]\d\d:\d\d" level=info message="say 'hi'"\n$/,
  );
  assert.equal(formatTimestamp(DATE, 'milliseconds'), String(DATE.getTime()));
});

it('drops what is below the level, and goes on in a new file after the old one was moved away', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'baton-log-'));
  const file = join(folder, 'log.txt');
  const forwarded: string[] = [];
  const log = new Log({
    ...LEGACY,
    level: 'notice',
    file,
    forward: (_level, text) => void forwarded.push(text),
  });
  log.write('verbose', 'one');
  log.write('notice', 'two');
  fs.renameSync(file, `${file}.1`);
  log.setLevel('verbose');
  log.write('verbose', 'three');
  log.setLevel('nothing');
  log.write('warning', 'four');
  assert.match(fs.readFileSync(`${file}.1`, 'latin1'), /^\d+:X .* \* two\n$/);
  assert.match(fs.readFileSync(file, 'latin1'), /^\d+:X .* - three\n$/);
  assert.deepEqual(forwarded, ['two', 'three']);
  fs.rmSync(folder, { recursive: true });
  log.setLevel('notice');
  log.write('notice', 'the folder is gone');
});
