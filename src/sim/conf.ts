// The sentinel.conf of a simulated member: as it is before its first start, and what a restart finds in it.

import { assert } from '../base/assert.ts';
import { failure } from '../base/result.ts';
import type { KnownSentinel, SentinelConf } from '../sentinel/conf/conf.ts';
import { defaultMaster, defaultServer } from '../sentinel/conf/defaults.ts';
import { loadConf } from '../sentinel/conf/load.ts';
import { rewriteConf } from '../sentinel/conf/rewrite.ts';
import type { GroupPlan, MemberPlan, Scenario } from './scenario.ts';

const DIRECTORY = '/var/lib/baton';

/** `knowsPeers`: the file already lists the other members, as after an earlier run. */
export function firstConf(scenario: Scenario, member: MemberPlan): SentinelConf {
  const peers: KnownSentinel[] = scenario.knowsPeers
    ? scenario.members
        .filter((other) => other !== member)
        .map((other) => ({ host: other.ip, port: other.port, runId: other.id }))
    : [];
  return {
    myId: member.id,
    currentEpoch: 0n,
    announceIp: null,
    announcePort: 0,
    denyScriptsReconfig: true,
    resolveHostnames: false,
    announceHostnames: false,
    sentinelUser: null,
    sentinelPass: null,
    masters: scenario.groups.map((group) => masterConf(group, peers)),
    server: defaultServer(DIRECTORY),
  };
}

function masterConf(group: GroupPlan, peers: readonly KnownSentinel[]): SentinelConf['masters'][number] {
  const [primary] = group.nodes;
  return {
    ...defaultMaster(group.name, primary?.ip ?? '', primary?.port ?? 0, group.quorum),
    downAfterMs: group.downAfterMs,
    failoverTimeoutMs: group.failoverTimeoutMs,
    parallelSyncs: group.parallelSyncs,
    knownSentinels: peers,
  };
}

/**
 * What a process reads after the one before it saved `state` over `text`: a real rewrite and a real load, so that
 * whatever the file can't carry is missing after a simulated restart, too.
 */
export function throughFile(
  text: string | null,
  state: SentinelConf,
): { readonly text: string; readonly conf: SentinelConf } {
  const rewritten = rewriteConf(text, state, { included: new Set() });
  const loaded = loadConf(
    { path: 'sentinel.conf', text: rewritten, extraLines: [] },
    {
      workingDirectory: DIRECTORY,
      readInclude: () => failure('there are no other files here'),
      isExecutable: () => true,
      isDirectory: () => true,
    },
  );
  assert(loaded.ok, 'what was saved can be loaded');
  return { text: rewritten, conf: loaded.value.conf };
}
