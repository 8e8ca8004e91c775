// A fleet: voters and the groups of data nodes they watch, all real processes on loopback. Made with `startFleet`,
// which takes the test's context and cleans up after it whatever happens.

import type { Flavor, ServerFiles } from '../../src/redis/server-files.ts';
import { findServer } from '../../src/redis/find-server.ts';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import { type Certificates, tlsDirectives } from './certificates.ts';
import { Voter, type VoterKind } from './voter.ts';
import { until } from './wait.ts';
import { type Target, type Value, ask, infoFields } from './wire.ts';

/** What {@link startFleet} needs of a test's context. */
export interface Cleanup {
  after(fn: () => Promise<void>): void;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Where a process runs; everything is on 127.0.0.1 unless a test says otherwise. */
export interface Place {
  readonly host: string;
  /** What the others call it, if not `host`. */
  readonly name?: string;
  readonly wrapper: readonly string[];
}

export interface FleetOptions {
  readonly voters: readonly VoterKind[];
  /** Default: one, `mymaster`. */
  readonly groups?: readonly string[];
  /** Of each group. Default 2. */
  readonly replicas?: number;
  /** Whose data nodes. Default `redis`. */
  readonly flavor?: Flavor;
  /** Default: a majority of the voters. */
  readonly quorum?: number;
  readonly downAfterMs?: number;
  readonly failoverTimeoutMs?: number;
  /** The port of every data node, if each has a host of its own. Default: a free one each. */
  readonly nodePort?: number;
  /** Lines for every data node. */
  readonly nodeLines?: readonly string[];
  /** Lines for every voter. */
  readonly voterLines?: readonly string[];
  /** Who the tests are to the data nodes, and to the voters. */
  readonly nodeCredentials?: Credentials;
  readonly voterCredentials?: Credentials;
  readonly tls?: Certificates;
  /** Where the n-th node of a group runs. */
  readonly placeOfNode?: (index: number) => Place;
  /** Where the n-th voter runs. */
  readonly placeOfVoter?: (index: number) => Place;
  /** More arguments for voters that are Batons. */
  readonly batonArgs?: readonly string[];
}

const LOOPBACK: Place = { host: '127.0.0.1', wrapper: [] };
// Long enough that a busy machine with two cores seldom looks dead.
const DOWN_AFTER_MS = 1_500;
const FAILOVER_TIMEOUT_MS = 8_000;

/** One data node. */
export class DataNode {
  readonly server: ManagedServer;
  readonly target: Target;
  /** `host:port` as voters and replicas know it. */
  readonly address: string;

  constructor(server: ManagedServer, target: Target, name: string) {
    this.server = server;
    this.target = target;
    this.address = `${name}:${target.port}`;
  }

  ask(...args: readonly string[]): Promise<Value> {
    return ask(this.target, args);
  }

  async replication(): Promise<Record<string, string>> {
    return infoFields(await this.ask('INFO', 'replication'));
  }
}

export class Fleet {
  readonly options: FleetOptions;
  readonly voters: Voter[] = [];
  readonly groups = new Map<string, DataNode[]>();
  /** Hosts that a test has cut off: what runs there is not asked. */
  readonly unreachable = new Set<string>();

  constructor(options: FleetOptions) {
    this.options = options;
  }

  /** The nodes of a group; the first was configured as its primary. */
  nodes(group = 'mymaster'): DataNode[] {
    const nodes = this.groups.get(group);
    if (nodes === undefined) throw new Error(`this fleet has no group ${group}`);
    return nodes;
  }

  /** Voters that run, and are neither frozen nor cut off. */
  runningVoters(): Voter[] {
    return this.voters.filter(
      ({ process, target }) => process.isResponsive && !this.unreachable.has(target.host),
    );
  }

  /** Waits until every voter knows every other and all replicas, and these stream. */
  async settled(): Promise<void> {
    for (const [group, nodes] of this.groups) {
      await until(
        `all replicas of ${group} stream`,
        async () => {
          for (const node of nodes.slice(1)) {
            if ((await node.replication())['master_link_status'] !== 'up') return false;
          }
          return true;
        },
        this.story,
      );
      for (const voter of this.voters) {
        await until(
          `${voter.process.name} knows everybody in ${group}`,
          async () => {
            const master = await voter.master(group);
            return (
              master['num-other-sentinels'] === String(this.voters.length - 1) &&
              master['num-slaves'] === String(nodes.length - 1) &&
              master['flags'] === 'master'
            );
          },
          this.story,
        );
      }
    }
  }

  /**
   * Waits until all running voters name one and the same node other than `old`, it is a primary, and every other running
   * node streams from it; returns it. Whoever it is: on a machine that stalls for longer than down-after, a second
   * failover may rightly follow the first.
   */
  failedOver(old: DataNode, group = 'mymaster'): Promise<DataNode> {
    return until(
      `all follow a primary of ${group} other than ${old.address}`,
      async () => {
        const primary = await this.#followedPrimary(group);
        return primary === old ? undefined : primary;
      },
      this.story,
    );
  }

  /** {@link failedOver} to whomever: waits for peace. */
  converged(group = 'mymaster'): Promise<DataNode> {
    return until(`all follow one primary of ${group}`, () => this.#followedPrimary(group), this.story);
  }

  async #followedPrimary(group: string): Promise<DataNode | undefined> {
    const named = new Set(await Promise.all(this.runningVoters().map((voter) => voter.primaryOf(group))));
    const [address = ''] = named;
    const primary = this.nodes(group).find((node) => node.address === address);
    if (named.size !== 1 || primary === undefined) return undefined;
    for (const node of this.nodes(group)) {
      if (!node.server.isResponsive || this.unreachable.has(node.target.host)) continue;
      const { role, master_host, master_port, master_link_status } = await node.replication();
      if (node === primary ? role !== 'master' : role !== 'slave') return undefined;
      if (node === primary) continue;
      if (`${master_host}:${master_port}` !== primary.address || master_link_status !== 'up')
        return undefined;
    }
    return primary;
  }

  /** The ends of all logs and all events, for a failure's message. */
  readonly story = (): string => {
    const nodes = [...this.groups.values()].flat().map((node) => node.server);
    const logs = [...nodes, ...this.voters.map((voter) => voter.process)].map(
      ({ name, output }) => `--- ${name}\n${output.split('\n').slice(-15).join('\n')}`,
    );
    const events = this.voters.map(
      (voter) =>
        `--- events of ${voter.process.name}\n${voter.events.map(({ name, text, atMs }) => `${atMs.toFixed(0)} ${name} ${text}`).join('\n')}`,
    );
    return [...logs, ...events].join('\n');
  };

  async dispose(): Promise<void> {
    const nodes = [...this.groups.values()].flat();
    await Promise.all([
      ...this.voters.map((v) => v.dispose()),
      ...nodes.map((node) => node.server.dispose()),
    ]);
  }
}

/** Starts a fleet and waits until it has settled. */
export async function startFleet(test: Cleanup, options: FleetOptions): Promise<Fleet> {
  const fleet = new Fleet(options);
  test.after(() => fleet.dispose());
  const files = await serverFiles(options.flavor ?? 'redis');
  for (const group of options.groups ?? ['mymaster']) {
    fleet.groups.set(group, await startGroup(options, files));
  }
  const voterFiles = await serverFiles('redis');
  for (const [index, kind] of options.voters.entries()) {
    const place = options.placeOfVoter?.(index) ?? LOOPBACK;
    const { user, password } = options.voterCredentials ?? {};
    const target: Target = { host: place.host, port: await freePort(), tls: options.tls, user, password };
    const lines = voterLines(fleet, place);
    const args = kind === 'baton' ? (options.batonArgs ?? []) : [];
    fleet.voters.push(
      await Voter.start({ kind, files: voterFiles, target, lines, wrapper: place.wrapper, args }),
    );
  }
  await fleet.settled();
  return fleet;
}

/** Servers of a flavor; throws with what to install. */
export async function serverFiles(flavor: Flavor): Promise<ServerFiles> {
  const found = await findServer({ flavors: [flavor] });
  if (!found.ok) throw new Error(found.problem.sentence);
  return found.value;
}

async function startGroup(options: FleetOptions, files: ServerFiles): Promise<DataNode[]> {
  const nodes: DataNode[] = [];
  try {
    for (let index = 0; index <= (options.replicas ?? 2); index += 1) {
      const place = options.placeOfNode?.(index) ?? LOOPBACK;
      const name = place.name ?? place.host;
      const port = options.nodePort ?? (await freePort());
      const primary = nodes[0];
      const directives = [
        'repl-diskless-sync-delay 0',
        'protected-mode no',
        ...(place.name === undefined ? [] : [`replica-announce-ip ${place.name}`]),
        ...(options.tls === undefined ? [] : ['port 0', `tls-port ${port}`, ...tlsDirectives(options.tls)]),
        ...(options.nodeLines ?? []),
        ...(primary === undefined ? [] : [`replicaof ${primary.address.replace(/:(\d+)$/, ' $1')}`]),
      ];
      const server = await ManagedServer.start({
        files,
        port,
        host: place.host,
        wrapper: place.wrapper,
        directives,
        ...(options.tls === undefined ? {} : { readyOutput: /Ready to accept connections/ }),
      });
      const { user, password } = options.nodeCredentials ?? {};
      nodes.push(new DataNode(server, { host: place.host, port, tls: options.tls, user, password }, name));
    }
    return nodes;
  } catch (error) {
    await Promise.all(nodes.map((node) => node.server.dispose()));
    throw error;
  }
}

function voterLines(fleet: Fleet, place: Place): string[] {
  const { options } = fleet;
  const quorum = options.quorum ?? Math.floor(options.voters.length / 2) + 1;
  const lines = [...(options.tls === undefined ? [] : tlsDirectives(options.tls))];
  if (place.name !== undefined) {
    lines.push(
      'sentinel resolve-hostnames yes',
      'sentinel announce-hostnames yes',
      `sentinel announce-ip ${place.name}`,
    );
  }
  for (const [group, [primary]] of fleet.groups) {
    if (primary === undefined) continue;
    lines.push(
      `sentinel monitor ${group} ${primary.address.replace(/:(\d+)$/, ' $1')} ${quorum}`,
      `sentinel down-after-milliseconds ${group} ${options.downAfterMs ?? DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${group} ${options.failoverTimeoutMs ?? FAILOVER_TIMEOUT_MS}`,
    );
  }
  return [...lines, ...(options.voterLines ?? [])];
}
