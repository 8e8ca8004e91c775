// Faults as data: what goes wrong, when, and for how long. A schedule of them is all the bad luck of a run, so leaving
// one out is how a failing run is made shorter.

/** Milliseconds of true time. */
interface Span {
  readonly atMs: number;
  readonly forMs: number;
}

export type Fault = Span &
  (
    | { readonly kind: 'crash-member'; readonly member: number }
    | { readonly kind: 'freeze-member'; readonly member: number }
    /** Its monotonic clock leaps forward by `byMs`. */
    | { readonly kind: 'leap-clock'; readonly member: number; readonly byMs: number }
    | { readonly kind: 'full-disk'; readonly member: number }
    | { readonly kind: 'slow-disk'; readonly member: number; readonly byMs: number }
    /** `keepsData`: it persisted; only its last unsynced writes are gone. */
    | {
        readonly kind: 'crash-node';
        readonly node: number;
        readonly keepsData: boolean;
        readonly loadingMs: number;
      }
    | { readonly kind: 'freeze-node'; readonly node: number }
    /** Everything on the machine stops without a word, and starts again after. */
    | { readonly kind: 'power-off'; readonly ip: string }
    /** The machines of `side` are cut off from all others; `direction` is as seen from them. */
    | {
        readonly kind: 'partition';
        readonly side: readonly string[];
        readonly direction: 'both' | 'in' | 'out';
      }
    /** Single paths are cut one after the other, and healed in another order. */
    | {
        readonly kind: 'swizzle';
        readonly paths: readonly {
          readonly from: string;
          readonly to: string;
          readonly cutAfterMs: number;
          readonly healAfterMs: number;
        }[];
      }
    | {
        readonly kind: 'bad-line';
        readonly from: string;
        readonly to: string;
        readonly extraDelayMs: number;
        readonly loss: number;
      }
    /** An operator's SENTINEL FAILOVER. */
    | { readonly kind: 'manual-failover'; readonly member: number; readonly group: string }
    /** An operator points a node elsewhere, behind everybody's back. Null: NO ONE. */
    | { readonly kind: 'stray-slaveof'; readonly node: number; readonly target: number | null }
  );

/** The names the story uses; indexes of the fault refer to them. */
export interface FaultNames {
  readonly members: readonly string[];
  readonly nodes: readonly string[];
}

/** The fault in a phrase. */
export function describeFault(fault: Fault, names: FaultNames): string {
  const member = (index: number): string => names.members[index] ?? `member ${index}`;
  const node = (index: number): string => names.nodes[index] ?? `node ${index}`;
  const span = `for ${(fault.forMs / 1_000).toFixed(1)} s`;
  switch (fault.kind) {
    case 'crash-member':
      return `${member(fault.member)} crashes ${span}`;
    case 'freeze-member':
      return `${member(fault.member)} freezes ${span}`;
    case 'leap-clock':
      return `the clock of ${member(fault.member)} leaps by ${(fault.byMs / 1_000).toFixed(1)} s`;
    case 'full-disk':
      return `the disk of ${member(fault.member)} is full ${span}`;
    case 'slow-disk':
      return `the disk of ${member(fault.member)} takes up to ${fault.byMs} ms longer ${span}`;
    case 'crash-node':
      return `${node(fault.node)} crashes ${span}, comes back ${fault.keepsData ? 'with its data' : 'empty'}`;
    case 'freeze-node':
      return `${node(fault.node)} freezes ${span}`;
    case 'power-off':
      return `the machine ${fault.ip} has no power ${span}`;
    case 'partition': {
      const words = { both: 'cut off', in: 'deaf', out: 'mute' };
      return `${fault.side.join(', ')} ${words[fault.direction]} ${span}`;
    }
    case 'swizzle':
      return `${fault.paths.length} paths are cut and healed in random order ${span}`;
    case 'bad-line':
      return (
        `the line ${fault.from} to ${fault.to} is slower by ${fault.extraDelayMs} ms ` +
        `and loses ${Math.round(fault.loss * 100)} % ${span}`
      );
    case 'manual-failover':
      return `an operator asks ${member(fault.member)} to fail over ${fault.group}`;
    case 'stray-slaveof':
      return fault.target === null
        ? `an operator makes ${node(fault.node)} a primary`
        : `an operator makes ${node(fault.node)} replicate ${node(fault.target)}`;
  }
}
