// Reads a vrrp_instance (vrrp.md §2.3), as it stands. What its settings mean together is decided in
// finish-instance.ts, when the whole file is known.

import { familyOf, isMulticast } from '../ip-address.ts';
import type { UnicastPeer } from '../router-conf.ts';
import { type AddressDraft, readAddresses, readPeers } from './addresses.ts';
import { type Keywords, keywordTable, ROOT_BLOCKS, type Reader, readStatements } from './blocks.ts';
import type { Commands } from './commands.ts';
import {
  GUARD,
  PROMOTE_BEFORE_ADVERTISE,
  readGuard,
  readPromote,
  readTrackRedis,
  TRACK_REDIS,
  unknownDirective,
} from './directives.ts';
import type { RedisBlock } from './conf.ts';
import { hookReaders, type HooksDraft, hooksDraft } from './hooks.ts';
import { type MailWish, readMailWish } from './mail.ts';
import { type Report, show } from './problems.ts';
import { hint } from '../../base/suggest.ts';
import { type PlacedTracking, readTracking, type Trackables } from './tracking.ts';
import type { Statement, Word } from './tree.ts';
import {
  integerIn,
  noMore,
  readAddress,
  readBoolean,
  readInteger,
  readText,
  readTimer,
  valueAt,
} from './values.ts';

/** What one block says; null: not said. */
export interface InstanceDraft {
  readonly name: string;
  readonly nameWord: Word;
  /** The last statement of each keyword, to say where a conflict is. */
  readonly statements: Map<string, Statement>;
  state: 'MASTER' | 'BACKUP' | null;
  interface: string | null;
  virtualRouterId: number | null;
  priority: number | null;
  advertIntervalMs: number | null;
  version: 2 | 3 | null;
  nopreempt: boolean;
  preemptDelayMs: number;
  authType: 'PASS' | 'AH' | null;
  password: string | null;
  addresses: AddressDraft[];
  excludedAddresses: AddressDraft[];
  noVirtualAddress: boolean;
  sourceAddress: string | null;
  trackSource: boolean;
  multicastGroup: string | null;
  unicastPeers: (UnicastPeer & { readonly place: Word })[];
  unicastTtl: number | null;
  checkUnicastSource: boolean | null;
  unicastFaultNoPeer: boolean;
  checksumAsVersion2: boolean | null;
  oldUnicastChecksum: 'adopt' | 'always' | 'never';
  garpDelayMs: number | null;
  garpRepeat: number | null;
  garpRefreshMs: number | null;
  garpRefreshRepeat: number | null;
  garpLowerDelayMs: number | null;
  garpLowerRepeat: number | null;
  lowerPrioNoAdvert: boolean | null;
  higherPrioSendAdvert: boolean | null;
  ownerIgnoresAdverts: boolean | null;
  downTimerAdverts: number | null;
  dontTrackPrimary: boolean;
  native6: boolean;
  smtpAlert: MailWish | null;
  tellPriorityChanges: boolean | null;
  readonly hooks: HooksDraft;
  readonly tracking: PlacedTracking[];
  readonly redis: RedisBlock[];
  promoteBeforeAdvertise: { readonly timeoutMs: number } | null;
  guard: boolean | null;
  /** Keywords whose value was bad: their absence is no second problem. */
  readonly broken: Set<string>;
}

function instanceDraft(name: string, nameWord: Word): InstanceDraft {
  return {
    name,
    nameWord,
    statements: new Map(),
    state: null,
    interface: null,
    virtualRouterId: null,
    priority: null,
    advertIntervalMs: null,
    version: null,
    nopreempt: false,
    preemptDelayMs: 0,
    authType: null,
    password: null,
    addresses: [],
    excludedAddresses: [],
    noVirtualAddress: false,
    sourceAddress: null,
    trackSource: false,
    multicastGroup: null,
    unicastPeers: [],
    unicastTtl: null,
    checkUnicastSource: null,
    unicastFaultNoPeer: false,
    checksumAsVersion2: null,
    oldUnicastChecksum: 'adopt',
    garpDelayMs: null,
    garpRepeat: null,
    garpRefreshMs: null,
    garpRefreshRepeat: null,
    garpLowerDelayMs: null,
    garpLowerRepeat: null,
    lowerPrioNoAdvert: null,
    higherPrioSendAdvert: null,
    ownerIgnoresAdverts: null,
    downTimerAdverts: null,
    dontTrackPrimary: false,
    native6: false,
    smtpAlert: null,
    tellPriorityChanges: null,
    hooks: hooksDraft(),
    tracking: [],
    redis: [],
    promoteBeforeAdvertise: null,
    guard: null,
    broken: new Set(),
  };
}

/** Sets `key`, unless the value is bad; then remembers that it was given. */
function put<Key extends keyof InstanceDraft>(
  draft: InstanceDraft,
  key: Key,
  statement: Statement,
  value: InstanceDraft[Key] | null,
): void {
  draft.statements.set(statement.keyword.text, statement);
  if (value === null) draft.broken.add(statement.keyword.text);
  else draft[key] = value;
}

type KeyOf<Value> = {
  [Key in keyof InstanceDraft]-?: Value extends InstanceDraft[Key] ? Key : never;
}[keyof InstanceDraft];

function flag(key: KeyOf<boolean>): Reader<InstanceDraft> {
  return (draft, statement, report) => put(draft, key, statement, readBoolean(report, statement));
}

function count(key: KeyOf<number>, min: number, max: number): Reader<InstanceDraft> {
  return (draft, statement, report) => put(draft, key, statement, readInteger(report, statement, min, max));
}

function time(key: KeyOf<number>, min: number, max: number, decimals = 0): Reader<InstanceDraft> {
  return (draft, statement, report) =>
    put(draft, key, statement, readTimer(report, statement, { min, max, decimals }));
}

function address(draft: InstanceDraft, statement: Statement, report: Report): void {
  put(draft, 'sourceAddress', statement, readAddress(report, statement));
}

/** Known, checked, and without an effect for the reason given where it stands in the table. */
function accepted(_draft: InstanceDraft, statement: Statement, report: Report): void {
  readBoolean(report, statement);
}

function state(draft: InstanceDraft, statement: Statement, report: Report): void {
  const word = valueAt(report, statement, 0, 'MASTER or BACKUP');
  noMore(report, statement, 1);
  if (word === null) return;
  if (word.text !== 'MASTER' && word.text !== 'BACKUP') {
    draft.statements.set('state', statement);
    const sentence = `state is MASTER or BACKUP, not ${show(word.text)}${hint(word.text, ['MASTER', 'BACKUP'])}`;
    return report.error(word, 'bad-state', sentence);
  }
  if (draft.state === null) return put(draft, 'state', statement, word.text);
  if (draft.state !== word.text)
    report.warn(word, 'repeated', `state was given before: the first one, ${draft.state}, counts`);
}

function authentication(draft: InstanceDraft, statement: Statement, report: Report): void {
  draft.statements.set('authentication', statement);
  const keywords = keywordTable<InstanceDraft>({
    auth_type(inner, { keyword, values }) {
      // What stands here may be the password by mistake, so it is not shown.
      const [word] = values;
      if (word?.text === 'PASS' || word?.text === 'AH') inner.authType = word.text;
      else report.error(word ?? keyword, 'bad-auth-type', 'auth_type is PASS or AH');
      if (word?.text === 'AH') {
        report.unsupported(word, 'unsupported', "auth_type 'AH' is not supported: use PASS on both sides");
      }
    },
    auth_pass(inner, { keyword, values }) {
      const [word, extra] = values;
      if (word === undefined || word.text === '') {
        return report.error(keyword, 'missing-value', 'auth_pass takes a password');
      }
      if (extra !== undefined)
        report.warn(extra, 'extra-value', 'auth_pass takes one word; the rest of the line is ignored');
      if (word.text.length > 8)
        report.warn(word, 'rounded', 'only the first 8 characters of auth_pass count');
      inner.password = word.text.slice(0, 8);
    },
  });
  const known = (statement.block ?? []).filter(({ keyword, kind }) => {
    if (keywords.has(keyword.text) || kind === 'directive' || ROOT_BLOCKS.includes(keyword.text)) return true;
    // Perhaps a password on a line of its own, so neither the word nor the line is shown.
    const sentence = `authentication holds auth_type and auth_pass, not this${hint(keyword.text, keywords.keys())}`;
    report.unsupported({ ...keyword, raw: '***' }, 'unknown-keyword', sentence);
    return false;
  });
  readStatements(report, 'authentication', known, keywords, draft);
}

/** vrrp_instance's keywords; `commands` and `trackables` are what its hooks and trackers refer to. */
function instanceKeywords(commands: Commands, trackables: Trackables): Keywords<InstanceDraft> {
  const track = (kind: 'script' | 'interface' | 'process' | 'file'): Reader<InstanceDraft> => {
    return (draft, statement, report) => {
      draft.tracking.push(...readTracking(report, statement, kind, trackables));
    };
  };
  return keywordTable<InstanceDraft>(
    {
      ...hookReaders<InstanceDraft>(commands, 'instance'),
      state,
      interface(draft, statement, report) {
        put(draft, 'interface', statement, readText(report, statement, 'an interface'));
      },
      virtual_router_id: count('virtualRouterId', 1, 255),
      priority: count('priority', 1, 255),
      advert_int: time('advertIntervalMs', 0.01, 255, 6),
      version(draft, statement, report) {
        const value = readInteger(report, statement, 2, 3);
        if (value !== 2 && value !== 3) return put(draft, 'version', statement, null);
        if (draft.version === null) return put(draft, 'version', statement, value);
        // The last one would count for us alone, and the peers with the same file would not hear us.
        if (draft.version !== value) {
          const sentence = `version was given before: the first one, ${draft.version}, counts`;
          report.warn(statement.keyword, 'repeated', sentence);
        }
      },
      nopreempt(draft, statement, report) {
        put(draft, 'nopreempt', statement, readBoolean(report, statement));
      },
      preempt(draft, statement, report) {
        noMore(report, statement, 0);
        put(draft, 'nopreempt', statement, false);
      },
      preempt_delay: time('preemptDelayMs', 0, 1000, 6),
      mcast_src_ip: address,
      unicast_src_ip: address,
      track_src_ip: flag('trackSource'),
      mcast_dst_ip(draft, statement, report) {
        const group = readAddress(report, statement);
        if (group === null || isMulticast(group)) return put(draft, 'multicastGroup', statement, group);
        report.error(
          statement.keyword,
          'bad-address',
          `mcast_dst_ip is a multicast address, unlike ${show(group)}`,
        );
      },
      unicast_ttl: count('unicastTtl', 0, 255),
      check_unicast_src: flag('checkUnicastSource'),
      unicast_fault_no_peer: flag('unicastFaultNoPeer'),
      smtp_alert: (draft, statement, report) =>
        put(draft, 'smtpAlert', statement, readMailWish(report, statement)),
      notify_priority_changes: flag('tellPriorityChanges'),
      garp_master_delay: time('garpDelayMs', 0, 86_400),
      garp_master_repeat: count('garpRepeat', 1, 255),
      garp_master_refresh: time('garpRefreshMs', 0, 86_400),
      garp_master_refresh_repeat: count('garpRefreshRepeat', 1, 255),
      garp_lower_prio_delay: time('garpLowerDelayMs', 0, 86_400),
      garp_lower_prio_repeat: count('garpLowerRepeat', 0, 255),
      // Announcements of a VMAC, which there is none of.
      garp_extra_if: () => {},
      lower_prio_no_advert: flag('lowerPrioNoAdvert'),
      higher_prio_send_advert: flag('higherPrioSendAdvert'),
      down_timer_adverts: count('downTimerAdverts', 1, 100),
      // A router of ours that stalled always steps down, without being told to.
      timer_expired_backup(_draft, { values }, report) {
        if (values[0] !== undefined) integerIn(report, values[0], 'the priority', 1, 254);
      },
      thread_timer_expired(_draft, { values }, report) {
        if (values[0] !== undefined) integerIn(report, values[0], 'the priority', 1, 254);
      },
      strict_mode(_draft, statement, report) {
        if (readBoolean(report, statement) !== true) return;
        const sentence =
          'no packets to the addresses are dropped: baton checks nothing for strict_mode and never sets up a firewall';
        report.warn(statement.keyword, 'strict', sentence);
      },
      accept: accepted,
      no_accept(_draft, { keyword }, report) {
        const sentence = "'no_accept' is not supported: baton drops no packets to the addresses";
        report.unsupported(keyword, 'unsupported', sentence);
      },
      // A list of addresses that differs never drops an advert of ours.
      skip_check_adv_addr: accepted,
      owner_ignore_adverts: flag('ownerIgnoresAdverts'),
      v3_checksum_as_v2: flag('checksumAsVersion2'),
      old_unicast_checksum(draft, statement, report) {
        const [word] = statement.values;
        if (word === undefined || word.text === 'never') {
          return put(draft, 'oldUnicastChecksum', statement, word === undefined ? 'always' : 'never');
        }
        report.error(
          word,
          'bad-value',
          `old_unicast_checksum takes never or nothing, not ${show(word.text)}`,
        );
      },
      dont_track_primary: flag('dontTrackPrimary'),
      promote_secondaries(_draft, { keyword }, report) {
        const sentence = 'baton sets no sysctl: set net.ipv4.conf.INTERFACE.promote_secondaries=1 yourself';
        report.warn(keyword, 'sysctl', sentence);
      },
      no_virtual_ipaddress: flag('noVirtualAddress'),
    },
    {
      authentication,
      virtual_ipaddress(draft, statement, report) {
        draft.statements.set('virtual_ipaddress', statement);
        draft.addresses.push(...readAddresses(report, statement));
      },
      virtual_ipaddress_excluded(draft, statement, report) {
        draft.excludedAddresses.push(...readAddresses(report, statement));
      },
      unicast_peer(draft, statement, report) {
        draft.statements.set('unicast_peer', statement);
        draft.unicastPeers.push(...readPeers(report, statement));
      },
      track_script: track('script'),
      track_interface: track('interface'),
      track_process: track('process'),
      track_file: track('file'),
    },
    `use_vmac use_vmac_addr vmac_xmit_base use_ipvlan vrf virtual_routes virtual_rules native_ipv6 debug track_bfd
     linkbeat_use_polling lvs_sync_daemon_interface kernel_rx_buf_size auth_hmac`,
  );
}

/** Reads the block of an instance. */
export function readInstance(
  report: Report,
  block: Statement,
  nameWord: Word,
  commands: Commands,
  trackables: Trackables,
): InstanceDraft {
  const draft = instanceDraft(nameWord.text, nameWord);
  const owner = `vrrp_instance ${nameWord.text}`;
  const keywords = instanceKeywords(commands, trackables);
  readStatements(report, owner, block.block ?? [], keywords, draft, (_, directive) => {
    readInstanceDirective(report, owner, draft, directive);
  });
  return draft;
}

function readInstanceDirective(
  report: Report,
  owner: string,
  draft: InstanceDraft,
  directive: Statement,
): void {
  switch (directive.keyword.text) {
    case PROMOTE_BEFORE_ADVERTISE:
      draft.statements.set(PROMOTE_BEFORE_ADVERTISE, directive);
      draft.promoteBeforeAdvertise = readPromote(report, directive);
      break;
    case TRACK_REDIS: {
      const redis = readTrackRedis(report, directive, null);
      if (redis !== null) draft.redis.push(redis);
      break;
    }
    case GUARD:
      draft.guard = readGuard(report, directive);
      break;
    default:
      unknownDirective(report, owner, directive, [PROMOTE_BEFORE_ADVERTISE, TRACK_REDIS, GUARD]);
  }
}

/** The family of an instance: of its first address, its peers, or its source. */
export function familyOfDraft(draft: InstanceDraft): 'ipv4' | 'ipv6' {
  const telling = draft.addresses[0]?.address ?? draft.unicastPeers[0]?.address ?? draft.sourceAddress;
  return telling === undefined || telling === null ? 'ipv4' : familyOf(telling);
}
