// Tables of text whose columns line up on a terminal. Cells may carry colour codes: these take no room.

/** One column: its heading, and which side its cells lean on. */
export interface Column {
  readonly heading: string;
  readonly align?: 'left' | 'right';
}

// eslint-disable-next-line no-control-regex -- the escape character is what is looked for
const COLOUR_CODE = /\u001b\[[0-9;]*m/g;

/** How many terminal cells `text` takes: characters, not UTF-16 units, and no colour codes. */
export function displayWidth(text: string): number {
  return Array.from(text.replace(COLOUR_CODE, '')).length;
}

/** `text` filled up with blanks to `width` cells. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'left' ? text + blanks : blanks + text;
}

/**
 * Lines of a table, headings first, two blanks between columns, no blanks at the end of a line. Rows may be shorter
 * than the headings. `decorateHeading` may colour a heading (after it was padded).
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  decorateHeading: (text: string) => string = (text) => text,
): string[] {
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.heading), ...rows.map((row) => displayWidth(row[index] ?? ''))),
  );
  const line = (cells: readonly string[], decorate: (text: string) => string): string =>
    columns
      .map((column, index) => {
        const isLast = index === columns.length - 1;
        const width = isLast && column.align !== 'right' ? 0 : (widths[index] ?? 0);
        return decorate(pad(cells[index] ?? '', width, column.align));
      })
      .join('  ')
      .trimEnd();
  return [
    line(
      columns.map((column) => column.heading),
      decorateHeading,
    ),
    ...rows.map((row) => line(row, (text) => text)),
  ];
}
