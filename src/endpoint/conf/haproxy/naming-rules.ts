// `use_backend NAME [if ...]` and `use-server NAME if ...`: whom some clients are led to.

import { readCondition } from './acl.ts';
import type { NamingRule, ProxyDraft } from './draft.ts';
import { show } from './report.ts';
import type { Cursor } from './statement.ts';

export function readUseBackend(proxy: ProxyDraft, cursor: Cursor): void {
  if (proxy.kind === 'backend') {
    cursor.rest();
    return cursor.report.error(
      cursor.placeOf(cursor.first),
      'use_backend stands in frontends and listens only',
    );
  }
  const rule = readRule(proxy, cursor, 'a backend');
  if (rule !== null) proxy.backendRules.push(rule);
}

export function readUseServer(proxy: ProxyDraft, cursor: Cursor): void {
  const rule = readRule(proxy, cursor, 'a server');
  if (rule === null) return;
  if (proxy.kind === 'frontend') {
    const sentence = "'use-server' does nothing in a frontend: put it into a backend";
    cursor.report.warn(cursor.placeOf(cursor.first), sentence);
  } else if (rule.isForAll)
    cursor.report.error(rule.at, `use-server takes a condition: if ... or unless ...`);
  else proxy.serverRules.push(rule);
}

function readRule(proxy: ProxyDraft, cursor: Cursor, what: string): NamingRule | null {
  const at = cursor.place;
  const name = cursor.text(what);
  if (name === null) return null;
  if (name.includes('%[')) {
    cursor.rest();
    cursor.report.unsupported(at, `a name that is made up for each client (${show(name)}) is not served`);
    return null;
  }
  const isForAll = cursor.peek() === null;
  const when = readCondition(proxy, cursor);
  return when === null ? null : { name, when, isForAll, at };
}
