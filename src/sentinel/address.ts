// Where an instance is. Follows sentinel.md §0: the text as it was given, the address it resolves to, and the port.

/** An address as Sentinel keeps it. `hostname` equals `ip` unless it was given as a name. */
export interface Address {
  /** Exactly as given. */
  readonly hostname: string;
  /** Resolved; empty while a hostname could not be resolved. */
  readonly ip: string;
  readonly port: number;
}

const IPV4_PART = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${IPV4_PART}(?:\\.${IPV4_PART}){3}$`);

/** Whether `text` is a numeric IPv4 address. */
export function isIpv4(text: string): boolean {
  return IPV4.test(text);
}

/** Whether `text` is a numeric IPv6 address, without brackets; a zone (`%eth0`) is allowed. */
export function isIpv6(text: string): boolean {
  const [address = '', zone, ...rest] = text.split('%');
  if (rest.length > 0 || zone === '' || address.length > 45) return false;
  const halves = address.split('::');
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    if (half === '') {
      if (halves.length === 1) return false;
      continue;
    }
    const parts = half.split(':');
    for (const [position, part] of parts.entries()) {
      if (/^[0-9a-f]{1,4}$/i.test(part)) groups += 1;
      else if (position === parts.length - 1 && index === halves.length - 1 && isIpv4(part)) groups += 2;
      else return false;
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

/** Whether `text` needs no resolver. */
export function isNumericHost(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}

/** An address of a numeric host. */
export function numericAddress(host: string, port: number): Address {
  return { hostname: host, ip: host, port };
}

/** Ports match, and either the resolved addresses or the names do (sentinel.md §0). */
export function sameAddress(a: Address, b: Address): boolean {
  if (a.port !== b.port) return false;
  if (a.ip !== '' && a.ip === b.ip) return true;
  return a.hostname.toLowerCase() === b.hostname.toLowerCase();
}

/** Whether `port` can be in a file or an argument; 0 means "never connect". */
export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65535;
}
