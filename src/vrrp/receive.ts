// Whether a packet is an advert that concerns a virtual router, judged in the order of vrrp.md §1.6. The answer is
// data: an advert with what is odd about it, or the kind of thing that is wrong and a sentence that says it.

import { failure, success, type Result } from '../base/result.ts';
import {
  AUTH_HEADER,
  AUTH_NONE,
  AUTH_PASSWORD,
  authDataOf,
  decodeAdvert,
  matchChecksum,
  TYPE_ADVERTISEMENT,
  type Advert,
} from './advert.ts';
import { isMulticast } from './ip-address.ts';
import type { Event } from './io.ts';
import { PRIORITY_OWNER, type ChecksumKind, type RouterConf } from './router-conf.ts';

export type Packet = Extract<Event, { readonly kind: 'packet' }>;

/** What can be wrong, each counted by itself. */
export const DROP_KINDS = [
  'truncated',
  'oversized',
  'length',
  'ttl',
  'version',
  'authentication-unsupported',
  'authentication-type',
  'password',
  'interval',
  'type',
  'checksum',
  'destination',
  'owner',
  'source',
  'peer-ttl',
] as const;
export type DropKind = (typeof DROP_KINDS)[number];

export interface Drop {
  readonly kind: DropKind;
  readonly sentence: string;
}

export interface Reception {
  readonly advert: Advert;
  readonly checksum: ChecksumKind;
  /** Version 3: the sender's interval is not ours; a backup adopts it. */
  readonly intervalDiffers: boolean;
  /** It moves other addresses than we do; keepalived <= 2.3.2 would drop it. */
  readonly addressesDiffer: boolean;
}

const TTL_FROM_THIS_LINK = 255;

/** Judges a packet whose VRID is the virtual router's. */
export function judgePacket(conf: RouterConf, packet: Packet): Result<Reception, Drop> {
  const { bytes, family, source, destination, ttl } = packet;
  const drop = (kind: DropKind, sentence: string): Result<never, Drop> =>
    failure({ kind, sentence: `advert from ${source} dropped: ${sentence}` });

  const decoded = decodeAdvert(bytes, family);
  // A wrong version decides later in the list, but without it nothing else of the message can be told.
  if (!decoded.ok && decoded.problem !== 'version') {
    return drop(decoded.problem, `${decoded.problem}, ${bytes.length} bytes`);
  }
  // A packet that passed a router may come from anywhere (RFC 9568 §5.1.1.3).
  if (conf.unicast === null && ttl !== TTL_FROM_THIS_LINK) return drop('ttl', `TTL ${ttl} is not 255`);
  if (!decoded.ok || decoded.value.version !== conf.version) {
    return drop('version', `version ${(bytes[0] ?? 0) >> 4}, ours is ${conf.version}`);
  }
  const advert = decoded.value;
  if (advert.version === 2) {
    const problem = judgeVersion2(conf, advert);
    if (problem !== null) return drop(problem.kind, problem.sentence);
  }
  // A backup would adopt it and count every silence as endless.
  if (advert.intervalMs === 0) return drop('interval', 'its interval is zero');
  if (advert.type !== TYPE_ADVERTISEMENT) return drop('type', `unknown type ${advert.type}`);
  const checksum = matchChecksum(bytes, advert, family, packet);
  if (checksum === null) return drop('checksum', `wrong checksum 0x${advert.checksum.toString(16)}`);
  if (isMulticast(destination) !== (conf.unicast === null)) {
    return drop(
      'destination',
      `sent to ${destination}, but we use ${conf.unicast === null ? 'multicast' : 'unicast'}`,
    );
  }
  if (conf.ownerIgnoresAdverts && conf.priority === PRIORITY_OWNER) {
    return drop('owner', 'we own the addresses and ignore adverts');
  }
  const problem = judgePeer(conf, packet);
  if (problem !== null) return drop(problem.kind, problem.sentence);
  return success({
    advert,
    checksum,
    intervalDiffers: advert.intervalMs !== conf.advertIntervalMs,
    addressesDiffer: !movesSameAddresses(conf, advert),
  });
}

/** Version 2's authentication and interval must be ours, or each side would count the other's silence differently. */
function judgeVersion2(conf: RouterConf, advert: Advert): Drop | null {
  const { authType } = advert;
  if (authType === AUTH_HEADER) {
    return {
      kind: 'authentication-unsupported',
      sentence: 'it uses an authentication header (auth_type AH), which is unsupported; use PASS or none',
    };
  }
  if (authType !== AUTH_NONE && authType !== AUTH_PASSWORD) {
    return { kind: 'authentication-unsupported', sentence: `unknown authentication type ${authType}` };
  }
  if (authType !== (conf.password === null ? AUTH_NONE : AUTH_PASSWORD)) {
    const uses = (password: boolean): string => (password ? 'a password' : 'no authentication');
    return {
      kind: 'authentication-type',
      sentence: `it uses ${uses(authType === AUTH_PASSWORD)}, we use ${uses(conf.password !== null)}`,
    };
  }
  if (conf.password !== null && advert.authData !== authDataOf(conf.password)) {
    return { kind: 'password', sentence: 'its password is not ours (the first eight bytes count)' };
  }
  if (advert.intervalMs !== conf.advertIntervalMs) {
    return {
      kind: 'interval',
      sentence: `its interval is ${advert.intervalMs / 1000} s, ours ${conf.advertIntervalMs / 1000} s: make them equal`,
    };
  }
  return null;
}

/** Differs from keepalived: on unless switched off, because anyone routable could depose the active router. */
function judgePeer(conf: RouterConf, { source, ttl }: Packet): Drop | null {
  if (conf.unicast === null || !conf.unicast.checkSource) return null;
  const peer = conf.unicast.peers.find(({ address }) => address === source);
  if (peer === undefined) return { kind: 'source', sentence: 'the sender is none of our peers' };
  if (ttl < peer.ttlMin || ttl > peer.ttlMax) {
    return { kind: 'peer-ttl', sentence: `TTL ${ttl} is not within ${peer.ttlMin}..${peer.ttlMax}` };
  }
  return null;
}

/** The order does not matter (vrrp.md §0.4). */
function movesSameAddresses(conf: RouterConf, advert: Advert): boolean {
  if (advert.addresses.length !== conf.addresses.length) return false;
  const theirs = new Set(advert.addresses);
  return conf.addresses.every(({ address }) => theirs.has(address));
}
