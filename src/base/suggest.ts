// What somebody may have meant by a word we do not know.

/** Longer words are not typos of ours. */
const LENGTH_MAX = 64;

/** The one of `known` nearest to `word`, if it is near: the same but for case, or one or two slips away. */
export function nearest(word: string, known: Iterable<string>): string | null {
  if (word.length > LENGTH_MAX) return null;
  const lower = word.toLowerCase();
  let best: string | null = null;
  let bestDistance = word.length > 4 ? 3 : 2;
  for (const one of known) {
    const distance = one.toLowerCase() === lower ? 0 : editDistance(lower, one.toLowerCase());
    if (distance < bestDistance) {
      best = one;
      bestDistance = distance;
    }
  }
  return best;
}

/** ` (did you mean 'x'?)`, or nothing. */
export function hint(word: string, known: Iterable<string>): string {
  const near = nearest(word, known);
  if (near === null) return '';
  const because = near.toLowerCase() === word.toLowerCase() ? '; upper and lower case differ' : '';
  return ` (did you mean '${near}'?${because})`;
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from `a` to `b`. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return Infinity;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (previous[j] as number) + 1,
        (current[j - 1] as number) + 1,
        (previous[j - 1] as number) + (isSame ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] as number) + 1);
      }
      current.push(cost);
    }
    before = previous;
    previous = current;
  }
  return previous[b.length] as number;
}
