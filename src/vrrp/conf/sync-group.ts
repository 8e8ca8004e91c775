// Reads a vrrp_sync_group: instances that change state together (vrrp.md §1.10).

import { entriesOf, type Keywords, keywordTable, type Reader, readStatements } from './blocks.ts';
import type { Commands } from './commands.ts';
import type { InstanceConf, RedisBlock, SyncGroupConf } from './conf.ts';
import { readTrackRedis, TRACK_REDIS, unknownDirective } from './directives.ts';
import { plain, redisTracking } from './finish-instance.ts';
import type { InstanceDefaults } from './global-defs.ts';
import { hookReaders, type HooksDraft, hooksDraft } from './hooks.ts';
import { type MailWish, readMailWish, wantsMail } from './mail.ts';
import { type Report, show, whereOf } from './problems.ts';
import { hint } from '../../base/suggest.ts';
import { type PlacedTracking, readTracking, type Trackables } from './tracking.ts';
import type { Statement, Word } from './tree.ts';
import { readBoolean } from './values.ts';

export interface GroupDraft {
  readonly nameWord: Word;
  readonly members: Word[];
  readonly hooks: HooksDraft;
  readonly tracking: PlacedTracking[];
  readonly redis: RedisBlock[];
  tracksWeights: boolean;
  smtpAlert: MailWish | null;
  tellPriorityChanges: boolean | null;
}

function groupKeywords(commands: Commands, trackables: Trackables): Keywords<GroupDraft> {
  const track = (kind: 'script' | 'interface' | 'process' | 'file'): Reader<GroupDraft> => {
    return (draft, statement, report) => {
      draft.tracking.push(...readTracking(report, statement, kind, trackables));
    };
  };
  return keywordTable<GroupDraft>(
    {
      ...hookReaders<GroupDraft>(commands, 'group'),
      smtp_alert(draft, statement, report) {
        draft.smtpAlert = readMailWish(report, statement);
      },
      // The old name of a setting that is always on.
      global_tracking(_draft, { keyword }, report) {
        report.warn(
          keyword,
          'deprecated',
          'global_tracking is deprecated, and has no effect: write the track_* blocks into the group',
        );
      },
      sync_group_tracking_weight(draft, statement, report) {
        draft.tracksWeights = readBoolean(report, statement) ?? false;
      },
      notify_priority_changes(draft, statement, report) {
        draft.tellPriorityChanges = readBoolean(report, statement);
      },
    },
    {
      group(draft, statement, report) {
        for (const { keyword, values } of entriesOf(report, statement))
          draft.members.push(keyword, ...values);
      },
      track_script: track('script'),
      track_interface: track('interface'),
      track_process: track('process'),
      track_file: track('file'),
    },
    'track_bfd',
  );
}

/** Reads the block of a group. */
export function readGroup(
  report: Report,
  block: Statement,
  nameWord: Word,
  commands: Commands,
  trackables: Trackables,
): GroupDraft {
  const draft: GroupDraft = {
    nameWord,
    members: [],
    hooks: hooksDraft(),
    tracking: [],
    redis: [],
    tracksWeights: false,
    smtpAlert: null,
    tellPriorityChanges: null,
  };
  const owner = `vrrp_sync_group ${nameWord.text}`;
  readStatements(
    report,
    owner,
    block.block ?? [],
    groupKeywords(commands, trackables),
    draft,
    (_, directive) => {
      if (directive.keyword.text !== TRACK_REDIS)
        return unknownDirective(report, owner, directive, [TRACK_REDIS]);
      const redis = readTrackRedis(report, directive, null);
      if (redis !== null) draft.redis.push(redis);
    },
  );
  return draft;
}

/**
 * The groups, their members looked up: `instances` are those that are good, `known` the names of all. A member stands
 * once, in one group.
 */
export function finishGroups(
  drafts: readonly GroupDraft[],
  instances: readonly InstanceConf[],
  known: ReadonlySet<string>,
  defaults: InstanceDefaults,
  report: Report,
): SyncGroupConf[] {
  const owners = new Map<string, string>();
  return drafts.map((draft) => {
    const name = draft.nameWord.text;
    const members: string[] = [];
    for (const member of draft.members) {
      const owner = owners.get(member.text);
      if (!known.has(member.text)) {
        const sentence = `there is no vrrp_instance ${show(member.text)}${hint(member.text, known)}`;
        report.error(member, 'unknown-member', sentence);
      } else if (owner !== undefined) {
        report.error(member, 'two-groups', `${show(member.text)} is in vrrp_sync_group ${owner} already`);
      } else {
        owners.set(member.text, name);
        members.push(member.text);
      }
    }
    if (draft.members.length === 0) {
      report.error(
        draft.nameWord,
        'empty-group',
        `vrrp_sync_group ${name} has no members: name them in group { ... }`,
      );
    } else if (draft.members.length === 1) {
      report.warn(
        draft.nameWord,
        'small-group',
        `vrrp_sync_group ${name} has one member: it changes nothing`,
      );
    }
    checkMembers(draft, instances, report);
    return {
      name,
      where: whereOf(draft.nameWord),
      members,
      tracking: [...draft.tracking.map(plain), ...draft.redis.map(redisTracking)],
      tracksWeights: draft.tracksWeights,
      hooks: draft.hooks,
      sendsMail: wantsMail(draft.smtpAlert, defaults),
      tellPriorityChanges: draft.tellPriorityChanges ?? defaults.tellPriorityChanges,
    };
  });
}

/** An interface that a member depends on needs no tracking by the group, weights do not count in a group, and members that preempt differently pull it apart. */
function checkMembers(draft: GroupDraft, instances: readonly InstanceConf[], report: Report): void {
  const members = instances.filter(({ name }) => draft.members.some((member) => member.text === name));
  const weighted = [...draft.tracking, ...members.flatMap(({ tracking }) => tracking)].find(
    ({ weight }) => weight !== 0,
  );
  if (weighted !== undefined && !draft.tracksWeights) {
    const sentence = `weights are ignored in a group, so a failure of ${show(weighted.name)} is a fault; sync_group_tracking_weight makes them count`;
    report.warn(draft.nameWord, 'weight-in-group', sentence);
  }
  for (const { kind, name, place } of draft.tracking) {
    const member = members.find((one) => one.tracksInterface && one.interface === name);
    if (kind !== 'interface' || member === undefined) continue;
    const sentence = `${show(name)} is tracked by vrrp_instance ${member.name} already, whose interface it is`;
    report.warn(place, 'redundant', sentence);
  }
  if (new Set(members.map(({ preempt }) => preempt)).size > 1) {
    const sentence = `some members of vrrp_sync_group ${draft.nameWord.text} have nopreempt and some have not: they would move apart`;
    report.warn(draft.nameWord, 'mixed-preemption', sentence);
  }
}
