// The addresses of a virtual router, one to a line with their options (vrrp.md §2.3, §5).

import { familyOf, formatAddress, parseAddress } from '../ip-address.ts';
import type { UnicastPeer, VirtualAddress } from '../router-conf.ts';
import { entriesOf } from './blocks.ts';
import { type Report, show } from './problems.ts';
import { hint } from '../../base/suggest.ts';
import type { Statement, Word } from './tree.ts';
import { addressIn, integerIn } from './values.ts';

/** An address that may not say its interface; then it is the instance's. */
export interface AddressDraft extends Omit<VirtualAddress, 'interface'> {
  readonly interface: string | null;
  readonly place: Word;
}

type Options = {
  -readonly [Key in keyof Omit<AddressDraft, 'address' | 'prefixLength' | 'place'>]: AddressDraft[Key];
};

const SCOPES: ReadonlyMap<string, number> = new Map([
  ['global', 0],
  ['site', 200],
  ['link', 253],
  ['host', 254],
  ['nowhere', 255],
]);
const LABEL_LENGTH_MAX = 15;

/** Options that stand alone. */
const FLAGS: ReadonlyMap<string, (options: Options) => void> = new Map<string, (options: Options) => void>([
  ['-nodad', (options) => void (options.nodad = false)],
  ['home', (options) => void (options.home = true)],
  ['mngtmpaddr', (options) => void (options.manageTemporary = true)],
  ['noprefixroute', (options) => void (options.noPrefixRoute = true)],
  ['autojoin', (options) => void (options.autojoin = true)],
  ['no_track', (options) => void (options.untracked = true)],
]);
const WITH_VALUE: readonly string[] = ['brd', 'broadcast', 'dev', 'scope', 'label', 'peer', 'preferred_lft'];

/** Every address of a block. */
export function readAddresses(report: Report, block: Statement): AddressDraft[] {
  return entriesOf(report, block).flatMap((entry) => readEntry(report, entry) ?? []);
}

function readEntry(report: Report, { keyword, values }: Statement): AddressDraft | null {
  const parsed = splitPrefix(keyword.text);
  if (parsed === null) {
    report.error(
      keyword,
      'bad-address',
      `${show(keyword.text)} is no IP address with or without /prefix-length`,
    );
    return null;
  }
  const { address, prefixLength } = parsed;
  const isIpv6 = familyOf(address) === 'ipv6';
  const options: Options = {
    interface: null,
    broadcast: null,
    label: null,
    scope: 0,
    peer: null,
    nodad: true,
    home: false,
    manageTemporary: false,
    noPrefixRoute: false,
    autojoin: false,
    // An IPv6 /128 is never a source (vrrp.md §5).
    deprecated: isIpv6 && prefixLength === 128,
    untracked: false,
  };
  let isGood = true;
  for (let at = 0; at < values.length && isGood; at++) {
    const word = values[at] as Word;
    const flag = FLAGS.get(word.text);
    if (flag !== undefined) {
      flag(options);
    } else if (WITH_VALUE.includes(word.text)) {
      at += 1;
      isGood = readOption(report, options, word, values[at], { address, prefixLength });
    } else {
      isGood = false;
      const known = word.text === 'use_vmac';
      const sentence = known
        ? "'use_vmac' of an address is not supported: keepalived knows it, baton does not do what it asks"
        : `unknown option ${show(word.text)} of the address${hint(word.text, [...FLAGS.keys(), ...WITH_VALUE])}; addresses stand on lines of their own`;
      report.unsupported(word, known ? 'unsupported' : 'unknown-option', sentence);
    }
  }
  return isGood
    ? { address, prefixLength, ...options, nodad: isIpv6 && options.nodad, place: keyword }
    : null;
}

function readOption(
  report: Report,
  options: Options,
  name: Word,
  value: Word | undefined,
  own: { readonly address: string; readonly prefixLength: number },
): boolean {
  const bad = (what: string): boolean => {
    const given = value === undefined ? 'nothing comes after it' : `not ${show(value.text)}`;
    report.error(value ?? name, 'bad-option', `${name.text} takes ${what}, ${given}`);
    return false;
  };
  const isIpv6 = familyOf(own.address) === 'ipv6';
  const given = value?.text ?? '';
  switch (name.text) {
    case 'brd':
    case 'broadcast':
      if (isIpv6) return bad('an IPv4 address, and this one is IPv6');
      options.broadcast = /^[+-]$/.test(given) ? derivedBroadcast(own, given) : ipv4(given);
      return options.broadcast !== null || bad('an IPv4 address, + or -');
    case 'dev':
      options.interface = given;
      return /^[^\s/]{1,15}$/.test(given) || bad('an interface');
    case 'scope': {
      const scope = SCOPES.get(given) ?? (/^\d{1,3}$/.test(given) ? Number(given) : 256);
      options.scope = scope;
      return scope <= 255 || bad('global, site, link, host or a number of 0 to 255');
    }
    case 'label':
      options.label = isIpv6 ? null : given;
      return (
        (given !== '' && given.length <= LABEL_LENGTH_MAX) ||
        bad(`a text of at most ${LABEL_LENGTH_MAX} bytes`)
      );
    case 'peer': {
      const peer = splitPrefix(given);
      options.peer = peer?.address ?? null;
      return (
        (peer !== null && familyOf(peer.address) === familyOf(own.address)) ||
        bad('an address of the same family')
      );
    }
    default: {
      // preferred_lft
      const isForEver = given === 'forever';
      if (!isForEver && !/^\d{1,10}$/.test(given)) return bad('seconds or forever');
      if (!isForEver && Number(given) > 0) return bad('0 or forever (others are not supported)');
      options.deprecated = !isForEver;
      return true;
    }
  }
}

function ipv4(text: string): string | null {
  const bytes = parseAddress(text);
  return bytes?.length === 4 ? formatAddress(bytes) : null;
}

/** `+`: all host bits one, `-`: all zero. */
function derivedBroadcast(
  own: { readonly address: string; readonly prefixLength: number },
  sign: string,
): string | null {
  const bytes = parseAddress(own.address);
  if (bytes === null) return null;
  const set = bytes.map((byte, index) => {
    const hostBits = Math.min(8, Math.max(0, 8 * (index + 1) - own.prefixLength));
    const mask = (1 << hostBits) - 1;
    return sign === '+' ? byte | mask : byte & ~mask;
  });
  return formatAddress(set);
}

/** `10.0.0.1/24` or `10.0.0.1`: without a length it is the address alone, /32 or /128. */
function splitPrefix(text: string): { readonly address: string; readonly prefixLength: number } | null {
  const [host = '', length, ...rest] = text.split('/');
  const bytes = parseAddress(host);
  if (bytes === null || rest.length > 0) return null;
  const bits = 8 * bytes.length;
  const prefixLength = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  if (prefixLength < 0 || prefixLength > bits) return null;
  return { address: formatAddress(bytes), prefixLength };
}

/** The peers of a unicast_peer block, each with the least and the greatest TTL it may come with. */
export function readPeers(report: Report, block: Statement): (UnicastPeer & { readonly place: Word })[] {
  return entriesOf(report, block).flatMap((entry) => {
    const address = addressIn(report, entry.keyword);
    if (address === null) return [];
    const limits = { min_ttl: 0, max_ttl: 255 };
    for (let at = 0; at < entry.values.length; at += 2) {
      const name = entry.values[at] as Word;
      const value = entry.values[at + 1];
      if ((name.text !== 'min_ttl' && name.text !== 'max_ttl') || value === undefined) {
        const sentence = `after a peer min_ttl N and max_ttl N may come, not ${show(name.text)}${hint(name.text, Object.keys(limits))}; peers stand on lines of their own`;
        report.error(name, 'bad-option', sentence);
        return [];
      }
      const ttl = integerIn(report, value, name.text, 0, 255);
      if (ttl === null) return [];
      limits[name.text] = ttl;
    }
    if (limits.min_ttl > limits.max_ttl) {
      report.error(
        entry.keyword,
        'bad-option',
        `min_ttl is greater than max_ttl: nothing would come through`,
      );
    }
    return [{ address, ttlMin: limits.min_ttl, ttlMax: limits.max_ttl, place: entry.keyword }];
  });
}
