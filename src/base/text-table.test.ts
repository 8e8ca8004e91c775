import assert from 'node:assert/strict';
import { it } from 'node:test';
import { displayWidth, renderTable } from './text-table.ts';

it('lines up columns and leaves no blanks at the end of a line', () => {
  assert.deepEqual(
    renderTable(
      [{ heading: 'NAME' }, { heading: 'OFFSET', align: 'right' }, { heading: 'LINK' }],
      [
        ['127.0.0.1:7001', '99', 'ok'],
        ['b', '123456789'],
      ],
    ),
    ['NAME               OFFSET  LINK', '127.0.0.1:7001         99  ok', 'b               123456789'],
  );
});

it('does not count colour codes, and counts characters outside the basic plane once', () => {
  assert.equal(displayWidth('\u001b[31mdown\u001b[39m'), 4);
  assert.equal(displayWidth('\u{1F600}'), 1);
});
