// One question over DNS and whether it was answered (RFC 1035 §4.1), for keepalived's DNS_CHECK. What the answer says
// does not matter; that there is one without an error does.

import { bytesOf } from '../../base/byte-string.ts';

/** Those that keepalived knows by name. */
const TYPES: Readonly<Record<string, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  RRSIG: 46,
  DNSKEY: 48,
  ANY: 255,
};

const CODES: readonly string[] = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];
const CLASS_IN = 1;
const LABEL_BYTES_MAX = 63;
const NAME_BYTES_MAX = 253;

/** The number of a type given by name or number; null: there is no such type. */
export function dnsTypeNumber(type: string): number | null {
  const number = /^\d{1,5}$/.test(type) ? Number(type) : TYPES[type.toUpperCase()];
  return number !== undefined && number <= 0xffff ? number : null;
}

/** The query, or null if the name or the type is none. `id` is 16 bits. `.` is the root. */
export function dnsQuery(id: number, name: string, type: string): Uint8Array | null {
  const typeNumber = dnsTypeNumber(type);
  const plain = name.replace(/\.$/, '');
  const labels = plain === '' ? [] : plain.split('.');
  if (typeNumber === null || plain.length > NAME_BYTES_MAX) return null;
  if (labels.some((label) => label === '' || label.length > LABEL_BYTES_MAX)) return null;
  const word = (value: number): string => String.fromCharCode(value >> 8, value & 0xff);
  const recursionDesired = 0x0100;
  const header = word(id) + word(recursionDesired) + word(1) + word(0) + word(0) + word(0);
  const question = labels.map((label) => String.fromCharCode(label.length) + label).join('');
  return bytesOf(`${header}${question}\0${word(typeNumber)}${word(CLASS_IN)}`);
}

/** What an answer to query `id` says: '' if all is well, else the error; null: it is no answer to it. */
export function dnsTrouble(id: number, answer: Uint8Array): string | null {
  const isAnswer = ((answer[2] ?? 0) & 0x80) !== 0;
  if (answer.length < 12 || !isAnswer || (((answer[0] ?? 0) << 8) | (answer[1] ?? 0)) !== id) return null;
  const code = (answer[3] ?? 0) & 0x0f;
  return code === 0 ? '' : (CODES[code] ?? `error ${code}`);
}
