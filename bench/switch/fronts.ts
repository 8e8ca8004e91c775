// Two nodes in sync and what stands before them: the relay, which is ordered to switch, or HAProxy, behind whose back the
// same steps are taken by hand.

import { setTimeout as pause } from 'node:timers/promises';
import type { Target } from '../../src/endpoint/route.ts';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedServer } from '../../src/redis/managed-server.ts';
import type { ServerFiles } from '../../src/redis/server-files.ts';
import { DataNode } from '../../test/harness/fleet.ts';
import { until } from '../../test/harness/wait.ts';
import { Wire } from '../../test/harness/wire.ts';
import { Baton, startHaproxy } from '../shared/endpoint-daemons.ts';

export const FRONTS = ['relay', 'haproxy'] as const;
export type FrontName = (typeof FRONTS)[number];

const HOST = '127.0.0.1';
const PAUSE_MS_MAX = 5_000;
const ATTEMPTS_MAX = 20;
const AGAIN_AFTER_MS = 250;
/** A follower that was cut off for a moment goes on where it was, also under the load of these benches. */
const DIRECTIVES = ['repl-diskless-sync-delay 0', 'repl-backlog-size 256mb', 'protected-mode no'];

export class Front {
  /** Where clients connect. */
  readonly target: Target;
  readonly name: FrontName;
  primary: DataNode;
  replica: DataNode;
  /** Why orders were refused, before the same order was carried out. */
  readonly refused: string[] = [];
  readonly #baton: Baton | null;
  readonly #ends: (() => Promise<void>)[];

  private constructor(
    name: FrontName,
    nodes: readonly [DataNode, DataNode],
    target: Target,
    baton: Baton | null,
    ends: (() => Promise<void>)[],
  ) {
    this.name = name;
    this.target = target;
    [this.primary, this.replica] = nodes;
    this.#baton = baton;
    this.#ends = ends;
  }

  static async start(name: FrontName, files: ServerFiles): Promise<Front> {
    const ends: (() => Promise<void>)[] = [];
    try {
      const primary = await startNode(files, null, ends);
      const replica = await startNode(files, primary, ends);
      await inSync(replica);
      const target = { host: HOST, port: await freePort() };
      let baton: Baton | null = null;
      if (name === 'relay') {
        const servers = `${primary.address},${replica.address}`;
        const listen = `${target.host}:${target.port}`;
        baton = await Baton.start(['--servers', servers, '--listen', listen, '--path', 'relay']);
        const { process } = baton;
        ends.push(() => process.dispose());
      } else {
        const haproxy = await startHaproxy({
          listen: target,
          servers: [primary.target, replica.target],
          isReady: () => onlyLeadsToPrimaries(target),
        });
        ends.push(() => haproxy.dispose());
      }
      return new Front(name, [primary, replica], target, baton, ends);
    } catch (error) {
      for (const end of ends.toReversed()) await end();
      throw error;
    }
  }

  /** Makes the replica the primary; resolves with the milliseconds from the order to its answer. */
  async switch(): Promise<number> {
    const startedAtMs = performance.now();
    if (this.#baton === null) await this.#switchByHand();
    const tookMs = this.#baton === null ? performance.now() - startedAtMs : await this.#order(this.#baton);
    [this.primary, this.replica] = [this.replica, this.primary];
    return tookMs;
  }

  /** Both nodes in sync again, as the endpoint knows, too. */
  async settled(): Promise<void> {
    await inSync(this.replica);
    const { address } = this.replica;
    await until('the endpoint has seen the replica stream', async () => {
      if (this.#baton === null) return true;
      const [backend] = (await this.#baton.status()).snapshot.backends;
      const row = backend?.servers.find((server) => server.address === address);
      return row?.role === 'slave' && row.lagBytes !== null && row.health === 'up';
    });
  }

  /** kill -9, and the other is made the primary at once. Resolves with when, by performance.now(), that was answered. */
  async killPrimary(): Promise<number> {
    const wire = await Wire.open(this.replica.target);
    await this.primary.server.kill();
    await wire.call('REPLICAOF', 'NO', 'ONE');
    const promotedAtMs = performance.now();
    wire.close();
    return promotedAtMs;
  }

  async dispose(): Promise<void> {
    for (const end of this.#ends.splice(0).toReversed()) await end();
  }

  /** Of the order that was carried out. */
  async #order(baton: Baton): Promise<number> {
    for (let attempt = 1; ; attempt += 1) {
      const startedAtMs = performance.now();
      const { isDone, sentence } = await baton.switchTo(this.replica.target);
      if (isDone) return performance.now() - startedAtMs;
      if (attempt === ATTEMPTS_MAX) throw new Error(sentence);
      this.refused.push(sentence);
      await pause(AGAIN_AFTER_MS);
    }
  }

  /** What the relay is ordered to do, without anybody who holds clients meanwhile. */
  async #switchByHand(): Promise<void> {
    const [from, to] = [await Wire.open(this.primary.target), await Wire.open(this.replica.target)];
    try {
      await from.call('CLIENT', 'PAUSE', `${PAUSE_MS_MAX}`, 'WRITE');
      const offset = (await this.primary.replication())['master_repl_offset'];
      while ((await this.replica.replication())['slave_repl_offset'] !== offset) await pause(1);
      await to.call('REPLICAOF', 'NO', 'ONE');
      await from.call('REPLICAOF', HOST, `${this.replica.target.port}`);
      await from.call('CLIENT', 'UNPAUSE');
    } finally {
      from.close();
      to.close();
    }
  }
}

async function startNode(
  files: ServerFiles,
  primary: DataNode | null,
  ends: (() => Promise<void>)[],
): Promise<DataNode> {
  const port = await freePort();
  const follows = primary === null ? [] : [`replicaof ${HOST} ${primary.target.port}`];
  const server = await ManagedServer.start({ files, port, directives: [...DIRECTIVES, ...follows] });
  ends.push(() => server.dispose());
  return new DataNode(server, { host: HOST, port }, HOST);
}

async function inSync(replica: DataNode): Promise<void> {
  await until(
    `${replica.address} streams`,
    async () => (await replica.replication())['master_link_status'] === 'up',
    () => replica.server.output,
  );
}

/** Until its first checks, HAProxy leads to replicas, too. */
async function onlyLeadsToPrimaries(target: Target): Promise<boolean> {
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const wire = await Wire.open(target).catch(() => null);
    if (wire === null) return false;
    try {
      const role = await wire.call('ROLE');
      if (!Array.isArray(role) || role[0] !== 'master') return false;
    } catch {
      return false;
    } finally {
      wire.close();
    }
  }
  return true;
}
