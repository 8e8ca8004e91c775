// The PROXY protocol: a proxy says whom it speaks for, in front of everything else (haproxy.org, proxy-protocol.txt).
// Version 1 is a line of text, version 2 binary. We read both, and write whichever a server wants.

const V1_BYTES_MAX = 107;
const V2_HEAD_BYTES = 16;
const V2_SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';

export interface ProxiedAddress {
  readonly sourceAddress: string;
  readonly sourcePort: number;
}

/** What {@link readProxyHeader} found: how long the header is, and whom it names (null: a health check of the proxy). */
export type ProxyHeader =
  | { readonly kind: 'header'; readonly length: number; readonly from: ProxiedAddress | null }
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
  const match = /^PROXY TCP[46] ([0-9a-fA-F.:]+) [0-9a-fA-F.:]+ (\d{1,5}) \d{1,5}$/.exec(line);
  if (match === null) return { kind: 'bad' };
  return {
    kind: 'header',
    length,
    from: { sourceAddress: match[1] as string, sourcePort: Number(match[2]) },
  };
}

function readV2(bytes: Buffer): ProxyHeader {
  if (bytes.length < V2_HEAD_BYTES) return { kind: 'partial' };
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const length = V2_HEAD_BYTES + bytes.readUInt16BE(14);
  if (command >> 4 !== 2) return { kind: 'bad' };
  if (bytes.length < length) return { kind: 'partial' };
  // LOCAL: the proxy speaks for itself.
  if ((command & 0xf) === 0) return { kind: 'header', length, from: null };
  if (family === 0x11 && length >= V2_HEAD_BYTES + 12) {
    const sourceAddress = [...bytes.subarray(16, 20)].join('.');
    return { kind: 'header', length, from: { sourceAddress, sourcePort: bytes.readUInt16BE(24) } };
  }
  if (family === 0x21 && length >= V2_HEAD_BYTES + 36) {
    const words = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(16 + 2 * at).toString(16));
    return {
      kind: 'header',
      length,
      from: { sourceAddress: words.join(':'), sourcePort: bytes.readUInt16BE(48) },
    };
  }
  return { kind: 'header', length, from: null };
}

export interface ProxiedConnection extends ProxiedAddress {
  readonly targetAddress: string;
  readonly targetPort: number;
}

/** The header that says whom a connection is for; null: nobody in particular (unix sockets). */
export function proxyHeader(version: 1 | 2, connection: ProxiedConnection | null): Buffer {
  if (version === 1) {
    if (connection === null) return Buffer.from('PROXY UNKNOWN\r\n');
    const { sourceAddress, targetAddress, sourcePort, targetPort } = connection;
    const family = sourceAddress.includes(':') ? 'TCP6' : 'TCP4';
    return Buffer.from(`PROXY ${family} ${sourceAddress} ${targetAddress} ${sourcePort} ${targetPort}\r\n`);
  }
  const addresses = connection === null ? Buffer.alloc(0) : addressesOf(connection);
  const head = Buffer.alloc(V2_HEAD_BYTES);
  head.write(V2_SIGNATURE, 'latin1');
  head.writeUInt8(connection === null ? 0x20 : 0x21, 12);
  head.writeUInt8(connection === null ? 0 : addresses.length === 12 ? 0x11 : 0x21, 13);
  head.writeUInt16BE(addresses.length, 14);
  return Buffer.concat([head, addresses]);
}

function addressesOf({ sourceAddress, targetAddress, sourcePort, targetPort }: ProxiedConnection): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(sourcePort, 0);
  ports.writeUInt16BE(targetPort, 2);
  if (!sourceAddress.includes(':') && !targetAddress.includes(':')) {
    return Buffer.concat([ipv4Bytes(sourceAddress), ipv4Bytes(targetAddress), ports]);
  }
  return Buffer.concat([ipv6Bytes(sourceAddress), ipv6Bytes(targetAddress), ports]);
}

const ipv4Bytes = (text: string): Buffer => Buffer.from(text.split('.').map(Number));

function ipv6Bytes(text: string): Buffer {
  const bytes = Buffer.alloc(16);
  if (!text.includes(':')) {
    bytes.writeUInt16BE(0xffff, 10);
    ipv4Bytes(text).copy(bytes, 12);
    return bytes;
  }
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
