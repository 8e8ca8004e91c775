// Assertions that stay on in production. A broken invariant is a bug: it is thrown, nobody catches it, and the daemon
// stops, because a wrong decision about who is primary costs more than a restart.

/** A bug in Baton itself. Never thrown for bad input or an operating failure. */
export class AssertionError extends Error {
  override name = 'AssertionError';
}

/** Throws an {@link AssertionError} with `sentence` unless `condition` holds. */
export function assert(condition: unknown, sentence: string): asserts condition {
  if (!condition) throw new AssertionError(sentence);
}

/** Marks a place no value can reach; the compiler proves it, this holds it at run time. */
export function unreachable(value: never, sentence: string): never {
  throw new AssertionError(`${sentence}: ${JSON.stringify(value)}`);
}
