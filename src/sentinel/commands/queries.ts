// The SENTINEL subcommands that only look: where a master is, whether a quorum is there, what is cached or pending.

import {
  array,
  bulk,
  bulks,
  error,
  integer,
  NULL,
  NULL_ARRAY,
  simple,
  type Reply,
} from '../../resp/reply.ts';
import { answerQuestion } from '../asking.ts';
import type { Core } from '../core.ts';
import { currentAddress } from '../current-address.ts';
import type { DataNode } from '../instance.ts';
import { withMaster, type MonitorCommand } from './handler.ts';

export const myId: MonitorCommand = (core) => bulk(core.myId);

export const getMasterAddrByName: MonitorCommand = (core, args) => {
  const master = core.masters.get(args[2] ?? '');
  if (master === undefined) return NULL_ARRAY;
  const address = currentAddress(master);
  return bulks([core.shown(address), `${address.port}`]);
};

export const isMasterDownByAddr: MonitorCommand = (core, args, defer) => {
  const [, , host = '', port = '', epoch = '', candidate = ''] = args;
  // Most questions are answered at once; only a vote that has to be written first holds the asker.
  let later: ((reply: Reply) => void) | null = null;
  let now: Reply | null = null;
  answerQuestion(core, { host, port, epoch, candidate }, (reply) => {
    if (later === null) now = reply;
    else later(reply);
  });
  if (now !== null) return now;
  later = defer();
  return 'later';
};

export const ckquorum = withMaster((_core, master): Reply => {
  const voters = master.peers.size + 1;
  let usable = 1;
  for (const peer of master.peers.values()) if (!peer.sdown) usable += 1;
  const majority = Math.floor(voters / 2) + 1;
  const problems: string[] = [];
  if (usable < master.quorum)
    problems.push('Not enough available Sentinels to reach the specified quorum for this master');
  if (usable < majority)
    problems.push('Not enough available Sentinels to reach the majority and authorize a failover');
  if (problems.length > 0) return error(`NOQUORUM ${usable} usable Sentinels. ${problems.join('. ')}`);
  return simple(`OK ${usable} usable Sentinels. Quorum and failover authorization can be reached`);
});

export const infoCache: MonitorCommand = (core, args) => {
  const describe = (node: DataNode): Reply =>
    array([
      integer(node.infoAt === null ? 0 : core.now - node.infoAt),
      node.infoText === null ? NULL : bulk(node.infoText),
    ]);
  const items: Reply[] = [];
  for (const name of new Set(args.slice(2))) {
    const master = core.masters.get(name);
    if (master === undefined) continue;
    items.push(bulk(name), array([describe(master), ...Array.from(master.replicas.values(), describe)]));
  }
  return array(items);
};

export const pendingScripts: MonitorCommand = (core) =>
  array(
    core.scripts.jobs.map((job) => ({
      kind: 'map' as const,
      entries: [
        [bulk('argv'), bulks([job.path, ...job.args])],
        [bulk('flags'), bulk(job.running ? 'running' : 'scheduled')],
        [bulk('pid'), bulk(`${job.pid}`)],
        job.running
          ? [bulk('run-time'), bulk(`${core.now - job.startedAt}`)]
          : [bulk('run-delay'), bulk(`${Math.max(0, job.dueAt - core.now)}`)],
        [bulk('retry-num'), bulk(`${job.attempts}`)],
      ] as (readonly [Reply, Reply])[],
    })),
  );

/** ROLE: a sentinel, and the names it watches. */
export function role(core: Core): Reply {
  return array([bulk('sentinel'), bulks([...core.masters.keys()])]);
}
