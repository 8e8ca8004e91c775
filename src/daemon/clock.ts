// The one place where the daemon asks for monotonic time.

/** Whole milliseconds since the process started; never goes back, whatever happens to the wall clock. */
export function monotonicMs(): number {
  return Math.floor(performance.now());
}
