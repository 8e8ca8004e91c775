// The numbers of RESP as text: what stands between type byte and CR LF, and back.

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** A signed 64-bit integer, as a bigint only where a number can't hold it exactly. Null for anything else. */
export function parseInteger(text: string): number | bigint | null {
  if (!/^[+-]?\d{1,20}$/.test(text)) return null;
  const value = Number(text);
  // `:-0` is 0.
  if (Number.isSafeInteger(value)) return value + 0;
  const exact = BigInt(text);
  return exact < INT64_MIN || exact > INT64_MAX ? null : exact;
}

/** An integer of any size. Null for anything else. */
export function parseBigNumber(text: string): bigint | null {
  if (!/^[+-]?\d+$/.test(text)) return null;
  return BigInt(text);
}

/** A double: digits with optional fraction and exponent, `inf`, `-inf`, `nan`. Null for anything else. */
export function parseDouble(text: string): number | null {
  if (/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text);
  switch (text.toLowerCase()) {
    case 'inf':
    case '+inf':
      return Infinity;
    case '-inf':
      return -Infinity;
    case 'nan':
    case '-nan':
      return Number.NaN;
    default:
      return null;
  }
}

/** The shortest text that {@link parseDouble} gives `value` back for. */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (value === Infinity) return 'inf';
  if (value === -Infinity) return '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}
