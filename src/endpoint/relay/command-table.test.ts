import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytesOf } from '../../base/byte-string.ts';
import { BUILT_IN_NAMES, CommandTable, UNKNOWN } from './command-table.ts';

const find = (table: CommandTable, name: string) => table.find(bytesOf(name), 0, name.length);

describe('CommandTable', () => {
  it('finds every command it was built from, in any case: no two share a hash', () => {
    const table = new CommandTable();
    for (const name of BUILT_IN_NAMES) {
      assert.equal(find(table, name).name, name);
      assert.equal(find(table, name.toLowerCase()).name, name);
      assert.equal(table.findText(name.toLowerCase()).name, name);
    }
    assert.equal(new Set(BUILT_IN_NAMES).size, BUILT_IN_NAMES.length);
  });

  it('knows nothing of the rest', () => {
    const table = new CommandTable();
    for (const name of ['', 'GETX', 'FT.SEARCH', 'g\u00e9t', 'GE']) assert.equal(find(table, name), UNKNOWN);
  });

  it('learns from a server what leaves nothing behind, and never changes what it knows', () => {
    const table = new CommandTable();
    table.learn([
      { name: 'ft.search', flags: ['readonly', 'module'] },
      { name: 'ft.add', flags: ['write'] },
      { name: 'x.block', flags: ['write', 'blocking'] },
      { name: 'x.session', flags: ['noscript'] },
      { name: 'get', flags: ['write'] },
    ]);
    assert.equal(find(table, 'FT.SEARCH').effect, 'read');
    assert.equal(find(table, 'FT.ADD').effect, 'write');
    assert.equal(find(table, 'X.BLOCK'), UNKNOWN);
    assert.equal(find(table, 'X.SESSION'), UNKNOWN);
    assert.equal(find(table, 'GET').effect, 'read');
  });
});
