// `acl NAME CRITERION ...` and the conditions of rules: `if A !B or { src 10.0.0.0/8 }`, `unless ...`. Served are criteria on
// the two ends of a connection and on how servers fare; conditions on anything else are named and refused.

import { hint } from '../../../base/suggest.ts';
import { ALWAYS, type Condition, type NumberRange, type Term, type Test, isWithin } from '../../condition.ts';
import type { AddressRange } from '../../address-range.ts';
import type { ProxyDraft } from './draft.ts';
import { show } from './report.ts';
import type { Cursor } from './statement.ts';
import type { Word } from './words.ts';

/** HAProxy's own acls that ask for nothing, or for an address. */
const PREDEFINED: Readonly<Record<string, readonly Test[]>> = {
  TRUE: [{ kind: 'always' }],
  FALSE: [],
  LOCALHOST: [{ kind: 'address', of: 'source', ranges: [{ address: '127.0.0.0', bits: 8 }] }],
};

const SERVED =
  'src, dst, src_port, dst_port, nbsrv(BACKEND), srv_is_up(BACKEND/SERVER), always_true and always_false';

/** What to do in place of some that are not served. */
const INSTEAD: Readonly<Record<string, string>> = {
  be_conn: 'maxconn of a server makes clients wait',
  fe_conn: 'maxconn of a frontend makes clients wait',
  connslots: 'nbsrv(BACKEND) says whether it has servers, and maxconn of a server makes clients wait',
  srv_conn: 'maxconn of a server makes clients wait',
  path: 'give each backend a frontend with a bind of its own',
};

const OPERATORS: Readonly<Record<string, (value: number) => NumberRange>> = {
  eq: (value) => [value, value],
  ge: (value) => [value, Infinity],
  gt: (value) => [value + 1, Infinity],
  le: (value) => [-Infinity, value],
  lt: (value) => [-Infinity, value - 1],
};

/** `acl NAME src RANGE ...`; several of one name add up. */
export function readAcl(proxy: ProxyDraft, cursor: Cursor): void {
  const name = cursor.text('a name');
  const tests = readCriterion(proxy, cursor, cursor.rest());
  if (name === null || tests === null) return;
  proxy.acls.set(name, [...(proxy.acls.get(name) ?? []), ...tests]);
}

/** `if A !B or { src ... }`, `unless ...`, or nothing, which always holds; null after a complaint. */
export function readCondition(proxy: ProxyDraft, cursor: Cursor): Condition | null {
  const word = cursor.next();
  if (word === null) return ALWAYS;
  if (word.text !== 'if' && word.text !== 'unless') {
    cursor.rest();
    cursor.report.error(cursor.placeOf(word), `a condition begins with if or unless, not ${show(word.text)}`);
    return null;
  }
  const anyOf: Term[][] = [[]];
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
    const tests = text === '{' ? readAnonymous(proxy, cursor) : named(proxy, text, next, cursor);
    if (tests === null) {
      cursor.rest();
      return null;
    }
    anyOf.at(-1)?.push({ isNegated, tests });
    isNegated = false;
  }
  if (anyOf.some((all) => all.length === 0)) {
    cursor.report.error(cursor.placeOf(word), `${show(word.text)} takes the names of acls, or { src ... }`);
    return null;
  }
  return { isNegated: word.text === 'unless', anyOf };
}

/** Up to the closing brace. */
function readAnonymous(proxy: ProxyDraft, cursor: Cursor): readonly Test[] | null {
  const words: Word[] = [];
  for (let word = cursor.next(); word !== null && word.text !== '}'; word = cursor.next()) words.push(word);
  return readCriterion(proxy, cursor, words);
}

function named(proxy: ProxyDraft, name: string, word: Word, cursor: Cursor): readonly Test[] | null {
  const known = proxy.acls.get(name) ?? PREDEFINED[name];
  if (known === undefined) {
    const names = [...proxy.acls.keys(), ...Object.keys(PREDEFINED)];
    cursor.report.error(cursor.placeOf(word), `there is no acl ${show(name)} above${hint(name, names)}`);
  }
  return known ?? null;
}

/** The words of `src 10.0.0.0/8 ...`; null after a complaint. */
function readCriterion(proxy: ProxyDraft, cursor: Cursor, words: readonly Word[]): readonly Test[] | null {
  const [criterion, ...values] = words;
  if (criterion === undefined) {
    cursor.report.error(cursor.placeOf(cursor.first), `${show(cursor.first.text)} takes a condition`);
    return null;
  }
  const [, name = '', given] = /^([\w.]+)(?:\((.*)\))?$/.exec(criterion.text) ?? [];
  switch (name) {
    case 'src':
    case 'dst': {
      const ranges = readRanges(cursor, criterion, patternsOf(values, 'ip'));
      return ranges === null
        ? null
        : [{ kind: 'address', of: name === 'src' ? 'source' : 'destination', ranges }];
    }
    case 'src_port':
    case 'dst_port': {
      const ranges = readNumbers(cursor, criterion, patternsOf(values, 'int'));
      return ranges === null
        ? null
        : [{ kind: 'port', of: name === 'src_port' ? 'source' : 'destination', ranges }];
    }
    case 'nbsrv':
    case 'srv_is_up':
      return readServersTest(proxy, cursor, { criterion, isOfServer: name === 'srv_is_up', given }, values);
    case 'always_true':
    case 'always_false': {
      const ranges = values.length === 0 ? [AT_LEAST_ONE] : readNumbers(cursor, criterion, values);
      if (ranges === null) return null;
      return isWithin(ranges, name === 'always_true' ? 1 : 0) ? [{ kind: 'always' }] : [];
    }
    default: {
      const instead = INSTEAD[name] === undefined ? '' : `: ${INSTEAD[name]}`;
      cursor.report.unsupported(
        cursor.placeOf(criterion),
        `conditions ask for ${SERVED} only, not for ${show(criterion.text)}${instead}`,
      );
      return null;
    }
  }
}

const AT_LEAST_ONE: NumberRange = [1, Infinity];

/** Without the marks that say what they are anyway. */
function patternsOf(values: readonly Word[], type: 'ip' | 'int'): readonly Word[] {
  const [first, second] = values;
  const own = first?.text === '-m' && second?.text === type ? values.slice(2) : values;
  return own[0]?.text === '--' ? own.slice(1) : own;
}

/** `nbsrv(bk) ge 2`, `srv_is_up(bk/srv)`; without a backend in its own. */
function readServersTest(
  proxy: ProxyDraft,
  cursor: Cursor,
  asked: {
    readonly criterion: Word;
    readonly isOfServer: boolean;
    readonly given: string | undefined;
  },
  values: readonly Word[],
): readonly Test[] | null {
  const { criterion, isOfServer, given = '' } = asked;
  const at = cursor.placeOf(criterion);
  const [first = '', second] = given.split('/');
  const server = isOfServer ? (second ?? first) : null;
  const named = isOfServer ? (second === undefined ? '' : first) : given;
  if (server === '' || (named === '' && proxy.kind === 'frontend')) {
    const how = isOfServer ? 'srv_is_up(BACKEND/SERVER)' : 'nbsrv(BACKEND)';
    cursor.report.error(at, `a frontend has no servers of its own: say ${how}`);
    return null;
  }
  const patterns = patternsOf(values, 'int');
  const isBare = isOfServer && patterns.length === 0;
  const ranges = isBare ? [AT_LEAST_ONE] : readNumbers(cursor, criterion, patterns);
  if (ranges === null) return null;
  const test = { kind: 'servers-up', backend: named === '' ? proxy.name : named, server, ranges } as const;
  proxy.serversAsked.push({ test, at });
  return [test];
}

/** `2`, `1:3`, `ge 2`: an operator counts for all numbers behind it. */
function readNumbers(
  cursor: Cursor,
  criterion: Word,
  values: readonly Word[],
): readonly NumberRange[] | null {
  const ranges: NumberRange[] = [];
  let operator = 'eq';
  for (const word of values) {
    if (OPERATORS[word.text] !== undefined) {
      operator = word.text;
      continue;
    }
    const [, least = '', colon, most = ''] = /^(-?\d{1,15})?(:)?(-?\d{1,15})?$/.exec(word.text) ?? [];
    if (least === '' && most === '') return refuseNumber(cursor, word, criterion);
    if (colon === undefined) ranges.push((OPERATORS[operator] ?? exactly)(Number(least)));
    else ranges.push([least === '' ? -Infinity : Number(least), most === '' ? Infinity : Number(most)]);
  }
  return ranges.length === 0 ? refuseNumber(cursor, criterion, criterion) : ranges;
}

const exactly = (value: number): NumberRange => [value, value];

function refuseNumber(cursor: Cursor, word: Word, criterion: Word): null {
  const what = word === criterion ? 'nothing' : show(word.text);
  cursor.report.error(
    cursor.placeOf(word),
    `${criterion.text} takes numbers such as 2, 1:3 or ge 2, not ${what}`,
  );
  return null;
}

function readRanges(
  cursor: Cursor,
  criterion: Word,
  values: readonly Word[],
): readonly AddressRange[] | null {
  const [flag] = values;
  if (flag?.text === '-f') {
    cursor.report.unsupported(
      cursor.placeOf(flag),
      `${criterion.text} -f is not served: write the addresses here`,
    );
    return null;
  }
  const ranges = values.map((word) => ({ word, range: parseRange(word.text) }));
  const wrong = ranges.find(({ range }) => range === null);
  if (wrong !== undefined || values.length === 0) {
    const word = wrong?.word ?? criterion;
    cursor.report.error(
      cursor.placeOf(word),
      `${criterion.text} takes addresses such as 10.0.0.0/8 or fd00::/8, not ${wrong === undefined ? 'nothing' : show(word.text)}`,
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
