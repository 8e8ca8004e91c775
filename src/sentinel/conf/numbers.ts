// Numbers as they stand in sentinel.conf. `sentinel` lines are read as C reads them (leading digits count, garbage is
// zero), because files that were always read so must stay readable; all other directives are read strictly.

const INT_MAX = 2 ** 31 - 1;
const UNSIGNED_MAX = 2n ** 64n - 1n;
/** Digits beyond this many can't change the outcome of a saturating parse, and must not cost quadratic time. */
const DIGITS_MAX = 40;

/** Sign and digits at the start of `text`, without leading zeros. */
function leadingDigits(text: string): { readonly negative: boolean; readonly digits: string } {
  const match = /^[ \t\n\v\f\r]*([+-]?)0*(\d*)/.exec(text);
  return { negative: match?.[1] === '-', digits: (match?.[2] ?? '').slice(0, DIGITS_MAX) };
}

/** What C's `atoi` reads, except that what does not fit 32 bits is the nearest number that does. */
export function looseInteger(text: string): number {
  const { negative, digits } = leadingDigits(text);
  const size = Number(digits);
  return negative ? Math.max(-size, -INT_MAX - 1) + 0 : Math.min(size, INT_MAX);
}

/** What C's `strtoull` reads: saturates at 2^64-1, and a negative number wraps round. */
export function looseUnsigned(text: string): bigint {
  const { negative, digits } = leadingDigits(text);
  const size = digits === '' ? 0n : BigInt(digits);
  if (size > UNSIGNED_MAX) return UNSIGNED_MAX;
  return negative ? BigInt.asUintN(64, -size) : size;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1000 ** 2,
  mb: 1024 ** 2,
  g: 1000 ** 3,
  gb: 1024 ** 3,
};

/** Bytes of a size such as `32mb` (1024s) or `5k` (1000s); null if it is none, or too large to count exactly. */
export function parseMemory(text: string): number | null {
  const match = /^(\d{1,16})([a-z]{0,2})$/i.exec(text);
  const unit = match === null ? undefined : UNITS[(match[2] as string).toLowerCase()];
  if (match === null || unit === undefined) return null;
  const bytes = Number(match[1]) * unit;
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** `bytes` in the largest unit that divides it, as a rewritten file has it. */
export function formatMemory(bytes: number): string {
  for (const unit of ['gb', 'mb', 'kb']) {
    const size = UNITS[unit] as number;
    if (bytes > 0 && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}
