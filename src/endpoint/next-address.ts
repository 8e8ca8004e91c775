// A name may have several addresses, of which some lead nowhere: `localhost` is 127.0.0.1 and ::1, and a server may listen
// at one of them only.

/**
 * The address to try: the one that was tried `last`, unless it failed; then the next one, round and round. Null: there is
 * none.
 */
export function nextAddress(
  addresses: readonly string[],
  last: string | null,
  hasFailed: boolean,
): string | null {
  const at = last === null ? -1 : addresses.indexOf(last);
  if (at !== -1 && !hasFailed) return last;
  return addresses[(at + 1) % addresses.length] ?? null;
}
