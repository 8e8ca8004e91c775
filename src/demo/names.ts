// What the actors are called. Members speak of addresses and of run ids; people follow a story better by names.

/** Turns addresses and run ids in a text into names. */
export class Names {
  readonly #byPort: ReadonlyMap<number, string>;
  readonly #byRunId = new Map<string, string>();

  constructor(actors: readonly { readonly name: string; readonly port: number }[]) {
    this.#byPort = new Map(actors.map(({ name, port }) => [port, name]));
  }

  /** A member's run id; an unknown one is cut to eight characters. */
  learnRunId(runId: string, name: string): void {
    this.#byRunId.set(runId, name);
  }

  ofPort(port: number): string {
    return this.#byPort.get(port) ?? `port ${port}`;
  }

  /** Of `127.0.0.1:20001`. */
  ofAddress(address: string): string {
    return this.ofPort(Number(address.slice(address.lastIndexOf(':') + 1)));
  }

  /** `text` with everything named that has a name. */
  within(text: string): string {
    return text
      .replaceAll(/127\.0\.0\.1[: ](\d+)/g, (all, port: string) => this.#byPort.get(Number(port)) ?? all)
      .replaceAll(/\b[0-9a-f]{40}\b/g, (runId) => this.#byRunId.get(runId) ?? runId.slice(0, 8));
  }
}
