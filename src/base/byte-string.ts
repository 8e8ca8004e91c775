// Byte strings: text in which each character is one byte ("latin1"). The core's text is of this kind, so lengths are
// byte lengths and any content passes through. Shells convert to and from UTF-8 where people or files are concerned.
//
// Node's Buffer is used where there is one, by its global name, because it copies at memory speed; without it (the
// simulator in a browser) the same is done in plain JavaScript.

/** The longest string V8 makes on 64 bits; longer text must stay bytes. */
export const STRING_LENGTH_MAX = 0x1fff_ffe8;

const nodeBuffer = typeof Buffer === 'undefined' ? null : Buffer;
const codes = String.fromCharCode;

/**
 * The bytes `start` (included) to `end` (not) of `bytes` as a byte string; at most {@link STRING_LENGTH_MAX} of them.
 * Up to eight bytes are cheaper to take one by one than to call into native code for: 18 ns against 52.
 */
export function byteString(bytes: Uint8Array, start: number, end: number): string {
  const b = bytes as { readonly [index: number]: number };
  const s = start;
  // prettier-ignore
  switch (end - start) {
    case 0: return '';
    case 1: return codes(b[s]!);
    case 2: return codes(b[s]!, b[s + 1]!);
    case 3: return codes(b[s]!, b[s + 1]!, b[s + 2]!);
    case 4: return codes(b[s]!, b[s + 1]!, b[s + 2]!, b[s + 3]!);
    case 5: return codes(b[s]!, b[s + 1]!, b[s + 2]!, b[s + 3]!, b[s + 4]!);
    case 6: return codes(b[s]!, b[s + 1]!, b[s + 2]!, b[s + 3]!, b[s + 4]!, b[s + 5]!);
    case 7: return codes(b[s]!, b[s + 1]!, b[s + 2]!, b[s + 3]!, b[s + 4]!, b[s + 5]!, b[s + 6]!);
    case 8: return codes(b[s]!, b[s + 1]!, b[s + 2]!, b[s + 3]!, b[s + 4]!, b[s + 5]!, b[s + 6]!, b[s + 7]!);
    default: return longByteString(bytes, start, end);
  }
}

const longByteString: (bytes: Uint8Array, start: number, end: number) => string =
  nodeBuffer === null
    ? plainByteString
    : (bytes, start, end) => nodeBuffer.prototype.latin1Slice.call(bytes, start, end);

/** {@link byteString} without Buffer. */
export function plainByteString(bytes: Uint8Array, start: number, end: number): string {
  // Few enough that they fit on the stack as arguments.
  const step = 4096;
  let text = '';
  for (let at = start; at < end; at += step) {
    text += codes(...bytes.subarray(at, Math.min(at + step, end)));
  }
  return text;
}

/** The bytes of a byte string. Characters over 255 are a bug of the caller; only their low eight bits are kept. */
export function bytesOf(text: string): Uint8Array {
  if (nodeBuffer !== null) return nodeBuffer.from(text, 'latin1');
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
