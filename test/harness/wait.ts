// Waiting for the world: ask until it is so, or fail with what was seen last.

/** How long anything in a fleet may take. Tests assert what happens and in which order; how fast is for bench/. */
const PATIENCE_MS = 60_000;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Calls `probe` every 50 ms until it returns something but undefined or false, and returns that. An exception counts
 * as "not yet". On failure the error says `what`, the last answer, and `context()`: the ends of the logs.
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  context: () => string = () => '',
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + patienceMs;
  let last = 'no answer';
  do {
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
      last = String(answer);
    } catch (error) {
      last = (error as Error).message;
    }
    await pause(50);
  } while (performance.now() < deadline);
  throw new Error(`waited ${patienceMs / 1000} s in vain for: ${what} (last: ${last})\n${context()}`);
}
