// A run's world, put together from its plan: machines on a network, members and nodes on the machines, clients that
// write, and whoever watches.

import { assert } from '../base/assert.ts';
import { Random } from '../base/random.ts';
import { firstConf } from './conf.ts';
import { Disk } from './disk.ts';
import { LocalClock } from './local-clock.ts';
import type { MachineFactory } from './machine.ts';
import { Member } from './member.ts';
import { Network } from './network.ts';
import type { PrimaryAddress } from './redis/node.ts';
import { RedisNode } from './redis/node.ts';
import type { Sabotage } from './sabotage.ts';
import type { GroupPlan, Scenario } from './scenario.ts';
import { machinesOf } from './scenario.ts';
import type { Story } from './story.ts';
import { Timeline } from './timeline.ts';
import type { Witness } from './witness.ts';
import { Witnesses } from './witness.ts';
import { Writer } from './writer.ts';

export interface Group {
  readonly plan: GroupPlan;
  readonly nodes: readonly RedisNode[];
  readonly writer: Writer;
}

export interface WorldOptions {
  readonly factory: MachineFactory;
  readonly sabotage: Sabotage | null;
  readonly story: Story;
  readonly witnesses: readonly Witness[];
  /** The machine threw or ran in circles. */
  readonly broke: (sentence: string) => void;
}

export class World {
  readonly scenario: Scenario;
  readonly timeline = new Timeline();
  readonly network: Network;
  readonly members: readonly Member[];
  readonly groups: readonly Group[];
  /** All groups' nodes, in the order faults count them. */
  readonly nodes: readonly RedisNode[];
  readonly #story: Story;
  readonly #random: Random;

  constructor(scenario: Scenario, options: WorldOptions) {
    this.scenario = scenario;
    this.#story = options.story;
    // Not the generator that made the plan, so that a shorter plan runs through the same dice.
    const random = new Random(scenario.seed + 1);
    this.#random = random;
    this.network = new Network(this.timeline, random.fork(), scenario);
    for (const ip of machinesOf(scenario)) this.network.addMachine(ip);
    this.groups = scenario.groups.map((plan, index) => this.#makeGroup(plan, index));
    this.nodes = this.groups.flatMap((group) => group.nodes);
    this.members = this.#makeMembers(options);
  }

  tell(who: string, text: string): void {
    this.#story.tell(this.timeline.now, who, text);
  }

  get isTold(): boolean {
    return this.#story.isTold;
  }

  /** Dice of the world itself (what a crash leaves). */
  get random(): Random {
    return this.#random;
  }

  start(): void {
    for (const node of this.nodes) node.start({ data: [], loadingMs: 0 });
    for (const member of this.members) {
      // Nobody starts a fleet in one instant.
      this.timeline.after(this.#random.float() * 1_500, () => member.start());
    }
    for (const group of this.groups) group.writer.start();
  }

  /** A process dies, or comes back. */
  crashNode(node: RedisNode, silently: boolean): void {
    if (node.running) node.crash(silently);
  }

  restartNode(node: RedisNode, how: { keepsData: boolean; loadingMs: number }): void {
    if (node.running) return;
    // The last writes had not been synced (appendfsync everysec).
    const data = how.keepsData ? node.history.dataWithoutLast(this.#random.int(3)) : [];
    node.start({ data, loadingMs: how.loadingMs });
    this.tell(node.name, `is back with ${data.length} keys, as ${roleText(node.follows)}`);
  }

  restartMember(member: Member): void {
    if (member.running) return;
    this.tell(member.name, 'is back');
    member.start();
  }

  group(name: string): Group | undefined {
    return this.groups.find((group) => group.plan.name === name);
  }

  #makeGroup(plan: GroupPlan, index: number): Group {
    const [first] = plan.nodes;
    assert(first !== undefined, 'a group has a primary');
    const nodes = plan.nodes.map(
      (node) =>
        new RedisNode(
          this.network,
          this.#random.fork(),
          { ...node, follows: node === first ? null : { host: first.ip, port: first.port } },
          { roleChanged: (who, sentence) => this.tell(who.name, sentence) },
        ),
    );
    const ip = `10.0.9.${index + 1}`;
    this.network.addMachine(ip);
    const writer = new Writer(this.network, `writer-${index + 1}`, ip, plan.name, this.scenario.members);
    return { plan, nodes, writer };
  }

  #makeMembers(options: WorldOptions): Member[] {
    const { factory, sabotage } = options;
    const watch = {
      witness: new Witnesses(options.witnesses),
      listener: {
        says: (member: Member, text: string) => this.tell(member.name, text),
        broke: (_member: Member, sentence: string) => options.broke(sentence),
      },
    };
    return this.scenario.members.map((plan) => {
      const random = this.#random.fork();
      const disk = new Disk(this.timeline, random.fork(), firstConf(this.scenario, plan));
      return new Member(
        this.network,
        random,
        disk,
        {
          name: plan.name,
          ip: plan.ip,
          port: plan.port,
          clock: new LocalClock(plan.clockOffsetMs, plan.clockRate),
          fastCrash: this.scenario.fastCrash,
        },
        { factory, sabotage },
        watch,
      );
    });
  }
}

function roleText(follows: PrimaryAddress | null): string {
  return follows === null ? 'a primary' : `a replica of ${follows.host}:${follows.port}`;
}
