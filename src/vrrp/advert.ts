// One VRRP advertisement as bytes and as data: versions 2 (RFC 3768 §5.1, vrrp.md §1.2) and 3 (RFC 9568 §5.1,
// vrrp.md §1.3). The wire's units end here: everything else counts milliseconds.

import { assert } from '../base/assert.ts';
import { bytesOf, byteString } from '../base/byte-string.ts';
import { failure, success, type Result } from '../base/result.ts';
import { checksum, PROTOCOL_VRRP, pseudoHeaderSum } from './checksum.ts';
import { addressBytes, formatAddress, type Family } from './ip-address.ts';
import { MULTICAST_GROUP_IPV4, type ChecksumKind } from './router-conf.ts';

/** The only type of message there is (RFC 9568 §5.2.2). */
export const TYPE_ADVERTISEMENT = 1;

/** Version 2's kinds of authentication (RFC 2338 §5.3.6). */
export const AUTH_NONE = 0;
export const AUTH_PASSWORD = 1;
export const AUTH_HEADER = 2;

const HEADER_BYTES = 8;
const AUTH_DATA_BYTES = 8;
const CHECKSUM_AT = 6;
/** keepalived's auth_hmac trailer, which a permissive peer sends and we read over (vrrp.md §10). */
const HMAC_TRAILER_BYTES = 28;
/** What is left for us of the shortest Ethernet frame: 60 - 14 - 20. Some drivers hand its padding up (vrrp.md §1.6). */
const PADDED_BYTES = 26;
/** 255 IPv6 addresses and the longest thing that may follow. Nothing longer is looked at. */
export const ADVERT_BYTES_MAX = HEADER_BYTES + 255 * 16 + HMAC_TRAILER_BYTES;
/** The longest interval that version 3's twelve bits of centiseconds hold. */
export const INTERVAL_MS_MAX_V3 = 40_950;

/** What an advert says. */
export interface Advert {
  readonly version: 2 | 3;
  readonly type: number;
  readonly virtualRouterId: number;
  /** 0: the sender leaves. */
  readonly priority: number;
  readonly intervalMs: number;
  /** Version 2's; {@link AUTH_NONE} in version 3. */
  readonly authType: number;
  /** Version 2's eight bytes; empty in version 3. */
  readonly authData: string;
  readonly addresses: readonly string[];
  readonly checksum: number;
  /** How many of the bytes are the message; what follows is padding or a trailer. */
  readonly length: number;
}

/** Why bytes are no advert at all. */
export type Malformation = 'truncated' | 'oversized' | 'length' | 'version';

/** Reads one message. Its checksum, type and authentication are not judged here (receive.ts). */
export function decodeAdvert(bytes: Uint8Array, family: Family): Result<Advert, Malformation> {
  if (bytes.length < HEADER_BYTES) return failure('truncated');
  if (bytes.length > ADVERT_BYTES_MAX) return failure('oversized');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint8(0) >> 4;
  if (version !== 3 && (version !== 2 || family !== 'ipv4')) return failure('version');
  const addressLength = family === 'ipv4' ? 4 : 16;
  const addressesEnd = HEADER_BYTES + view.getUint8(3) * addressLength;
  const length = addressesEnd + (version === 2 ? AUTH_DATA_BYTES : 0);
  if (bytes.length < length) return failure('truncated');
  if (!isSurplusAllowed(bytes.length, length, family)) return failure('length');

  const addresses: string[] = [];
  for (let at = HEADER_BYTES; at < addressesEnd; at += addressLength) {
    addresses.push(formatAddress(bytes.subarray(at, at + addressLength)));
  }
  return success({
    version,
    type: view.getUint8(0) & 0x0f,
    virtualRouterId: view.getUint8(1),
    priority: view.getUint8(2),
    intervalMs: version === 2 ? view.getUint8(5) * 1000 : (view.getUint16(4) & 0x0fff) * 10,
    authType: version === 2 ? view.getUint8(4) : AUTH_NONE,
    authData: version === 2 ? byteString(bytes, addressesEnd, length) : '',
    addresses,
    checksum: view.getUint16(CHECKSUM_AT),
    length,
  });
}

function isSurplusAllowed(received: number, length: number, family: Family): boolean {
  if (received === length || received === length + HMAC_TRAILER_BYTES) return true;
  return family === 'ipv4' && received === PADDED_BYTES;
}

/** The ends of a message, as its IP header says. */
export interface Ends {
  readonly source: string;
  readonly destination: string;
}

/** What a message's checksum covers so that it is right; null: it is wrong (vrrp.md §1.4). */
export function matchChecksum(
  bytes: Uint8Array,
  advert: Advert,
  family: Family,
  ends: Ends,
): ChecksumKind | null {
  const message = bytes.slice(0, advert.length);
  message.fill(0, CHECKSUM_AT, CHECKSUM_AT + 2);
  for (const kind of checksumKinds(advert.version, family)) {
    if (checksum(message, prefixSum(kind, ends, advert.length)) === advert.checksum) return kind;
  }
  return null;
}

const KINDS_PLAIN: readonly ChecksumKind[] = ['plain'];
const KINDS_IPV6: readonly ChecksumKind[] = ['pseudo-header'];
const KINDS_IPV4: readonly ChecksumKind[] = ['pseudo-header', 'plain', 'multicast-pseudo-header'];

/** The kinds met in the field, likeliest first. */
function checksumKinds(version: 2 | 3, family: Family): readonly ChecksumKind[] {
  if (version === 2) return KINDS_PLAIN;
  return family === 'ipv6' ? KINDS_IPV6 : KINDS_IPV4;
}

function prefixSum(kind: ChecksumKind, { source, destination }: Ends, length: number): number {
  switch (kind) {
    case 'plain':
      return 0;
    case 'pseudo-header':
      return pseudoHeaderSum(source, destination, PROTOCOL_VRRP, length);
    case 'multicast-pseudo-header':
      return pseudoHeaderSum(source, MULTICAST_GROUP_IPV4, PROTOCOL_VRRP, length);
  }
}

/** What to say in an advert. */
export interface AdvertContent {
  readonly version: 2 | 3;
  readonly family: Family;
  readonly virtualRouterId: number;
  readonly priority: number;
  /** Version 2: whole seconds; version 3: steps of 10. */
  readonly intervalMs: number;
  readonly addresses: readonly string[];
  /** Version 2 only; null: no authentication. */
  readonly password: string | null;
  /** Version 3 over IPv4 only; version 2 has one kind, IPv6 another. */
  readonly checksum: ChecksumKind;
}

/** The bytes of one advert from `source` to `destination`. */
export function encodeAdvert(content: AdvertContent, ends: Ends): Uint8Array {
  const { version, family, addresses, password } = content;
  assert(addresses.length <= 255, 'the count of addresses is one byte');
  assert(version === 3 || family === 'ipv4', 'version 2 knows IPv4 only');
  const addressLength = family === 'ipv4' ? 4 : 16;
  const addressesEnd = HEADER_BYTES + addresses.length * addressLength;
  const bytes = new Uint8Array(addressesEnd + (version === 2 ? AUTH_DATA_BYTES : 0));
  const view = new DataView(bytes.buffer);
  bytes[0] = (version << 4) | TYPE_ADVERTISEMENT;
  bytes[1] = content.virtualRouterId;
  bytes[2] = content.priority;
  bytes[3] = addresses.length;
  if (version === 2) {
    assert(Number.isInteger(content.intervalMs / 1000), 'version 2 counts whole seconds');
    bytes[4] = password === null ? AUTH_NONE : AUTH_PASSWORD;
    bytes[5] = content.intervalMs / 1000;
    if (password !== null) bytes.set(bytesOf(authDataOf(password)), addressesEnd);
  } else {
    assert(content.intervalMs <= INTERVAL_MS_MAX_V3, 'the interval fits twelve bits of centiseconds');
    view.setUint16(4, Math.round(content.intervalMs / 10));
  }
  for (const [index, address] of addresses.entries()) {
    bytes.set(addressBytes(address), HEADER_BYTES + index * addressLength);
  }
  const [only, other] = checksumKinds(version, family);
  assert(only !== undefined, 'there is a checksum for everything');
  const kind = other === undefined ? only : content.checksum;
  view.setUint16(CHECKSUM_AT, checksum(bytes, prefixSum(kind, ends, bytes.length)));
  return bytes;
}

/** A password as it stands in the packet: its first eight bytes, padded with NUL (vrrp.md §1.2). */
export function authDataOf(password: string): string {
  return password.slice(0, AUTH_DATA_BYTES).padEnd(AUTH_DATA_BYTES, '\0');
}
