// Whole numbers as Redis reads them from clients: no plus sign, no blanks, no leading zeros, nothing behind.

/** The integer that `text` is, or null; also null where a number could not hold it exactly. */
export function strictInteger(text: string): number | null {
  if (!/^(?:0|-?[1-9]\d{0,15})$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}
