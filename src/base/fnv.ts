// FNV-1a, 32 bits: a number from a text that is the same in every process, where any even spread will do. Nothing secret
// may hang on it.

const OFFSET_BASIS = 0x811c_9dc5;
const PRIME = 0x0100_0193;

/** Of a byte string: each character counts as one byte. 0 to 2^32 - 1. */
export function fnv1a(text: string): number {
  let hash = OFFSET_BASIS;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return hash >>> 0;
}
