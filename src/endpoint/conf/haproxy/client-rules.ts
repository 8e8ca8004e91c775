// `tcp-request connection|session|content accept|reject [if ...]`: which clients may come.

import type { ClientRule } from '../../endpoint-conf.ts';
import { readCondition } from './acl.ts';
import type { ProxyDraft } from './draft.ts';
import type { Cursor } from './statement.ts';

export function readTcpRequest(proxy: ProxyDraft, cursor: Cursor): void {
  const at = cursor.placeOf(cursor.first);
  const layer = cursor.choice('tcp-request', ['connection', 'session', 'content', 'inspect-delay'] as const);
  if (layer === null) return void cursor.rest();
  if (layer === 'inspect-delay') {
    // Nothing that clients say is looked at.
    cursor.timeMs('tcp-request inspect-delay');
    return;
  }
  const action = cursor.next()?.text;
  if (action !== 'accept' && action !== 'reject') {
    cursor.rest();
    cursor.report.unsupported(
      at,
      `tcp-request ${layer} ${action ?? ''} is not served: only accept and reject are`,
    );
    return;
  }
  if (proxy.kind === 'backend' && layer !== 'content') {
    cursor.rest();
    cursor.report.error(at, `tcp-request ${layer} stands in frontends and listens only`);
    return;
  }
  const when = readCondition(proxy, cursor);
  if (when === null) return;
  proxy.clientRules.push({ action, layer, when });
  proxy.clientRulesAt.push(at);
}

/** What a frontend says of who may come, and what its backend says; absent where everybody may. */
export function clientRulesOf(
  frontend: ProxyDraft,
  backend: ProxyDraft,
): { readonly clientRules?: readonly ClientRule[]; readonly backendRules?: readonly ClientRule[] } {
  const [own, its] = [frontend.clientRules, frontend === backend ? [] : backend.clientRules];
  return {
    ...(own.length === 0 ? {} : { clientRules: own }),
    ...(its.length === 0 ? {} : { backendRules: its }),
  };
}
