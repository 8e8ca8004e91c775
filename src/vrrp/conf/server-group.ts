// Reads what stands beside virtual servers: virtual_server_group, and SSL (vrrp.md §2.3).

import { formatAddress, parseAddress } from '../ip-address.ts';
import { entriesOf, type Keywords, keywordTable, readStatements } from './blocks.ts';
import { PORT_MAX } from './checkers.ts';
import { type Report, show } from './problems.ts';
import type { ServerGroupConf, SslConf } from './servers.ts';
import type { Statement } from './tree.ts';
import { integerIn, readText } from './values.ts';

const MARK_MAX = 2 ** 31 - 1;

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** Reads a virtual_server_group: addresses, ranges of addresses (`10.0.0.1-9 PORT`) and firewall marks. */
export function readServerGroup(report: Report, block: Statement, name: string): ServerGroupConf {
  const entries = entriesOf(report, block).flatMap(({ keyword, values }): ServerGroupConf['entries'] => {
    const [second] = values;
    if (keyword.text === 'fwmark' && second !== undefined) {
      const mark = integerIn(report, second, 'fwmark', 1, MARK_MAX);
      return mark === null ? [] : [{ kind: 'fwmark', mark }];
    }
    const range = splitRange(keyword.text);
    if (range === null) {
      report.error(
        keyword,
        'bad-address',
        `${show(keyword.text)} is no IP address and no range like 10.0.0.1-9`,
      );
      return [];
    }
    const port = second === undefined ? 0 : integerIn(report, second, 'the port', 0, PORT_MAX);
    return port === null ? [] : [{ kind: 'addresses', ...range, port }];
  });
  return { name, entries };
}

/** The last number of the address up to the one after the dash: decimal in IPv4, hexadecimal in IPv6. */
function splitRange(text: string): { readonly from: string; readonly to: string } | null {
  const [first = '', last, ...rest] = text.split('-');
  const from = parseAddress(first);
  if (from === null || rest.length > 0) return null;
  if (last === undefined) return { from: formatAddress(from), to: formatAddress(from) };
  const to = parseAddress(first.replace(/[^.:]*$/, last));
  return to === null ? null : { from: formatAddress(from), to: formatAddress(to) };
}

const SSL_KEYWORDS: Keywords<Mutable<SslConf>> = keywordTable<Mutable<SslConf>>({
  password: (draft, statement, report) => void (draft.password = readText(report, statement, 'a password')),
  ca: (draft, statement, report) => void (draft.ca = readText(report, statement, 'a file')),
  certificate: (draft, statement, report) => void (draft.certificate = readText(report, statement, 'a file')),
  key: (draft, statement, report) => void (draft.key = readText(report, statement, 'a file')),
});

export function readSsl(report: Report, block: Statement): SslConf {
  const draft: Mutable<SslConf> = { password: null, ca: null, certificate: null, key: null };
  readStatements(report, 'SSL', block.block ?? [], SSL_KEYWORDS, draft);
  return draft;
}
