// What a Redis server says, as data: the types of RESP2 and RESP3. The codec turns bytes into these and back.
//
// Text is a *byte string*: each character is one byte (0 to 255, "latin1"), so that lengths are byte lengths and any
// content passes through unchanged, as it does in a C string. Shells that show such text to a person, or hand it to
// another program, convert it from UTF-8 there.

/**
 * A RESP value. `Bulk` is what a bulk string is carried as: a byte string on links, or the bytes themselves where
 * they are only passed on.
 */
export type Reply<Bulk = string> =
  | { readonly kind: 'simple'; readonly text: string }
  /** `text` starts with the code, e.g. `ERR unknown command`. RESP3's bulk errors are this too. */
  | { readonly kind: 'error'; readonly text: string }
  /** A bigint only where the value is outside the safe integers. */
  | { readonly kind: 'integer'; readonly value: number | bigint }
  | { readonly kind: 'bulk'; readonly value: Bulk }
  /** `$-1` in RESP2, `_` in RESP3. */
  | { readonly kind: 'null' }
  /** `*-1` in RESP2, `_` in RESP3 (decoding RESP3 always gives `null`). */
  | { readonly kind: 'null-array' }
  | { readonly kind: 'array'; readonly items: readonly Reply<Bulk>[] }
  | { readonly kind: 'set'; readonly items: readonly Reply<Bulk>[] }
  | { readonly kind: 'push'; readonly items: readonly Reply<Bulk>[] }
  /** Keys and values in the order sent. A flat array in RESP2. */
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Reply<Bulk>, Reply<Bulk>])[] }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'big-number'; readonly value: bigint }
  /** `format` has three characters, e.g. `txt`. A bulk string in RESP2. */
  | { readonly kind: 'verbatim'; readonly format: string; readonly value: Bulk };

/** The protocol a connection speaks: RESP2 until `HELLO 3`. */
export type Protocol = 2 | 3;

export const OK: Reply = { kind: 'simple', text: 'OK' };
export const NULL: Reply = { kind: 'null' };
export const NULL_ARRAY: Reply = { kind: 'null-array' };

export const simple = (text: string): Reply => ({ kind: 'simple', text });
export const error = (text: string): Reply => ({ kind: 'error', text });
export const integer = (value: number | bigint): Reply => ({ kind: 'integer', value });
export const bulk = (value: string): Reply => ({ kind: 'bulk', value });
export const array = (items: readonly Reply[]): Reply => ({ kind: 'array', items });
export const push = (items: readonly Reply[]): Reply => ({ kind: 'push', items });
/** An array of bulk strings. */
export const bulks = (values: readonly string[]): Reply => ({ kind: 'array', items: values.map(bulk) });
/** A map of bulk strings to bulk strings, in the order given. */
export const textMap = (entries: readonly (readonly [string, string])[]): Reply => ({
  kind: 'map',
  entries: entries.map(([key, value]) => [bulk(key), bulk(value)] as const),
});
