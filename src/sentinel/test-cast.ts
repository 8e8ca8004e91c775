// For tests of the machine only: the usual cast of the stage. One primary with two replicas and two other sentinels that
// answer as real ones do, and can be told to behave otherwise.

import { array, bulk, integer, OK, simple, type Reply } from '../resp/reply.ts';
import type { MasterConf, SentinelConf } from './conf/conf.ts';
import { Stage, stageConf, type Actor, type StageOptions } from './test-kit.ts';

export const PRIMARY = '10.0.1.1:6379';
export const REPLICA_1 = '10.0.1.2:6379';
export const REPLICA_2 = '10.0.1.3:6379';
export const PEER_1 = '10.0.9.2:26379';
export const PEER_2 = '10.0.9.3:26379';
export const PEER_1_ID = 'b'.repeat(40);
export const PEER_2_ID = 'c'.repeat(40);

export interface Node {
  role: 'master' | 'slave';
  follows: string;
  linkUp: boolean;
  offset: number;
  priority: number;
  /** Answers nothing. */
  mute: boolean;
  /** Does as SLAVEOF says. */
  obeys: boolean;
  /** More lines of its INFO. */
  info: string[];
}

const node = (role: 'master' | 'slave', follows: string, offset: number): Node => ({
  role,
  follows,
  linkUp: role === 'slave',
  offset,
  priority: 100,
  mute: false,
  obeys: true,
  info: [],
});

/** Three data nodes and two peers that answer as real ones do, and can be told to behave otherwise. */
export class Cast {
  readonly nodes = new Map<string, Node>([
    [PRIMARY, node('master', '', 1000)],
    [REPLICA_1, node('slave', PRIMARY, 1000)],
    [REPLICA_2, node('slave', PRIMARY, 990)],
  ]);
  /** What a peer answers to is-master-down-by-addr; null: nothing. */
  opinion: (peer: string, epoch: string, candidate: string) => Reply | null = (_peer, epoch, candidate) =>
    array([integer(1), bulk(candidate), integer(candidate === '*' ? 0 : Number(epoch))]);
  pong: (to: string) => Reply | null = () => simple('PONG');

  readonly actor: Actor = (to, args) => {
    const node = this.nodes.get(to);
    if (node?.mute === true) return null;
    switch (args[0]) {
      case 'PING':
        return this.pong(to);
      case 'INFO':
        return node === undefined ? null : bulk(this.#info(to, node));
      case 'SENTINEL':
        return this.opinion(to, args[4] ?? '', args[5] ?? '');
      case 'SLAVEOF':
        if (node?.obeys === true) {
          node.role = args[1] === 'NO' ? 'master' : 'slave';
          node.follows = args[1] === 'NO' ? '' : `${args[1]}:${args[2]}`;
        }
        return simple('QUEUED');
      case 'SUBSCRIBE':
        return array([bulk('subscribe'), bulk(args[1] ?? ''), integer(1)]);
      case 'PUBLISH':
        return integer(1);
      default:
        return OK;
    }
  };

  #info(to: string, node: Node): string {
    const lines = [`run_id:${to.replaceAll(/\D/g, '').padEnd(40, '0')}`, `role:${node.role}`];
    if (node.role === 'master') {
      let index = 0;
      for (const [name, other] of this.nodes) {
        if (other.follows !== to) continue;
        const [ip, port] = name.split(':');
        lines.push(`slave${index}:ip=${ip},port=${port},state=online,offset=${other.offset},lag=0`);
        index += 1;
      }
      lines.push(`master_repl_offset:${node.offset}`);
    } else {
      const [host, port] = node.follows.split(':');
      lines.push(`master_host:${host}`, `master_port:${port}`);
      lines.push(`master_link_status:${node.linkUp ? 'up' : 'down'}`);
      lines.push(`slave_repl_offset:${node.offset}`, `slave_priority:${node.priority}`);
    }
    return `${[...lines, ...node.info].join('\r\n')}\r\n`;
  }
}

export const KNOWN_PEERS = [
  { host: '10.0.9.2', port: 26379, runId: PEER_1_ID },
  { host: '10.0.9.3', port: 26379, runId: PEER_2_ID },
];

interface TrioOptions extends Partial<Omit<StageOptions, 'conf' | 'actor'>> {
  readonly conf?: Partial<SentinelConf>;
}

/** A sentinel that watches `m1` with its two replicas, and knows its two peers. */
export function trio(
  master: Partial<MasterConf> = {},
  { conf: more, ...options }: TrioOptions = {},
): { stage: Stage; cast: Cast } {
  const cast = new Cast();
  const conf = stageConf([{ knownSentinels: KNOWN_PEERS, ...master }], more);
  const stage = new Stage({ conf, actor: cast.actor, ...options });
  stage.pass(100);
  return { stage, cast };
}

/** The node called `name`; it must be there. */
export function nodeOf(cast: Cast, name: string): Node {
  const found = cast.nodes.get(name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

/** The primary's process dies: connections end, new ones are refused. */
export function crash(stage: Stage, cast: Cast, name = PRIMARY): void {
  cast.nodes.delete(name);
  stage.kill(name);
}

/** One master's fields as SENTINEL MASTER shows them. */
export function fieldsOf(reply: Reply | null): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [key, value] of reply?.kind === 'map' ? reply.entries : []) {
    if (key.kind === 'bulk' && value.kind === 'bulk') fields.set(key.value, value.value);
  }
  return fields;
}
