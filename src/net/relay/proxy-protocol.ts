// The PROXY protocol: a proxy says whom it speaks for, in front of everything else (haproxy.org, proxy-protocol.txt).
// Version 1 is a line of text, version 2 binary. We read both, and write whichever a server wants.

import { isIP, type Socket } from 'node:net';

const V1_BYTES_MAX = 107;
const V2_HEAD_BYTES = 16;
/** Version and command: the proxy speaks for itself, or for somebody. */
const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;
/** Family and transport. */
const TCP4 = 0x11;
const TCP6 = 0x21;
const PORT_MAX = 65_535;
/** Addresses take at most 216; the rest are remarks of the proxy (its TLS, a connection's id), a few hundred at most. */
const V2_BYTES_MAX = 4_096;
const V2_SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

/** Who connected, and to whom. */
export interface ProxiedConnection {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly targetAddress: string;
  readonly targetPort: number;
}

/** What {@link readProxyHeader} found: how long the header is, and whom it names (null: a health check of the proxy). */
export type ProxyHeader =
  | { readonly kind: 'header'; readonly length: number; readonly from: ProxiedConnection | null }
  | { readonly kind: 'partial' }
  | { readonly kind: 'bad' };

/** Reads a header at the beginning of `bytes`. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const signature = bytes.toString('latin1', 0, Math.min(bytes.length, V2_SIGNATURE.length));
  if (V2_SIGNATURE.startsWith(signature)) return readV2(bytes);
  return 'PROXY '.startsWith(signature.slice(0, 6)) ? readV1(bytes) : { kind: 'bad' };
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_BYTES_MAX).indexOf('\r\n');
  if (end === -1) return { kind: bytes.length >= V1_BYTES_MAX ? 'bad' : 'partial' };
  const length = end + 2;
  const line = bytes.toString('latin1', 0, end);
  if (/^PROXY UNKNOWN\b/.test(line)) return { kind: 'header', length, from: null };
  const match = /^PROXY TCP([46]) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) (\d{1,5}) (\d{1,5})$/.exec(line);
  if (match === null) return { kind: 'bad' };
  const [, family, sourceAddress = '', targetAddress = ''] = match;
  const [sourcePort, targetPort] = [Number(match[4]), Number(match[5])];
  if (![sourceAddress, targetAddress].every((address) => isIP(address) === Number(family)))
    return { kind: 'bad' };
  if (sourcePort > PORT_MAX || targetPort > PORT_MAX) return { kind: 'bad' };
  return { kind: 'header', length, from: { sourceAddress, sourcePort, targetAddress, targetPort } };
}

function readV2(bytes: Buffer): ProxyHeader {
  if (bytes.length < V2_HEAD_BYTES) return { kind: 'partial' };
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const length = V2_HEAD_BYTES + bytes.readUInt16BE(14);
  if (command !== V2_LOCAL && command !== V2_PROXY) return { kind: 'bad' };
  if (length > V2_BYTES_MAX) return { kind: 'bad' };
  if (bytes.length < length) return { kind: 'partial' };
  const bytesOfAddress = family === TCP4 ? 4 : 16;
  if (command === V2_LOCAL || (family !== TCP4 && family !== TCP6))
    return { kind: 'header', length, from: null };
  if (length < V2_HEAD_BYTES + 2 * bytesOfAddress + 4) return { kind: 'bad' };
  const addressAt = (start: number): string =>
    family === TCP4
      ? bytes.subarray(start, start + 4).join('.')
      : Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(start + 2 * at).toString(16)).join(':');
  const portsAt = V2_HEAD_BYTES + 2 * bytesOfAddress;
  return {
    kind: 'header',
    length,
    from: {
      sourceAddress: addressAt(V2_HEAD_BYTES),
      sourcePort: bytes.readUInt16BE(portsAt),
      targetAddress: addressAt(V2_HEAD_BYTES + bytesOfAddress),
      targetPort: bytes.readUInt16BE(portsAt + 2),
    },
  };
}

/** Whom a client's connection is for: the one a proxy in front named, or itself; null where it has no addresses. */
export function connectionOf(client: Socket, proxied: ProxiedConnection | null): ProxiedConnection | null {
  if (proxied !== null) return proxied;
  const { remoteAddress, remotePort, localAddress, localPort } = client;
  if (remoteAddress === undefined || remotePort === undefined) return null;
  if (localAddress === undefined || localPort === undefined) return null;
  return {
    sourceAddress: plainAddress(remoteAddress),
    sourcePort: remotePort,
    targetAddress: plainAddress(localAddress),
    targetPort: localPort,
  };
}

/** Without the interface of a link-local address; an IPv4 address that came in by an IPv6 listener as such. */
/** An address as people write it: without the interface of a link-local one, and IPv4 where a dual-stack socket says so. */
export const plainAddress = (address: string): string =>
  address.replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/, '');

/** The header that says whom a connection is for; null: nobody in particular (unix sockets). */
export function proxyHeader(version: 1 | 2, connection: ProxiedConnection | null): Buffer {
  if (version === 1) {
    if (connection === null) return Buffer.from('PROXY UNKNOWN\r\n');
    const { sourcePort, targetPort } = connection;
    const [family, ...addresses] = isIpv4(connection)
      ? ['TCP4', connection.sourceAddress, connection.targetAddress]
      : ['TCP6', mapped(connection.sourceAddress), mapped(connection.targetAddress)];
    return Buffer.from(`PROXY ${family} ${addresses.join(' ')} ${sourcePort} ${targetPort}\r\n`);
  }
  const addresses = connection === null ? Buffer.alloc(0) : addressesOf(connection);
  const head = Buffer.alloc(V2_HEAD_BYTES);
  head.write(V2_SIGNATURE, 'latin1');
  head.writeUInt8(connection === null ? V2_LOCAL : V2_PROXY, 12);
  head.writeUInt8(connection === null ? 0 : isIpv4(connection) ? TCP4 : TCP6, 13);
  head.writeUInt16BE(addresses.length, 14);
  return Buffer.concat([head, addresses]);
}

const isIpv4 = ({ sourceAddress, targetAddress }: ProxiedConnection): boolean =>
  !sourceAddress.includes(':') && !targetAddress.includes(':');

/** Both addresses of a header are of one family: an IPv4 one beside an IPv6 one is written as the latter. */
const mapped = (address: string): string => (address.includes(':') ? address : `::ffff:${address}`);

function addressesOf(connection: ProxiedConnection): Buffer {
  const { sourceAddress, targetAddress, sourcePort, targetPort } = connection;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(sourcePort, 0);
  ports.writeUInt16BE(targetPort, 2);
  if (isIpv4(connection)) {
    return Buffer.concat([ipv4Bytes(sourceAddress), ipv4Bytes(targetAddress), ports]);
  }
  return Buffer.concat([ipv6Bytes(mapped(sourceAddress)), ipv6Bytes(mapped(targetAddress)), ports]);
}

const ipv4Bytes = (text: string): Buffer => Buffer.from(text.split('.').map(Number));

function ipv6Bytes(text: string): Buffer {
  const bytes = Buffer.alloc(16);
  const dotted = text.replace(
    /:(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_, a: string, b: string, c: string, d: string) => {
      const high = Number(a) * 256 + Number(b);
      return `:${high.toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`;
    },
  );
  const [head = '', tail] = dotted.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const words = [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back];
  words.forEach((word, at) => bytes.writeUInt16BE(Number.parseInt(word, 16), 2 * at));
  return bytes;
}
