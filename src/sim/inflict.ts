// Carries out faults: each begins at its moment and undoes itself at its end.

import { assert } from '../base/assert.ts';
import type { Fault } from './faults.ts';
import { describeFault } from './faults.ts';
import type { Member } from './member.ts';
import type { RedisNode } from './redis/node.ts';
import { machinesOf } from './scenario.ts';
import type { World } from './world.ts';

/** Plans all faults of the world's scenario. */
export function planFaultsOf(world: World): void {
  const names = {
    members: world.members.map((member) => member.name),
    nodes: world.nodes.map((node) => node.name),
  };
  for (const fault of world.scenario.faults) {
    world.timeline.at(fault.atMs, () => {
      if (world.isTold) world.tell('fault', describeFault(fault, names));
      const undo = inflict(world, fault);
      if (undo !== null) world.timeline.after(fault.forMs, undo);
    });
  }
}

/** Begins a fault; what ends it is the answer, null if it needs no end. */
function inflict(world: World, fault: Fault): (() => void) | null {
  switch (fault.kind) {
    case 'crash-member': {
      const member = memberOf(world, fault.member);
      if (member.running) member.crash(false);
      return () => world.restartMember(member);
    }
    case 'freeze-member': {
      const member = memberOf(world, fault.member);
      member.freeze();
      return () => thaw(world, member);
    }
    case 'leap-clock':
      memberOf(world, fault.member).leap(fault.byMs);
      return null;
    case 'full-disk': {
      const { disk } = memberOf(world, fault.member);
      disk.isFull = true;
      return () => {
        disk.isFull = false;
      };
    }
    case 'slow-disk': {
      const { disk } = memberOf(world, fault.member);
      disk.slownessMs += fault.byMs;
      return () => {
        disk.slownessMs -= fault.byMs;
      };
    }
    case 'crash-node': {
      const node = nodeOf(world, fault.node);
      world.crashNode(node, false);
      return () => world.restartNode(node, fault);
    }
    case 'freeze-node': {
      const node = nodeOf(world, fault.node);
      node.freeze();
      return () => thaw(world, node);
    }
    case 'power-off':
      return powerOff(world, fault.ip);
    case 'partition': {
      const inside = fault.side;
      const outside = machinesOf(world.scenario).filter((ip) => !inside.includes(ip));
      // Clients stay with the others.
      outside.push(...world.groups.map((group) => group.writer.ip));
      const pairs: [string, string][] = [];
      for (const near of inside) {
        for (const far of outside) {
          if (fault.direction !== 'in') pairs.push([near, far]);
          if (fault.direction !== 'out') pairs.push([far, near]);
        }
      }
      for (const [from, to] of pairs) world.network.path(from, to).cuts += 1;
      return () => {
        for (const [from, to] of pairs) world.network.path(from, to).cuts -= 1;
      };
    }
    case 'swizzle':
      for (const cut of fault.paths) {
        const path = world.network.path(cut.from, cut.to);
        world.timeline.after(cut.cutAfterMs, () => {
          path.cuts += 1;
        });
        world.timeline.after(cut.healAfterMs, () => {
          path.cuts -= 1;
        });
      }
      return null;
    case 'bad-line': {
      if (fault.from === fault.to) return null;
      const path = world.network.path(fault.from, fault.to);
      path.delayMs += fault.extraDelayMs;
      path.loss += fault.loss;
      return () => {
        path.delayMs -= fault.extraDelayMs;
        path.loss = Math.max(0, path.loss - fault.loss);
      };
    }
    case 'manual-failover': {
      const member = memberOf(world, fault.member);
      if (!member.awake) return null;
      member.ask(['SENTINEL', 'FAILOVER', fault.group], (reply) => {
        if (reply.kind === 'simple' || reply.kind === 'error')
          world.tell(member.name, `answers ${reply.text}`);
      });
      return null;
    }
    case 'stray-slaveof': {
      const node = nodeOf(world, fault.node);
      if (!node.awake || node.isLoading) return null;
      const target = fault.target === null ? null : nodeOf(world, fault.target);
      // Demoting the primary by hand makes a ring of replicas. Sentinel's rule can't leave it when down-after is short:
      // the primary is called down only after 20 s, and by then every replica's link has been down for too long.
      if (target !== null && node.isPrimary) return null;
      node.replicate(target === null ? null : { host: target.ip, port: target.port });
      return null;
    }
  }
}

function memberOf(world: World, index: number): Member {
  const member = world.members[index];
  assert(member !== undefined, 'the fault names a member of the plan');
  return member;
}

function nodeOf(world: World, index: number): RedisNode {
  const node = world.nodes[index];
  assert(node !== undefined, 'the fault names a node of the plan');
  return node;
}

function thaw(world: World, process: Member | RedisNode): void {
  if (!process.frozen) return;
  world.tell(process.name, 'thaws');
  process.thaw();
}

function powerOff(world: World, ip: string): () => void {
  const members = world.members.filter((member) => member.ip === ip && member.running);
  const nodes = world.nodes.filter((node) => node.ip === ip && node.running);
  world.network.setDark(ip, true);
  for (const member of members) member.crash(true);
  for (const node of nodes) node.crash(true);
  return () => {
    world.network.setDark(ip, false);
    for (const node of nodes) world.restartNode(node, { keepsData: true, loadingMs: 500 });
    for (const member of members) world.restartMember(member);
  };
}
