// How each planned fault is done to the simulated world, and undone.

import { unreachable } from '../../base/assert.ts';
import type { Network, Path } from '../network.ts';
import type { Process } from '../process.ts';
import type { RedisNode } from '../redis/node.ts';
import { nodeAddress } from './configuration.ts';
import type { Fleet } from './fleet.ts';
import type { Host } from './host.ts';
import type { Fault, Machine, Scenario } from './scenario.ts';

export interface FaultsOptions {
  readonly network: Network;
  readonly nodes: readonly RedisNode[];
  readonly hosts: readonly Host[];
  readonly fleet: Fleet;
  readonly scenario: Scenario;
  readonly byHand: (action: () => void) => void;
}

export class Faults {
  readonly #o: FaultsOptions;
  /** How many faults keep a process down, or still. */
  readonly #down = new Map<Process, number>();
  readonly #still = new Map<Process, number>();

  constructor(options: FaultsOptions) {
    this.#o = options;
  }

  canReach(ip: string, node: RedisNode): boolean {
    const { network } = this.#o;
    return node.awake && network.path(ip, node.ip).cuts + network.path(node.ip, ip).cuts === 0;
  }

  /** Begins a fault; the answer ends it. Null: it passes by itself. */
  begin(fault: Fault): (() => void) | null {
    const { nodes, hosts, fleet, network, scenario } = this.#o;
    const node = 'node' in fault ? (nodes[fault.node] as RedisNode) : null;
    const host = 'host' in fault ? (hosts[fault.host] as Host) : null;
    switch (fault.kind) {
      case 'kill':
        return this.#kill(fault, node as RedisNode);
      case 'freeze': {
        const process = this.#processOf(fault.machine);
        return this.#count(
          this.#still,
          process,
          () => process.freeze(),
          () => process.thaw(),
        );
      }
      case 'cut': {
        const [from, to] = [this.#processOf(fault.from).ip, this.#processOf(fault.to).ip];
        const paths = [network.path(from, to), ...(fault.bothWays ? [network.path(to, from)] : [])];
        for (const path of paths) path.cuts += 1;
        return () => {
          for (const path of paths) path.cuts -= 1;
        };
      }
      case 'slow': {
        const paths: Path[] = hosts.map(({ ip }) => network.path((node as RedisNode).ip, ip));
        for (const path of paths) path.delayMs += fault.byMs;
        return () => {
          for (const path of paths) path.delayMs -= fault.byMs;
        };
      }
      case 'kill-sentinel': {
        const sentinel = fleet.sentinels[fault.sentinel];
        if (sentinel === undefined) return null;
        return this.#count(
          this.#down,
          sentinel,
          () => sentinel.kill(),
          () => sentinel.start(),
        );
      }
      case 'mute': {
        const sentinel = fleet.sentinels[fault.sentinel];
        if (sentinel === undefined) return null;
        sentinel.isMute = true;
        return () => {
          sentinel.isMute = false;
        };
      }
      case 'kill-host': {
        const daemon = host as Host;
        const end = (): void => (fault.isAsked && daemon.awake ? daemon.stop() : daemon.kill());
        // One that takes its time to leave is killed then.
        return this.#count(this.#down, daemon, end, () => {
          daemon.kill();
          daemon.start();
        });
      }
      case 'disconnect':
        (host as Host).disconnect(node as RedisNode);
        return null;
      case 'promote':
        this.#promote(node as RedisNode);
        return null;
      case 'switch':
        if (host?.running === true) host.switchTo(nodes[fault.to] as RedisNode);
        return null;
      case 'set-state': {
        const server = scenario.source === 'checks' ? `node-${fault.node}` : nodeAddress(fault.node);
        // The daemon refuses such an order.
        if (!(host as Host).knows(server)) return null;
        const set = (state: typeof fault.state): void =>
          (host as Host).deliver(() =>
            (host as Host).feed({ kind: 'set-state', backend: 'redis', server, state }),
          );
        set(fault.state);
        return () => set('ready');
      }
      case 'reload':
        (host as Host).reload(fault.variant);
        return null;
      case 'no-drain':
        (host as Host).noDrain += 1;
        return () => {
          (host as Host).noDrain -= 1;
        };
      default:
        return unreachable(fault, 'a fault that nobody can do');
    }
  }

  #kill(fault: Extract<Fault, { kind: 'kill' }>, node: RedisNode): () => void {
    const restart = (): void => {
      if (fault.comesBack === 'as-primary') node.configure(null);
      const data = fault.comesBack === 'empty' ? [] : node.history.data;
      node.start({ data, loadingMs: fault.loadingMs });
    };
    return this.#count(this.#down, node, () => node.crash(false), restart);
  }

  /** An operator promotes it past every endpoint; the other servers follow it, except a primary that lives on. */
  #promote(node: RedisNode): void {
    if (!node.awake || node.isPrimary) return;
    this.#o.byHand(() => {
      node.replicate(null);
      node.rewriteConfig();
      for (const other of this.#o.nodes) {
        if (other === node || !other.awake || other.isPrimary) continue;
        other.replicate({ host: node.ip, port: node.port });
        other.rewriteConfig();
      }
    });
  }

  /** Several faults of a kind may be on one process: the last one's end ends it. */
  #count(counts: Map<Process, number>, process: Process, begin: () => void, end: () => void): () => void {
    const count = (counts.get(process) ?? 0) + 1;
    counts.set(process, count);
    if (count === 1) begin();
    return () => {
      const left = (counts.get(process) ?? 1) - 1;
      counts.set(process, left);
      if (left === 0) end();
    };
  }

  #processOf({ kind, index }: Machine): Process {
    const { nodes, hosts, fleet } = this.#o;
    const all: readonly Process[] = kind === 'node' ? nodes : kind === 'host' ? hosts : fleet.sentinels;
    return all[index] as Process;
  }
}
