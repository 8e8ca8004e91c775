// The rules of the house that a machine can check: which room may import which, and which may touch Node.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { it } from 'node:test';

/** Room -> what it may import: rooms, packages, and `node:` where it is a shell. `base` is open to all. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  resp: [],
  sentinel: ['resp'],
  vrrp: [],
  endpoint: ['resp'],
  importers: ['vrrp', 'endpoint'],
  sim: ['resp', 'sentinel', 'vrrp', 'endpoint'],
  net: ['resp', 'sentinel', 'endpoint', 'node:'],
  store: ['node:'],
  notify: ['node:', 'nodemailer/lib/mail-composer', 'nodemailer/lib/smtp-connection'],
  os: ['endpoint', 'koffi', 'node:'],
  redis: ['node:'],
  daemon: ['resp', 'sentinel', 'vrrp', 'endpoint', 'os', 'net', 'store', 'notify', 'redis', 'node:'],
  api: ['sentinel', 'daemon', 'node:', 'hono', '@hono/node-server'],
  demo: ['resp', 'sentinel', 'redis', 'daemon', 'node:', 'ioredis'],
  cli: [
    'resp',
    'sentinel',
    'vrrp',
    'endpoint',
    'importers',
    'os',
    'sim',
    'net',
    'store',
    'notify',
    'redis',
    'daemon',
    'api',
    'demo',
    'node:',
    'commander',
  ],
  // src/main.ts, the bundle's entry.
  '.': ['cli', 'node:'],
};

const source = resolve(process.cwd(), 'src');

function* sourceFiles(): Generator<string> {
  for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts')) {
      yield join(entry.parentPath, entry.name);
    }
  }
}

function roomOf(path: string): string {
  const parts = relative(source, path).split('/');
  return parts.length === 1 ? '.' : (parts[0] as string);
}

it('every import points down the list of rooms, and pure rooms import no node: module', () => {
  const wrong: string[] = [];
  for (const file of sourceFiles()) {
    const room = roomOf(file);
    const allowed = MAY_IMPORT[room];
    if (allowed === undefined) {
      wrong.push(`${relative(source, file)}: the room ${room}/ is not in the table`);
      continue;
    }
    for (const [, statically, dynamically = ''] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export)\b[^;]*?from\s+'([^']+)'|\bimport\('([^']+)'\)/gm,
    )) {
      const name = statically ?? dynamically;
      const target = name.startsWith('.')
        ? roomOf(resolve(dirname(file), name))
        : name.replace(/^node:.*/, 'node:');
      if (target !== room && target !== 'base' && !allowed.includes(target)) {
        wrong.push(`${relative(source, file)}: ${room}/ must not import ${name}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

it('every source file opens with a comment that says what it is', () => {
  const silent = [...sourceFiles()].filter(
    (file) => !/^(#!.*\n)?(\/\/|\/\*)/.test(readFileSync(file, 'utf8')),
  );
  assert.deepEqual(
    silent.map((file) => relative(source, file)),
    [],
  );
});

it('only os/ speaks of koffi, and loads it by a call and not by an import', () => {
  for (const file of sourceFiles()) {
    const text = readFileSync(file, 'utf8');
    const mentions = [...text.matchAll(/^.*['"]koffi['"].*$/gm)].map(([line]) => line);
    if (roomOf(file) !== 'os') assert.deepEqual(mentions, [], relative(source, file));
    const imports = mentions.filter((line) => /\bfrom\b|\bimport\(/.test(line));
    assert.ok(
      imports.every((line) => line.startsWith('import type ')),
      relative(source, file),
    );
  }
});
