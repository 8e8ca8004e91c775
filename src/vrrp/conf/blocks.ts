// A block read by a table: each keyword leads to what reads it, and a keyword without a reader is one that keepalived
// knows and we do not do. That is said by name, as are unknown words, with what may have been meant.

import { type Report, show, showName } from './problems.ts';
import { hint } from '../../base/suggest.ts';
import type { Statement } from './tree.ts';

/** Reads one statement into `draft`. */
export type Reader<Draft> = (draft: Draft, statement: Statement, report: Report) => void;

export interface Keyword<Draft> {
  /** null: keepalived knows it, we do not do it. */
  readonly read: Reader<Draft> | null;
  /** Whether braces must follow it. */
  readonly hasBlock: boolean;
}

export type Keywords<Draft> = ReadonlyMap<string, Keyword<Draft>>;

/** Words parted by blanks, as a list. */
export function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** A table of what has a reader, what has one and a block, and (as one text) what keepalived knows. */
export function keywordTable<Draft>(
  lines: Readonly<Record<string, Reader<Draft>>>,
  blocks: Readonly<Record<string, Reader<Draft>>> = {},
  unsupported = '',
): Keywords<Draft> {
  return new Map<string, Keyword<Draft>>([
    ...words(unsupported).map((name) => [name, { read: null, hasBlock: false }] as const),
    ...Object.entries(lines).map(([name, read]) => [name, { read, hasBlock: false }] as const),
    ...Object.entries(blocks).map(([name, read]) => [name, { read, hasBlock: true }] as const),
  ]);
}

/** Words that only stand at the top of the file: inside a block they mean that a `}` is missing. */
export const ROOT_BLOCKS: readonly string[] = words(
  'global_defs vrrp_script vrrp_track_process vrrp_sync_group vrrp_instance virtual_server virtual_server_group garp_group static_ipaddress static_routes static_rules bfd_instance',
);

/** Reads the statements of `owner`'s block by `table`. `owner` null: `statements` are the file's own. */
export function readStatements<Draft>(
  report: Report,
  owner: string | null,
  statements: readonly Statement[],
  table: Keywords<Draft>,
  draft: Draft,
  readDirective: Reader<Draft> = strayDirective,
): void {
  for (const statement of statements) {
    if (statement.kind === 'directive') {
      readDirective(draft, statement, report);
      continue;
    }
    const { keyword, block } = statement;
    const known = table.get(keyword.text);
    if (known === undefined) {
      unknownKeyword(report, owner, statement, table.keys());
    } else if (known.read === null) {
      const sentence = `${show(keyword.text)} is not supported: keepalived knows it, baton does not do what it asks`;
      report.unsupported(keyword, 'unsupported', sentence);
    } else if (known.hasBlock && block === null) {
      report.error(keyword, 'missing-block', `${show(keyword.text)} is followed by { ... }`);
    } else if (!known.hasBlock && block !== null) {
      report.error(keyword, 'unexpected-block', `${show(keyword.text)} takes no { ... }`);
    } else {
      known.read(draft, statement, report);
    }
  }
}

function unknownKeyword(
  report: Report,
  owner: string | null,
  { keyword, block }: Statement,
  known: Iterable<string>,
): void {
  if (owner !== null && ROOT_BLOCKS.includes(keyword.text)) {
    const sentence = `${show(keyword.text)} stands inside ${owner}: is a } missing before it?`;
    return report.error(keyword, 'missing-brace', sentence);
  }
  const inside = owner === null ? '' : ` in ${owner}`;
  const skipped = block === null ? '' : '; its whole block is skipped';
  const sentence = `unknown keyword ${showName(keyword.text)}${inside}${hint(keyword.text, known)}${skipped}`;
  report.unsupported(keyword, 'unknown-keyword', sentence);
}

/** A directive where none is read. */
export function strayDirective(_draft: unknown, { keyword }: Statement, report: Report): void {
  const sentence = `baton has no directive ${show(keyword.text)} here; they stand inside vrrp_instance, vrrp_sync_group, vrrp_script or global_defs`;
  report.error(keyword, 'stray-directive', sentence);
}

/** The entries of a list block: one to a line, none with a block of its own. */
export function entriesOf(report: Report, statement: Statement): readonly Statement[] {
  return (statement.block ?? []).filter((entry) => {
    if (entry.kind === 'directive') strayDirective(null, entry, report);
    else if (ROOT_BLOCKS.includes(entry.keyword.text)) {
      unknownKeyword(report, statement.keyword.text, entry, []);
    } else if (entry.block !== null) {
      report.error(
        entry.keyword,
        'unexpected-block',
        `an entry of ${show(statement.keyword.text)} takes no { ... }`,
      );
    } else return true;
    return false;
  });
}
