// The block global_defs (vrrp.md §2.3): settings of the daemon, and what instances inherit.

import { MULTICAST_GROUP_IPV4, MULTICAST_GROUP_IPV6 } from '../router-conf.ts';
import { familyOf, isMulticast } from '../ip-address.ts';
import type { Command } from '../router-conf.ts';
import { entriesOf, type Keywords, keywordTable, type Reader } from './blocks.ts';
import { type Commands, SUPPLEMENTARY_GROUPS } from './commands.ts';
import type { FifoBlock, GlobalConf, MailBlock } from './conf.ts';
import { GUARD, readGuard, unknownDirective } from './directives.ts';
import { mailAddresses, type MailWish, readMailServer, readMailWish } from './mail.ts';
import { type Report, show } from './problems.ts';
import type { Surroundings } from './surroundings.ts';
import type { Statement } from './tree.ts';
import { addressIn, noMore, readBoolean, readInteger, readText, readTimer, valueAt } from './values.ts';

/** What instances take when they do not say. Seconds of announcing are milliseconds here. */
export interface InstanceDefaults {
  version: 2 | 3;
  garpDelayMs: number;
  garpRepeat: number;
  garpRefreshMs: number;
  garpRefreshRepeat: number;
  /** null: as garpDelayMs and garpRepeat. */
  garpLowerDelayMs: number | null;
  garpLowerRepeat: number | null;
  garpIntervalMs: number;
  gnaIntervalMs: number;
  lowerPrioNoAdvert: boolean;
  higherPrioSendAdvert: boolean;
  checkUnicastSource: boolean | null;
  strict: boolean;
  multicastGroup4: string;
  multicastGroup6: string;
  downTimerAdverts: number;
  tellPriorityChanges: boolean;
  checksumAsVersion2: boolean;
  ownerIgnoresAdverts: boolean;
  guard: boolean;
  /** null: not said. */
  smtpAlert: MailWish | null;
  smtpAlertVrrp: MailWish | null;
  smtpAlertChecker: MailWish | null;
}

/** What is read, before the defaults that need the machine's name. */
export interface GlobalDraft extends InstanceDefaults {
  routerId: string | null;
  mailServer: MailBlock['server'];
  helloName: string | null;
  mailTimeoutMs: number;
  mailFrom: string | null;
  mailTo: string[];
  noEmailFaults: boolean;
  startup: Command | null;
  startupTimeoutMs: number;
  shutdown: Command | null;
  shutdownTimeoutMs: number;
  startupDelayMs: number;
  delayAfterBootMs: number;
  dynamicInterfaces: boolean;
  reloadCheckConfig: boolean;
  logUnknownIds: boolean;
  umask: number | null;
  jsonVersion: 1 | 2;
  fifos: Map<FifoBlock['hears'], { path: string | null; script: Command | null }>;
  tellStatesOnReload: boolean;
  /** Commands are checked after all of the block is read: script_user may come last. */
  scripts: { readonly statement: Statement; readonly set: (command: Command) => void }[];
  readonly commands: Commands;
}

export function globalDraft(commands: Commands): GlobalDraft {
  return {
    version: 2,
    garpDelayMs: 5000,
    garpRepeat: 5,
    garpRefreshMs: 0,
    garpRefreshRepeat: 1,
    garpLowerDelayMs: null,
    garpLowerRepeat: null,
    garpIntervalMs: 0,
    gnaIntervalMs: 0,
    lowerPrioNoAdvert: false,
    higherPrioSendAdvert: false,
    checkUnicastSource: null,
    strict: false,
    multicastGroup4: MULTICAST_GROUP_IPV4,
    multicastGroup6: MULTICAST_GROUP_IPV6,
    downTimerAdverts: 3,
    tellPriorityChanges: false,
    checksumAsVersion2: false,
    ownerIgnoresAdverts: false,
    guard: true,
    smtpAlert: null,
    smtpAlertVrrp: null,
    smtpAlertChecker: null,
    routerId: null,
    mailServer: null,
    helloName: null,
    mailTimeoutMs: 30_000,
    mailFrom: null,
    mailTo: [],
    noEmailFaults: false,
    startup: null,
    startupTimeoutMs: 10_000,
    shutdown: null,
    shutdownTimeoutMs: 10_000,
    startupDelayMs: 0,
    delayAfterBootMs: 0,
    dynamicInterfaces: false,
    reloadCheckConfig: false,
    logUnknownIds: false,
    umask: null,
    jsonVersion: 1,
    fifos: new Map(),
    tellStatesOnReload: false,
    scripts: [],
    commands,
  };
}

type KeyOf<Value> = {
  [Key in keyof GlobalDraft]-?: Value extends GlobalDraft[Key] ? Key : never;
}[keyof GlobalDraft];

/** Sets `key` unless the value is bad. */
function put<Key extends keyof GlobalDraft>(
  draft: GlobalDraft,
  key: Key,
  value: GlobalDraft[Key] | null,
): void {
  if (value !== null) draft[key] = value;
}

function flag(key: KeyOf<boolean>): Reader<GlobalDraft> {
  return (draft, statement, report) => put(draft, key, readBoolean(report, statement));
}

function count(key: KeyOf<number>, min: number, max: number): Reader<GlobalDraft> {
  return (draft, statement, report) => put(draft, key, readInteger(report, statement, min, max));
}

function time(key: KeyOf<number>, min: number, max: number, decimals = 0): Reader<GlobalDraft> {
  return (draft, statement, report) => put(draft, key, readTimer(report, statement, { min, max, decimals }));
}

function text(key: KeyOf<string>, what: string): Reader<GlobalDraft> {
  return (draft, statement, report) => put(draft, key, readText(report, statement, what));
}

const SECONDS_MAX = 86_400;

/** Sample files have it with the value 0, which is out of range and means nothing: taken without a word. */
function announceInterval(key: 'garpIntervalMs' | 'gnaIntervalMs'): Reader<GlobalDraft> {
  return (draft, statement, report) => {
    if (/^0*\.?0*$/.test(statement.values[0]?.text ?? '-')) return;
    put(draft, key, readTimer(report, statement, { min: 0.000_001, max: 1, decimals: 6 }));
  };
}

function command(set: (draft: GlobalDraft, command: Command) => void): Reader<GlobalDraft> {
  return (draft, statement) => {
    draft.scripts.push({ statement, set: (read) => set(draft, read) });
  };
}

function fifo(draft: GlobalDraft, name: FifoBlock['hears']): { path: string | null; script: Command | null } {
  const known = draft.fifos.get(name) ?? { path: null, script: null };
  draft.fifos.set(name, known);
  return known;
}

function fifoPath(name: FifoBlock['hears']): Reader<GlobalDraft> {
  return (draft, statement, report) => {
    const path = readText(report, statement, 'the path of a FIFO');
    if (path === null) return;
    if (path.startsWith('/')) fifo(draft, name).path = path;
    else
      report.error(statement.keyword, 'bad-path', `the path of a FIFO begins with /, unlike ${show(path)}`);
  };
}

function multicast(key: 'multicastGroup4' | 'multicastGroup6', family: 'ipv4' | 'ipv6'): Reader<GlobalDraft> {
  return (draft, statement, report) => {
    const word = valueAt(report, statement, 0, 'a multicast address');
    const address = word === null ? null : addressIn(report, word);
    noMore(report, statement, 1);
    if (word === null || address === null) return;
    if (familyOf(address) === family && isMulticast(address)) draft[key] = address;
    else
      report.error(
        word,
        'bad-address',
        `${show(address)} is no ${family === 'ipv4' ? 'IPv4' : 'IPv6'} multicast address`,
      );
  };
}

function mailWish(key: 'smtpAlert' | 'smtpAlertVrrp' | 'smtpAlertChecker'): Reader<GlobalDraft> {
  return (draft, statement, report) => put(draft, key, readMailWish(report, statement));
}

function umask(draft: GlobalDraft, statement: Statement, report: Report): void {
  const word = readText(report, statement, 'octal digits');
  if (word === null) return;
  if (/^0?[0-7]{1,3}$/.test(word)) draft.umask = Number.parseInt(word, 8);
  else report.error(statement.keyword, 'bad-number', `umask is octal digits, 0 to 777, not ${show(word)}`);
}

function version(draft: GlobalDraft, statement: Statement, report: Report): void {
  const value = readInteger(report, statement, 2, 3);
  if (value === 2 || value === 3) draft.version = value;
}

function accepted(_draft: GlobalDraft, statement: Statement, report: Report): void {
  readBoolean(report, statement);
}

function strict(draft: GlobalDraft, statement: Statement, report: Report): void {
  put(draft, 'strict', readBoolean(report, statement));
  if (!draft.strict) return;
  const sentence =
    "no packets to the addresses are dropped: baton's vrrp_strict checks nothing and never sets up a firewall";
  report.warn(statement.keyword, 'strict', sentence);
}

/** What global_defs may hold. */
export const GLOBAL_KEYWORDS: Keywords<GlobalDraft> = keywordTable<GlobalDraft>(
  {
    router_id: text('routerId', 'a name'),
    notification_email_from: text('mailFrom', 'an address'),
    smtp_server: (draft, statement, report) => put(draft, 'mailServer', readMailServer(report, statement)),
    smtp_helo_name: text('helloName', 'a name'),
    smtp_connect_timeout: time('mailTimeoutMs', 1, SECONDS_MAX, 6),
    smtp_alert: mailWish('smtpAlert'),
    smtp_alert_vrrp: mailWish('smtpAlertVrrp'),
    smtp_alert_checker: mailWish('smtpAlertChecker'),
    no_email_faults: flag('noEmailFaults'),
    script_user(draft, statement, report) {
      const user = valueAt(report, statement, 0, 'a user, and may take a group');
      noMore(report, statement, 2);
      if (user === null) return;
      const named = { user: user.text, group: statement.values[1]?.text ?? null };
      if (draft.commands.checkUser(statement, named) !== null) draft.commands.defaultUser = named;
    },
    enable_script_security(draft, statement, report) {
      noMore(report, statement, 0);
      draft.commands.needsSafeUser = true;
    },
    vrrp_version: version,
    vrrp_garp_master_delay: time('garpDelayMs', 0, SECONDS_MAX),
    vrrp_garp_master_repeat: count('garpRepeat', 1, 255),
    vrrp_garp_master_refresh: time('garpRefreshMs', 0, SECONDS_MAX),
    vrrp_garp_master_refresh_repeat: count('garpRefreshRepeat', 1, 255),
    vrrp_garp_lower_prio_delay: time('garpLowerDelayMs', 0, SECONDS_MAX),
    vrrp_garp_lower_prio_repeat: count('garpLowerRepeat', 0, 255),
    vrrp_garp_interval: announceInterval('garpIntervalMs'),
    vrrp_gna_interval: announceInterval('gnaIntervalMs'),
    vrrp_min_garp(draft, statement, report) {
      if (readBoolean(report, statement) !== true) return;
      Object.assign(draft, { garpDelayMs: 0, garpRepeat: 1, garpRefreshMs: 0, garpRefreshRepeat: 1 });
      Object.assign(draft, { garpLowerDelayMs: 0, garpLowerRepeat: 1 });
    },
    vrrp_lower_prio_no_advert: flag('lowerPrioNoAdvert'),
    vrrp_higher_prio_send_advert: flag('higherPrioSendAdvert'),
    vrrp_check_unicast_src: flag('checkUnicastSource'),
    // A list of addresses that differs never drops an advert of ours, so there is nothing to skip.
    vrrp_skip_check_adv_addr: accepted,
    vrrp_strict: strict,
    vrrp_startup_delay: time('startupDelayMs', 0, SECONDS_MAX, 6),
    vrrp_delay_after_boot: time('delayAfterBootMs', 0, SECONDS_MAX, 6),
    vrrp_mcast_group4: multicast('multicastGroup4', 'ipv4'),
    vrrp_mcast_group6: multicast('multicastGroup6', 'ipv6'),
    vrrp_down_timer_adverts: count('downTimerAdverts', 1, 100),
    notify_fifo: fifoPath('all'),
    vrrp_notify_fifo: fifoPath('vrrp'),
    lvs_notify_fifo: fifoPath('lvs'),
    notify_fifo_script: command((draft, read) => void (fifo(draft, 'all').script = read)),
    vrrp_notify_fifo_script: command((draft, read) => void (fifo(draft, 'vrrp').script = read)),
    lvs_notify_fifo_script: command((draft, read) => void (fifo(draft, 'lvs').script = read)),
    vrrp_notify_priority_changes: flag('tellPriorityChanges'),
    fifo_write_vrrp_states_on_reload: flag('tellStatesOnReload'),
    v3_checksum_as_v2: flag('checksumAsVersion2'),
    vrrp_owner_ignore_adverts: flag('ownerIgnoresAdverts'),
    log_unknown_vrids: flag('logUnknownIds'),
    startup_script: command((draft, read) => void (draft.startup = read)),
    startup_script_timeout: time('startupTimeoutMs', 1, 1000),
    shutdown_script: command((draft, read) => void (draft.shutdown = read)),
    shutdown_script_timeout: time('shutdownTimeoutMs', 1, 1000),
    dynamic_interfaces(draft, statement, report) {
      const [word] = statement.values;
      noMore(report, statement, 1);
      if (word === undefined || word.text === 'allow_if_changes') draft.dynamicInterfaces = true;
      else
        report.error(
          word,
          'bad-value',
          `dynamic_interfaces takes allow_if_changes or nothing, not ${show(word.text)}`,
        );
    },
    // Only for static addresses, which are not supported.
    default_interface: (_draft, statement, report) => void readText(report, statement, 'an interface'),
    reload_check_config(draft, statement) {
      // keepalived may take a file for the log of the check; ours goes to our own.
      draft.reloadCheckConfig = statement.values[0]?.text !== 'false';
    },
    umask,
    json_version(draft, statement, report) {
      const value = readInteger(report, statement, 1, 2);
      if (value === 1 || value === 2) draft.jsonVersion = value;
    },
    enable_traps: accepted,
    set_supplementary_groups: (_draft, { keyword }, report) =>
      report.unsupported(keyword, 'unsupported', SUPPLEMENTARY_GROUPS),
  },
  {
    notification_email(draft, statement, report) {
      for (const entry of entriesOf(report, statement)) {
        draft.mailTo.push(...mailAddresses([entry.keyword, ...entry.values].map((word) => word.text)));
      }
    },
  },
  `process_names process_name vrrp_process_name checker_process_name lvs_process_name bfd_process_name
   use_symlink_paths max_auto_priority min_auto_priority_delay checker_log_all_failures
   no_checker_emails rs_init_notifies disable_local_igmp lvs_timeouts lvs_flush lvs_flush_on_stop lvs_flush_onstop
   lvs_sync_daemon vrrp_garp_extra_if vrrp_vmac_garp_intvl vrrp_iptables vrrp_ipsets nftables nftables_priority
   nftables_ifindex nftables_counters nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark vrrp_priority
   vrrp_no_swap vrrp_rt_priority vrrp_cpu_affinity vrrp_rlimit_rttime vrrp_rlimit_rtime checker_priority
   checker_no_swap checker_rt_priority checker_cpu_affinity checker_rlimit_rttime checker_rlimit_rtime bfd_priority
   bfd_no_swap bfd_rt_priority bfd_cpu_affinity bfd_rlimit_rttime bfd_rlimit_rtime
   snmp_socket enable_snmp_vrrp enable_snmp_keepalived enable_snmp_rfc enable_snmp_rfcv2
   enable_snmp_rfcv3 enable_snmp_checker snmp_vs_stats_update_interval snmp_rs_stats_update_interval enable_dbus
   dbus_service_name dbus_no_interface_name vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force
   vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force lvs_netlink_cmd_rcv_bufs
   lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force
   process_monitor_rcv_bufs process_monitor_rcv_bufs_force vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier vmac_prefix
   vmac_addr_prefix random_seed reload_time_file reload_repeat reload_file include_check config_save_dir
   tmp_config_directory data_use_instance iproute_usr_dir iproute_etc_dir state_dump_file stats_dump_file
   json_dump_file`,
);

/** Reads a directive of ours in global_defs. */
export function readGlobalDirective(draft: GlobalDraft, directive: Statement, report: Report): void {
  if (directive.keyword.text !== GUARD) return unknownDirective(report, 'global_defs', directive, [GUARD]);
  draft.guard = readGuard(report, directive) ?? draft.guard;
}

/** Whose machine it is and as whom we run there. */
export type MachineNames = Pick<Surroundings, 'hostName' | 'daemonUserName'>;

/** What the block says, with the defaults that depend on the machine. Commands are checked here. */
export function finishGlobal(draft: GlobalDraft, machine: MachineNames, report: Report): GlobalConf {
  const { hostName, daemonUserName } = machine;
  for (const { statement, set } of draft.scripts) {
    const read = draft.commands.readLine(statement);
    if (read !== null) set(read);
  }
  const fifos: FifoBlock[] = [];
  for (const [hears, { path, script }] of draft.fifos) {
    if (path !== null) fifos.push({ path, script, hears });
    else if (script !== null) {
      const { statement } =
        draft.scripts.find((one) => one.statement.keyword.text.endsWith('fifo_script')) ?? {};
      if (statement !== undefined)
        report.warn(statement.keyword, 'no-fifo', 'a FIFO script without a FIFO is never started');
    }
  }
  return {
    routerId: draft.routerId ?? hostName,
    mail: {
      server: draft.mailServer,
      helloName: draft.helloName ?? hostName,
      timeoutMs: draft.mailTimeoutMs,
      from: draft.mailFrom ?? `${daemonUserName}@${hostName}`,
      to: draft.mailTo,
      tellsFaults: !draft.noEmailFaults,
    },
    startup: draft.startup === null ? null : { command: draft.startup, timeoutMs: draft.startupTimeoutMs },
    shutdown:
      draft.shutdown === null ? null : { command: draft.shutdown, timeoutMs: draft.shutdownTimeoutMs },
    startupDelayMs: draft.startupDelayMs,
    delayAfterBootMs: draft.delayAfterBootMs,
    dynamicInterfaces: draft.dynamicInterfaces,
    reloadCheckConfig: draft.reloadCheckConfig,
    logUnknownIds: draft.logUnknownIds,
    umask: draft.umask,
    jsonVersion: draft.jsonVersion,
    fifos,
    tellStatesOnReload: draft.tellStatesOnReload,
  };
}
