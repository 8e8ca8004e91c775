// Where a client's writes went that no WAIT has confirmed, and whether they may be lost since: then no server can answer
// a WAIT for them, and one that did not get them would answer for itself.

/** What can be said of all that was written over one connection, or to one server since some moment. */
export class Fate {
  /** Whose server it is. */
  readonly server: object | null;
  /** The connection was lost, or its server was left without a word that the next one has everything. */
  isOver = false;

  constructor(server: object | null) {
    this.server = server;
  }
}

export class Writes {
  /** Of those that were acknowledged, and not confirmed by a WAIT, the last; or the first that may be lost. */
  at: Fate | null = null;
  /** The client was answered that nobody is known to have them. */
  isTold = false;

  /** One was acknowledged. */
  noted(fate: Fate): void {
    if (this.at?.isOver === true && !this.isTold) return;
    this.at = fate;
    this.isTold = false;
  }

  /** Enough replicas have all of them. */
  confirmed(): void {
    this.at = null;
    this.isTold = false;
  }

  /** Whether the server of `there` may lack some of them. */
  areLostAt(there: Fate): boolean {
    return this.at !== null && (this.at.isOver || this.at.server !== there.server);
  }
}

/** A switch lost nothing that `from` stands for: the server that is led to now may answer for it. */
export function handOver(
  clients: Iterable<{ readonly writes: Writes }>,
  from: ReadonlySet<Fate>,
  servers: Iterable<{ readonly fate: Fate }>,
): void {
  const [to] = servers;
  if (to === undefined) return;
  for (const { writes } of clients) if (writes.at !== null && from.has(writes.at)) writes.at = to.fate;
}
