// The frame of netlink: messages with a header, attributes with a type and a length, errors with words. All numbers
// are the machine's own, little-endian here. Follows linux/netlink.h; what routes and addresses look like is another
// file's matter.

export const NLM_F_REQUEST = 0x01;
export const NLM_F_ACK = 0x04;
/** On an answer: the table changed while it was dumped; ask again. */
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_CREATE = 0x400;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
const NLMSGERR_ATTR_MSG = 1;
/** Bits of an attribute's type that say how its content is to be read. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Buffer;
}

const aligned = (length: number): number => Math.ceil(length / 4) * 4;

/** One message as it goes to the kernel. */
export function netlinkRequest(type: number, flags: number, sequence: number, body: Uint8Array): Buffer {
  const result = Buffer.alloc(HEADER_BYTES + body.length);
  result.writeUInt32LE(result.length, 0);
  result.writeUInt16LE(type, 4);
  result.writeUInt16LE(NLM_F_REQUEST | flags, 6);
  result.writeUInt32LE(sequence, 8);
  result.set(body, HEADER_BYTES);
  return result;
}

/** The messages of one datagram, in order. Ends at the first that claims more than there is. */
export function netlinkMessages(datagram: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + HEADER_BYTES <= datagram.length;) {
    const byteCount = datagram.readUInt32LE(at);
    if (byteCount < HEADER_BYTES || at + byteCount > datagram.length) break;
    messages.push({
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      body: datagram.subarray(at + HEADER_BYTES, at + byteCount),
    });
    at += aligned(byteCount);
  }
  return messages;
}

/** One attribute, padded. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const byteCount = ATTRIBUTE_HEADER_BYTES + value.length;
  const result = Buffer.alloc(aligned(byteCount));
  result.writeUInt16LE(byteCount, 0);
  result.writeUInt16LE(type, 2);
  result.set(value, ATTRIBUTE_HEADER_BYTES);
  return result;
}

/** The attributes in `bytes`, by type; of repeated ones the last. */
export function attributes(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const result = new Map<number, Buffer>();
  for (let at = 0; at + ATTRIBUTE_HEADER_BYTES <= bytes.length;) {
    const byteCount = bytes.readUInt16LE(at);
    if (byteCount < ATTRIBUTE_HEADER_BYTES || at + byteCount > bytes.length) break;
    const type = bytes.readUInt16LE(at + 2) & ATTRIBUTE_TYPE_MASK;
    result.set(type, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + byteCount));
    at += aligned(byteCount);
  }
  return result;
}

/** What an acknowledgement (NLMSG_ERROR, or the NLMSG_DONE of a failed dump) says. */
export interface Acknowledgement {
  /** 0 for success. */
  readonly errno: number;
  /** The kernel's own words, where it has any. */
  readonly detail?: string;
}

export function acknowledgement({ type, flags, body }: NetlinkMessage): Acknowledgement {
  const errno = body.length < 4 ? 0 : Math.abs(body.readInt32LE(0));
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno };
  let at = 4;
  if (type === NLMSG_ERROR && body.length >= 4 + HEADER_BYTES) {
    // Our request follows, or only its header.
    at += (flags & NLM_F_CAPPED) === 0 ? aligned(body.readUInt32LE(4)) : HEADER_BYTES;
  }
  const words = attributes(body.subarray(at)).get(NLMSGERR_ATTR_MSG);
  return words === undefined ? { errno } : { errno, detail: cString(words) };
}

/** Text up to its NUL. */
export function cString(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('latin1', 0, end === -1 ? bytes.length : end);
}
