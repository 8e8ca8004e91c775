// What clients' own connections show of a server (HAProxy's observe layer4): so many in a row that can't be made, and its
// checks look closer.

export interface ObserveConf {
  /** As many in a row. */
  readonly errorLimit: number;
  readonly onError: ErrorAction;
}

export type ErrorAction =
  /** The next check comes at once, as one of a server that is changing. */
  | 'fastinter'
  /** It counts as a check that failed. */
  | 'fail-check'
  /** The next check that fails is the last one. */
  | 'sudden-death'
  /** It is down. */
  | 'mark-down';

export class Observed {
  readonly #conf: ObserveConf;
  #errors = 0;

  constructor(conf: ObserveConf) {
    this.#conf = conf;
  }

  /** What is to be done now that a connection was made, or not; null: nothing. */
  saw(isConnected: boolean): ErrorAction | null {
    this.#errors = isConnected ? 0 : this.#errors + 1;
    if (this.#errors < this.#conf.errorLimit) return null;
    this.#errors = 0;
    return this.#conf.onError;
  }
}
