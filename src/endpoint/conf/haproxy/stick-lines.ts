// `stick-table` and `stick on|match|store-request`. Served are clients that stay with a server by their own address, and
// keys that are the same for all of them, which people use so that a server that returns does not take them back.

import type { BackendConf, Role } from '../../endpoint-conf.ts';
import type { PersistTable } from '../../relay/persistence.ts';
import type { ProxyDraft } from './draft.ts';
import { show, type Place, type Report } from './report.ts';
import { type Cursor, parseTimeMs } from './statement.ts';

export interface StickTable {
  readonly size: number;
  /** null: what is in it stays. */
  readonly expireMs: number | null;
  /** A full one takes nothing new. */
  readonly isFixed: boolean;
}

export interface StickRule {
  readonly verb: 'on' | 'match' | 'store-request';
  readonly key: 'source' | 'same';
  readonly at: Place;
}

const TYPES: readonly string[] = ['ip', 'ipv6', 'integer', 'string', 'binary'];
const SUFFIXES: Readonly<Record<string, number>> = { '': 1, k: 1_024, m: 1_024 ** 2, g: 1_024 ** 3 };
/** More are not remembered. */
const ADDRESSES_MAX = 1_000_000;

/** `stick-table type ip size 200k expire 30m nopurge peers X store ...`, in any order. */
export function readStickTable(proxy: ProxyDraft, cursor: Cursor): void {
  const at = cursor.placeOf(cursor.first);
  let size: number | null = null;
  let expireMs: number | null = null;
  let isFixed = false;
  let hasType = false;
  for (let word = cursor.next(); word !== null; word = cursor.next()) {
    const place = cursor.placeOf(word);
    switch (word.text) {
      case 'type': {
        const type = cursor.text('a type');
        if (type === null || !TYPES.includes(type))
          return cursor.report.error(place, `type is one of ${TYPES.join(', ')}, not ${show(type ?? '')}`);
        hasType = true;
        break;
      }
      case 'len':
        cursor.integer('len', 1, 65_535);
        break;
      case 'size':
        size = parseSize(cursor.text('a number') ?? '');
        if (size === null) return cursor.report.error(place, 'size is a number such as 1000 or 200k');
        break;
      case 'expire':
        expireMs = parseTimeMs(cursor.text('a time') ?? '');
        if (expireMs === null) return cursor.report.error(place, 'expire is a time such as 30m or 1h');
        break;
      case 'nopurge':
        isFixed = true;
        break;
      case 'peers':
        cursor.next();
        cursor.report.warn(
          place,
          'what stays where is known to this process only: peers get and give nothing',
        );
        break;
      case 'store':
        cursor.next();
        cursor.report.warn(place, 'counters of stick tables are not kept');
        break;
      default:
        return cursor.report.unsupported(
          place,
          `a stick-table has no ${show(word.text)} here: it takes type, size, expire, nopurge`,
        );
    }
  }
  if (!hasType || size === null)
    return cursor.report.error(at, `a stick-table takes a ${hasType ? 'size' : 'type'}: type ip size 200k`);
  proxy.stickTable = { size, expireMs, isFixed };
}

/** null: it is none, or 0. */
function parseSize(text: string): number | null {
  const [, digits, suffix = ''] = /^(\d{1,12})([kmg])?$/i.exec(text) ?? [];
  const size = Number(digits) * (SUFFIXES[suffix.toLowerCase()] ?? 1);
  return size > 0 ? size : null;
}

export function readStick(proxy: ProxyDraft, cursor: Cursor): void {
  const at = cursor.placeOf(cursor.first);
  const verb = cursor.choice('stick', ['on', 'match', 'store-request', 'store-response'] as const);
  if (verb === null) return void cursor.rest();
  const { place } = cursor;
  const text = cursor.text('a key such as src or dst');
  if (text === null) return;
  const isSame = /^(?:dst|int\(-?\d+\)|str\([^)]*\))$/.test(text);
  if (verb === 'store-response' || (text !== 'src' && !isSame)) {
    cursor.rest();
    return cursor.report.unsupported(
      place,
      `stick ${verb} ${show(text)} is not served: keys are src, dst, int(1) and str(x)`,
    );
  }
  while (cursor.peek() !== null) {
    const word = cursor.next();
    if (word?.text === 'table' && cursor.peek()?.text === proxy.name) cursor.next();
    else if (word !== null) {
      cursor.rest();
      return cursor.report.unsupported(
        cursor.placeOf(word),
        `stick ${verb} is served without conditions, and with the table of its own section`,
      );
    }
  }
  proxy.stickRules.push({ verb, key: isSame ? 'same' : 'source', at });
}

/** What it comes to: `on` is to match and to store, and what does only one of them moves nobody. */
export function stickOf(
  { stickTable, stickRules, name, settings }: ProxyDraft,
  role: Role,
  report: Report,
): Pick<BackendConf, 'persistMs' | 'persistTable' | 'staysWithOne'> {
  const rule = stickRules.find(({ verb, key }) => {
    const verbs = stickRules.filter((one) => one.key === key).map((one) => one.verb);
    return verb === 'on' || (verbs.includes('match') && verbs.includes('store-request'));
  });
  const [first] = stickRules;
  if (first !== undefined && stickTable === null) {
    report.error(first.at, `${show(name)} has no stick-table: stick-table type ip size 200k expire 30m`);
    return {};
  }
  if (rule === undefined || stickTable === null) return {};
  if (role.kind === 'primary') {
    report.warn(rule.at, 'stick does nothing here: the primary that is in use stays in use by itself');
    return {};
  }
  if (rule.key === 'same') {
    const forGood = stickTable.expireMs === null ? '' : ', and does not expire';
    report.warn(
      rule.at,
      `all clients of ${show(name)} have one server, which stays while it is up, whoever comes back; a restart forgets it${forGood}`,
    );
    return { staysWithOne: true };
  }
  if (settings.mode === 'http') {
    report.unsupported(rule.at, 'stick on src is not served in mode http: balance source is');
    return {};
  }
  report.warn(
    rule.at,
    `clients of ${show(name)} stay with a server by their address while it is up; one worker has all of them, and a restart forgets it`,
  );
  const persistTable: PersistTable = {
    addressesMax: Math.min(stickTable.size, ADDRESSES_MAX),
    isFixed: stickTable.isFixed,
  };
  return { persistMs: stickTable.expireMs ?? Infinity, persistTable };
}
