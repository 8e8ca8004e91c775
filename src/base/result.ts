// Bad input is returned, not thrown: a caller can't forget to look, and all problems of a file come back at once.

/** Something wrong with what came from outside. */
export interface Problem {
  /** A stable word for programs, e.g. `bad-port`. */
  readonly code: string;
  /** A sentence that says what is wrong and what to do next. */
  readonly sentence: string;
  /** `path:line:column` where the problem is in a file. */
  readonly where?: string;
}

export type Result<Value, Trouble = Problem> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly problem: Trouble };

export function success<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

export function failure<Trouble>(problem: Trouble): { readonly ok: false; readonly problem: Trouble } {
  return { ok: false, problem };
}
