// Plays the scenarios of testdata/ and compares everything the machine did with what is written there. With REWRITE=1
// the files are written anew: commit such a change only if you know what caused it.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { replay } from './transcript.ts';

const folder = resolve(process.cwd(), 'src/sentinel/testdata');

describe('transcripts', () => {
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.txt'))) {
    it(name.replace(/\.txt$/, '').replaceAll('-', ' '), () => {
      const path = join(folder, name);
      const before = readFileSync(path, 'utf8');
      const after = replay(before);
      if (process.env['REWRITE'] === '1') writeFileSync(path, after);
      else assert.equal(after, before);
    });
  }
});
