// The kernel's table of tracked TCP connections: those that clients made to one address, and the way to have one of
// them forgotten. By netlink's ctnetlink (linux/netfilter/nfnetlink_conntrack.h).

import { AF_INET, AF_INET6 } from './socket-address.ts';
import { NETLINK_NETFILTER, NetlinkSocket } from './netlink-socket.ts';
import { OsError } from './os-error.ts';
import { attribute, attributes } from './netlink-message.ts';
import { addressBytes, addressText } from './ip-address.ts';

const SUBSYSTEM = 1 << 8;
const IPCTNL_MSG_CT_GET = SUBSYSTEM | 1;
const IPCTNL_MSG_CT_DELETE = SUBSYSTEM | 2;
const IPPROTO_TCP = 6;

const CTA = { tupleOriginal: 1, tupleReply: 2, protocolInfo: 4, id: 12, filter: 25 } as const;
const TUPLE = { ip: 1, protocol: 2 } as const;
const IP = { ipv4Source: 1, ipv4Destination: 2, ipv6Source: 3, ipv6Destination: 4 } as const;
const PROTOCOL = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
const FILTER_ORIGINAL_FLAGS = 1;
/** What of the original direction is to be compared: the destination's address, the protocol, the destination's port. */
const FILTER_ADDRESS = 1 << 1;
const FILTER_PROTOCOL = 1 << 3;
const FILTER_PORT = 1 << 5;
const PROTOCOL_INFO_TCP = 1;
const TCP_STATE = 1;
/** On an attribute's type: it contains attributes. */
const NESTED = 0x8000;
/** `struct nfgenmsg`: family, version, resource. */
const HEADER_BYTES = 4;
/** In the original direction only SYNs were seen. */
const TCP_CONNTRACK_SYN_SENT = 1;

export interface ConntrackEnd {
  readonly host: string;
  readonly port: number;
}

export interface ConntrackEntry {
  /** Whom the client asked for. */
  readonly asked: ConntrackEnd;
  /** Who answers. */
  readonly server: ConntrackEnd;
  /** As whom the server sees the client. */
  readonly seenAs: ConntrackEnd;
  /** Nobody answered yet. */
  readonly isHalfOpen: boolean;
  /** All that names it to the kernel. */
  readonly name: Buffer;
}

interface Tuple {
  readonly source: ConntrackEnd;
  readonly destination: ConntrackEnd;
}

/**
 * Asks for the connections that clients made to one address, or a few more. The kernel chooses since Linux 5.8, and sends
 * all before. Of IPv6 it is asked by the port only: 6.18 leaves out those whose address is the one asked for.
 */
export function conntrackQuery({ host, port }: ConntrackEnd): Buffer {
  const address = addressBytes(host);
  const isIpv6 = address.length === 16;
  const portBytes = Buffer.alloc(2);
  portBytes.writeUInt16BE(port);
  const flags = Buffer.alloc(4);
  flags.writeUInt32LE(FILTER_PROTOCOL | FILTER_PORT | (isIpv6 ? 0 : FILTER_ADDRESS));
  const ip = attribute(isIpv6 ? IP.ipv6Destination : IP.ipv4Destination, address);
  const protocol = [
    attribute(PROTOCOL.number, Buffer.from([IPPROTO_TCP])),
    attribute(PROTOCOL.destinationPort, portBytes),
  ];
  const tuple = [
    attribute(TUPLE.ip | NESTED, ip),
    attribute(TUPLE.protocol | NESTED, Buffer.concat(protocol)),
  ];
  return Buffer.concat([
    Buffer.from([isIpv6 ? AF_INET6 : AF_INET, 0, 0, 0]),
    attribute(CTA.tupleOriginal | NESTED, Buffer.concat(tuple)),
    attribute(CTA.filter | NESTED, attribute(FILTER_ORIGINAL_FLAGS, flags)),
  ]);
}

/** One entry from the body of a message; null if it is not of TCP, or makes no sense. */
export function parseConntrackEntry(body: Buffer): ConntrackEntry | null {
  const parts = attributes(body.subarray(HEADER_BYTES));
  const [original, reply] = [parts.get(CTA.tupleOriginal), parts.get(CTA.tupleReply)];
  if (original === undefined || reply === undefined) return null;
  const [there, back] = [parseTuple(original), parseTuple(reply)];
  if (there === null || back === null) return null;
  const info = attributes(parts.get(CTA.protocolInfo) ?? Buffer.alloc(0)).get(PROTOCOL_INFO_TCP);
  const state = attributes(info ?? Buffer.alloc(0)).get(TCP_STATE)?.[0];
  const id = parts.get(CTA.id);
  return {
    asked: there.destination,
    server: back.source,
    seenAs: back.destination,
    isHalfOpen: state === TCP_CONNTRACK_SYN_SENT,
    name: Buffer.concat([
      Buffer.from([body[0] ?? AF_INET, 0, 0, 0]),
      attribute(CTA.tupleOriginal | NESTED, original),
      ...(id === undefined ? [] : [attribute(CTA.id, id)]),
    ]),
  };
}

function parseTuple(bytes: Buffer): Tuple | null {
  const parts = attributes(bytes);
  const ip = attributes(parts.get(TUPLE.ip) ?? Buffer.alloc(0));
  const protocol = attributes(parts.get(TUPLE.protocol) ?? Buffer.alloc(0));
  const source = ip.get(IP.ipv4Source) ?? ip.get(IP.ipv6Source);
  const destination = ip.get(IP.ipv4Destination) ?? ip.get(IP.ipv6Destination);
  const [sourcePort, destinationPort] = [
    protocol.get(PROTOCOL.sourcePort),
    protocol.get(PROTOCOL.destinationPort),
  ];
  if (protocol.get(PROTOCOL.number)?.[0] !== IPPROTO_TCP) return null;
  const isPort = (port: Buffer | undefined): port is Buffer => port?.length === 2;
  const isAddress = (address: Buffer | undefined): address is Buffer =>
    address?.length === 4 || address?.length === 16;
  if (!isAddress(source) || !isAddress(destination) || !isPort(sourcePort) || !isPort(destinationPort))
    return null;
  return {
    source: { host: addressText(source), port: sourcePort.readUInt16BE(0) },
    destination: { host: addressText(destination), port: destinationPort.readUInt16BE(0) },
  };
}

/** Of a refusal to list: says which module is missing where that is it. */
export function explainConntrack(error: unknown): unknown {
  // nfnetlink knows no such subsystem (nfnetlink_rcv_msg).
  if (!(error instanceof OsError) || error.code !== 'EINVAL') return error;
  const advice =
    'this kernel lacks nf_conntrack_netlink: modprobe nf_conntrack_netlink; without it, idle clients of a server that left stay there until they send something';
  return new OsError(error.code, error.syscall, `${error.message}; ${advice}`, { cause: error });
}

/** See the file's head. Calls throw an OsError; they need CAP_NET_ADMIN. */
export class Conntrack {
  readonly #netlink = new NetlinkSocket(0, NETLINK_NETFILTER);

  /** The tracked TCP connections that clients made to this address, of this network namespace. */
  list(asked: ConntrackEnd): ConntrackEntry[] {
    const attempt = {
      syscall: 'sendto',
      doing: 'list tracked connections',
      permission: 'CAP_NET_ADMIN',
    } as const;
    let bodies: Buffer[];
    try {
      bodies = this.#netlink.dump(IPCTNL_MSG_CT_GET, conntrackQuery(asked), attempt);
    } catch (error) {
      throw explainConntrack(error);
    }
    return bodies
      .map(parseConntrackEntry)
      .filter((entry) => entry !== null)
      .filter((entry) => entry.asked.host === asked.host && entry.asked.port === asked.port);
  }

  /** Has the kernel forget one: its next packet is judged anew. False if it was gone. */
  delete({ name, asked, server }: ConntrackEntry): boolean {
    try {
      this.#netlink.change(IPCTNL_MSG_CT_DELETE, 0, name, {
        syscall: 'sendto',
        doing: `forget a connection for ${asked.host} port ${asked.port} to ${server.host}`,
        permission: 'CAP_NET_ADMIN',
      });
      return true;
    } catch (error) {
      if (error instanceof OsError && error.code === 'ENOENT') return false;
      throw error;
    }
  }

  close(): void {
    this.#netlink.close();
  }
}
