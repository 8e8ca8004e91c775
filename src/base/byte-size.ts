// Sizes as people write them: `65536`, `16kB`, `1.5MB`.

/** As in Redis's files: `k` counts thousands, `kb` 1024s. */
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1_000,
  kb: 1_024,
  m: 1_000 ** 2,
  mb: 1_024 ** 2,
  g: 1_000 ** 3,
  gb: 1_024 ** 3,
  t: 1_000 ** 4,
  tb: 1_024 ** 4,
};

/** Whole bytes, whatever the case of the unit; null: it is no size, or too large to count exactly. */
export function parseByteSize(text: string): number | null {
  const match = /^(\d{1,16}(?:\.\d{1,9})?)\s?([kmgt]?b?)$/i.exec(text.trim());
  const unit = UNITS[(match?.[2] ?? '').toLowerCase()];
  const bytes = match === null || unit === undefined ? Number.NaN : Math.round(Number(match[1]) * unit);
  return Number.isSafeInteger(bytes) ? bytes : null;
}
