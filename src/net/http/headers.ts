// Header lines of HTTP/1.1 on their way through a proxy (RFC 9110 §7.6): what belongs to one connection stays behind,
// everything else goes on as it was written, in its order and with its repetitions. Lines are Node's `rawHeaders`: names
// and values in turn.

/** RFC 9110 §7.6.1. `Trailer` announces what we drop; `Expect` was answered by us; `HTTP2-Settings` belongs to `Upgrade`. */
const OF_ONE_CONNECTION = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'http2-settings',
]);

/** All but what belongs to the connection they came on, which its `Connection` lines may add to. */
export function passedOn(rawHeaders: readonly string[]): string[] {
  const dropped = new Set(OF_ONE_CONNECTION);
  for (const [name, value] of linesOf(rawHeaders)) {
    if (name.toLowerCase() !== 'connection') continue;
    for (const token of value.split(',')) dropped.add(token.trim().toLowerCase());
  }
  // They say where a message ends, whatever `Connection` says of them.
  dropped.delete('content-length');
  dropped.delete('host');
  return linesOf(rawHeaders)
    .filter(([name]) => !dropped.has(name.toLowerCase()))
    .flat();
}

export function hasHeader(rawHeaders: readonly string[], name: string): boolean {
  return linesOf(rawHeaders).some(([one]) => one.toLowerCase() === name);
}

export interface Forwarding {
  readonly method: string;
  readonly rawHeaders: readonly string[];
  /** Its body comes in chunks. */
  readonly isChunked: boolean;
  /** For `X-Forwarded-For`, in a line of its own behind those that are there; null: it is not told. */
  readonly clientAddress: string | null;
  /** For requests that name no host (HTTP/1.0). */
  readonly serverHost: string;
  /** It asks for this protocol instead; null: it does not. */
  readonly upgrade: string | null;
  /** Nothing comes behind it on its connection. */
  readonly isLast: boolean;
}

/** The lines of a request to a server. */
export function requestLines(request: Forwarding): string[] {
  const { method, rawHeaders, isChunked, clientAddress, serverHost, upgrade, isLast } = request;
  const lines = passedOn(rawHeaders);
  if (!hasHeader(lines, 'host')) lines.unshift('Host', serverHost);
  if (isChunked) lines.push('Transfer-Encoding', 'chunked');
  // Without a length a client's POST has no body; Node would announce one in chunks.
  else if (!hasHeader(lines, 'content-length') && /^(?:POST|PUT|PATCH)$/.test(method)) {
    lines.push('Content-Length', '0');
  }
  if (clientAddress !== null) lines.push('X-Forwarded-For', clientAddress);
  if (upgrade !== null) lines.push('Connection', 'Upgrade', 'Upgrade', upgrade);
  else if (isLast) lines.push('Connection', 'close');
  return lines;
}

/** A request's head without its wish to speak another protocol, to be read once more. */
export function headWithoutUpgrade(
  method: string,
  url: string,
  version: string,
  rawHeaders: readonly string[],
): string {
  const lines = linesOf(rawHeaders).flatMap(([name, value]) => {
    switch (name.toLowerCase()) {
      case 'upgrade':
      case 'http2-settings':
        return [];
      case 'connection': {
        const tokens = value.split(',').map((token) => token.trim());
        const left = tokens.filter((token) => !/^(?:upgrade|http2-settings)$/i.test(token));
        return left.length === 0 ? [] : [`${name}: ${left.join(', ')}\r\n`];
      }
      default:
        return [`${name}: ${value}\r\n`];
    }
  });
  return `${method} ${url} HTTP/${version}\r\n${lines.join('')}\r\n`;
}

function linesOf(rawHeaders: readonly string[]): [name: string, value: string][] {
  const lines: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    lines.push([rawHeaders[at] as string, rawHeaders[at + 1] as string]);
  }
  return lines;
}
