// How a bench says what it is doing and what it found.

/** What is going on, on a terminal; elsewhere nothing. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}

/** The value that a share `p` (0 to 1) of `values` does not exceed; NaN of none. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? Number.NaN;
}

/** Prints a Markdown table, so that it can go into the README as it is. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  progress('');
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  console.log(line(head));
  console.log(
    `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`,
  );
  for (const row of rows) console.log(line(row));
}

/** What was asked for, and whether it was so. */
export interface Verdict {
  readonly sentence: string;
  readonly isMet: boolean;
}

export function printVerdicts(verdicts: readonly Verdict[]): void {
  for (const { sentence, isMet } of verdicts) console.log(`${isMet ? 'met   ' : 'MISSED'} ${sentence}`);
}
