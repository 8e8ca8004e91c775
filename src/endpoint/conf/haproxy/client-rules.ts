// `acl NAME src ...` and `tcp-request connection|content accept|reject [if ...]`: which clients may come, by their address.
// Conditions on anything else are named and refused.

import { hint } from '../../../base/suggest.ts';
import type { AddressRange, ClientCondition, ClientRule } from '../../endpoint-conf.ts';
import type { ProxyDraft } from './draft.ts';
import { show } from './report.ts';
import type { Cursor } from './statement.ts';
import type { Word } from './words.ts';

/** HAProxy's own acls that ask for nothing, or for an address. */
const PREDEFINED: Readonly<Record<string, readonly AddressRange[] | 'always'>> = {
  TRUE: 'always',
  FALSE: [],
  LOCALHOST: [{ address: '127.0.0.0', bits: 8 }],
};
const EVERYBODY: readonly AddressRange[] = [
  { address: '0.0.0.0', bits: 0 },
  { address: '::', bits: 0 },
];

/** `acl NAME src RANGE ...`; several of one name add up. */
export function readAcl(proxy: ProxyDraft, cursor: Cursor): void {
  const name = cursor.text('a name');
  const ranges = readCriterion(cursor, cursor.rest());
  if (name === null || ranges === null) return;
  proxy.acls.set(name, [...(proxy.acls.get(name) ?? []), ...ranges]);
}

/** The words of `src 10.0.0.0/8 ...`; null after a complaint. */
function readCriterion(cursor: Cursor, words: readonly Word[]): AddressRange[] | null {
  const [criterion, ...values] = words;
  if (criterion === undefined) {
    cursor.report.error(cursor.placeOf(cursor.first), `${show(cursor.first.text)} takes a condition`);
    return null;
  }
  if (criterion.text !== 'src') {
    cursor.report.unsupported(
      cursor.placeOf(criterion),
      `conditions ask for "src" (the client's address) only, not for ${show(criterion.text)}`,
    );
    return null;
  }
  const ranges = values.map((word) => ({ word, range: parseRange(word.text) }));
  const wrong = ranges.find(({ range }) => range === null);
  if (wrong !== undefined || values.length === 0) {
    const word = wrong?.word ?? criterion;
    cursor.report.error(
      cursor.placeOf(word),
      `src takes addresses such as 10.0.0.0/8 or fd00::/8, not ${wrong === undefined ? 'nothing' : show(word.text)}`,
    );
    return null;
  }
  return ranges.flatMap(({ range }) => range ?? []);
}

/** `10.0.0.1`, `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `fd00::/8`. */
function parseRange(text: string): AddressRange | null {
  const [address = '', mask, ...more] = text.split('/');
  const isIpv4 = isIpv4Text(address);
  if (more.length > 0 || (!isIpv4 && !/^[\da-f:]*:[\da-f:.]*$/i.test(address))) return null;
  const most = isIpv4 ? 32 : 128;
  if (mask === undefined) return { address, bits: most };
  const bits = isIpv4 && isIpv4Text(mask) ? bitsOf(mask) : /^\d{1,3}$/.test(mask) ? Number(mask) : null;
  return bits === null || bits > most ? null : { address, bits };
}

const isIpv4Text = (text: string): boolean =>
  /^(?:\d{1,3}\.){3}\d{1,3}$/.test(text) && text.split('.').every((part) => Number(part) < 256);

/** Of a mask; null: it has a hole. */
function bitsOf(mask: string): number | null {
  const digits = mask
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(digits) ? digits.replaceAll('0', '').length : null;
}

/** `tcp-request ...` of a frontend or listen. */
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
  if (proxy.kind === 'backend') {
    cursor.rest();
    cursor.report.unsupported(at, 'tcp-request is served in frontends and listens only');
    return;
  }
  const when = readCondition(proxy, cursor);
  if (when === null) return;
  proxy.clientRules.push({ action, isOfConnection: layer === 'connection', when });
  proxy.clientRulesAt.push(at);
}

/** `if A !B or { src ... }`, `unless ...`, or nothing; null after a complaint. */
function readCondition(proxy: ProxyDraft, cursor: Cursor): ClientCondition | null {
  const word = cursor.next();
  if (word === null) return { isNegated: false, anyOf: [[{ isNegated: false, ranges: EVERYBODY }]] };
  if (word.text !== 'if' && word.text !== 'unless') {
    cursor.rest();
    cursor.report.error(cursor.placeOf(word), `a condition begins with if or unless, not ${show(word.text)}`);
    return null;
  }
  const anyOf: { isNegated: boolean; ranges: readonly AddressRange[] }[][] = [[]];
  let isNegated = false;
  for (let next = cursor.next(); next !== null; next = cursor.next()) {
    let { text } = next;
    if (text === '||' || text.toLowerCase() === 'or') {
      anyOf.push([]);
      continue;
    }
    while (text.startsWith('!')) {
      isNegated = !isNegated;
      text = text.slice(1);
    }
    if (text === '') continue;
    const ranges = text === '{' ? readAnonymous(cursor) : named(proxy, text, next, cursor);
    if (ranges === null) {
      cursor.rest();
      return null;
    }
    anyOf.at(-1)?.push({ isNegated, ranges });
    isNegated = false;
  }
  if (anyOf.some((all) => all.length === 0)) {
    cursor.report.error(cursor.placeOf(word), `${show(word.text)} takes the names of acls, or { src ... }`);
    return null;
  }
  return { isNegated: word.text === 'unless', anyOf };
}

/** Up to the closing brace. */
function readAnonymous(cursor: Cursor): readonly AddressRange[] | null {
  const words: Word[] = [];
  for (let word = cursor.next(); word !== null && word.text !== '}'; word = cursor.next()) words.push(word);
  return readCriterion(cursor, words);
}

function named(proxy: ProxyDraft, name: string, word: Word, cursor: Cursor): readonly AddressRange[] | null {
  const known = proxy.acls.get(name) ?? PREDEFINED[name];
  if (known === 'always') return EVERYBODY;
  if (known === undefined) {
    const names = [...proxy.acls.keys(), ...Object.keys(PREDEFINED)];
    cursor.report.error(cursor.placeOf(word), `there is no acl ${show(name)} above${hint(name, names)}`);
    return null;
  }
  return known;
}

/** What a frontend says of who may come; absent where everybody may. */
export const clientRulesOf = ({
  clientRules,
}: ProxyDraft): { readonly clientRules?: readonly ClientRule[] } =>
  clientRules.length === 0 ? {} : { clientRules };
