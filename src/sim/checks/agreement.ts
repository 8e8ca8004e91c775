// `agreement`: within a stated time after the last fault, every member names the same address under the same
// configuration epoch, a primary lives there, and every other node of the group follows it with its link up.

import type { Reply } from '../../resp/reply.ts';
import type { Member } from '../member.ts';
import { REPLICATION_TIMEOUT_MS } from '../redis/node.ts';
import type { Scenario } from '../scenario.ts';
import type { Command } from '../wire.ts';
import type { Remote, Witness } from '../witness.ts';
import type { Elections } from './elections.ts';
import type { Group, World } from '../world.ts';
import { readHello } from './payload.ts';

/** How often the question is asked, and how many times in a row the answer must be yes. */
export const ASK_EVERY_MS = 1_000;
const AGREED_TIMES = 3;

/**
 * The longest a fleet may take to settle once nothing is wrong any more. The sum of what may have to happen one after
 * the other (sentinel.md §4, §6):
 *
 * - 30 s: a member that was frozen until then is in TILT;
 * - 35 s: a link that hangs is 15 s old before it is torn down; the new one may need a second try; a dial by the
 *   kernel waits up to 16 s between two SYNs;
 * - down-after + 2 x INFO period: a primary that says it is a replica;
 * - 2 x failover-timeout + 1 s: a member that voted for a leader that died waits before it tries itself;
 * - failover-timeout each for a promotion, for re-pointing the replicas, and for `+fix-slave-config`, and the whole once
 *   more: the first attempt may have been begun under the last fault and come to nothing;
 * - 8 s + 3 x INFO period: `+convert-to-slave` and `+fix-slave-config` are driven by INFO;
 * - 2 x the replication timeout and 4 s: a replica notices a dead link, dials again and copies everything, also along a
 *   chain.
 */
export function settleBoundMs(scenario: Scenario): number {
  let longest = 0;
  for (const { downAfterMs, failoverTimeoutMs } of scenario.groups) {
    const failoverMs = downAfterMs + 20_000 + 2 * failoverTimeoutMs + 1_000 + 3 * failoverTimeoutMs;
    longest = Math.max(longest, 2 * failoverMs);
  }
  return 30_000 + 35_000 + longest + 8_000 + 30_000 + 2 * REPLICATION_TIMEOUT_MS + 4_000;
}

export class AgreementCheck implements Witness {
  readonly #elections: Elections;
  /** The configuration epoch each member last told, by member and group. */
  readonly #epochs = new Map<string, bigint>();
  #agreedTimes = 0;
  #agreedSince = 0;
  #disagreement = 'nobody was asked yet';
  #isForcedCollision = false;

  constructor(elections: Elections) {
    this.#elections = elections;
  }

  sent(member: Member, _remote: Remote, command: Command): void {
    const hello = readHello(command);
    if (hello !== null) this.#epochs.set(`${member.name} ${hello.group}`, hello.configEpoch);
  }

  /** Why the last time the answer was no. */
  get disagreement(): string {
    return this.#disagreement;
  }

  /**
   * The last no was two addresses under one epoch that an operator's forced failover took. Sentinel can't resolve that,
   * as equal epochs overwrite nothing; the next failover does. It is the price of forcing, so it is counted, not held
   * against the machine.
   */
  get isForcedCollision(): boolean {
    return this.#isForcedCollision;
  }

  /** When what has been agreed on since began. */
  get agreedSinceMs(): number {
    return this.#agreedSince;
  }

  /** Asks everybody. True once the answer has been yes often enough in a row. */
  ask(world: World): boolean {
    this.#isForcedCollision = false;
    for (const group of world.groups) {
      const reason = this.#whyNot(world, group);
      if (reason === null) continue;
      this.#agreedTimes = 0;
      this.#disagreement = `${group.plan.name}: ${reason}`;
      return false;
    }
    if (this.#agreedTimes === 0) this.#agreedSince = world.timeline.now;
    this.#agreedTimes += 1;
    return this.#agreedTimes >= AGREED_TIMES;
  }

  #whyNot(world: World, group: Group): string | null {
    let agreed: { readonly address: string; readonly epoch: bigint; readonly member: Member } | null = null;
    for (const member of world.members) {
      if (!member.awake) return `${member.name} is not running`;
      const address = primaryAccordingTo(member, group.plan.name);
      if (address === null) return `${member.name} does not say who is primary`;
      const epoch = this.#epochs.get(`${member.name} ${group.plan.name}`) ?? 0n;
      if (agreed === null) agreed = { address, epoch, member };
      else if (agreed.address !== address || agreed.epoch !== epoch) {
        this.#isForcedCollision = agreed.epoch === epoch && this.#elections.wasForced(group.plan.name, epoch);
        return (
          `${agreed.member.name} says ${agreed.address} (epoch ${agreed.epoch}), ` +
          `${member.name} says ${address} (epoch ${epoch})`
        );
      }
    }
    const primary = agreed?.address ?? '';
    for (const node of group.nodes) {
      const address = `${node.ip}:${node.port}`;
      if (!node.awake || node.isLoading) return `${node.name} is not up`;
      const { follows } = node;
      if (address === primary) {
        if (follows !== null)
          return `${node.name} should be primary but replicates ${follows.host}:${follows.port}`;
      } else if (follows === null) return `${node.name} is a primary beside ${primary}`;
      else if (`${follows.host}:${follows.port}` !== primary) {
        return `${node.name} replicates ${follows.host}:${follows.port}, not ${primary}`;
      } else if (!node.linkIsUp) return `the link of ${node.name} to ${primary} is down`;
    }
    return null;
  }
}

function primaryAccordingTo(member: Member, group: string): string | null {
  const answers: Reply[] = [];
  member.ask(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', group], (reply) => answers.push(reply));
  const [answer] = answers;
  if (answer?.kind !== 'array') return null;
  const [host, port] = answer.items;
  return host?.kind === 'bulk' && port?.kind === 'bulk' ? `${host.value}:${port.value}` : null;
}
