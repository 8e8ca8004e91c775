// What a keepalived.conf says, as data, every default resolved to keepalived's (vrrp.md §2.3). Times are milliseconds,
// text is byte strings, addresses are in canonical text. Load-balancing blocks are in servers.ts.

import type { Family } from '../ip-address.ts';
import type {
  Announcing,
  Command,
  FifoConf,
  FileConf,
  Hooks,
  MailConf,
  ProcessConf,
  RedisConf,
  ScriptConf,
  Tracking,
  UnicastPeer,
  VirtualAddress,
} from '../router-conf.ts';
import type { BalancerConf } from './servers.ts';

/** Mails about changes of state (vrrp.md §3.4); none is sent without a server or without anybody to send to. */
export interface MailBlock extends Omit<MailConf, 'server'> {
  readonly server: MailConf['server'] | null;
  /** False: entering FAULT sends none. */
  readonly tellsFaults: boolean;
}

/** A FIFO and whose changes it hears: of virtual routers, of virtual servers, or of both. */
export interface FifoBlock extends FifoConf {
  readonly hears: 'all' | 'vrrp' | 'lvs';
}

/** A script run once, before everything or after it. */
export interface LifeScript {
  readonly command: Command;
  readonly timeoutMs: number;
}

export interface GlobalConf {
  readonly routerId: string;
  readonly mail: MailBlock;
  readonly startup: LifeScript | null;
  readonly shutdown: LifeScript | null;
  /** `vrrp_startup_delay` and `vrrp_delay_after_boot`; 0: none. */
  readonly startupDelayMs: number;
  readonly delayAfterBootMs: number;
  /** Interfaces may come later. */
  readonly dynamicInterfaces: boolean;
  /** A reload reads the file before it lets go of the old configuration; ours always does. */
  readonly reloadCheckConfig: boolean;
  readonly logUnknownIds: boolean;
  /** Of files we make; null: inherited. */
  readonly umask: number | null;
  /** Shape of the JSON dump. */
  readonly jsonVersion: 1 | 2;
  readonly fifos: readonly FifoBlock[];
  readonly tellStatesOnReload: boolean;
}

/** One vrrp_script with the weight its users inherit. */
export interface ScriptBlock extends ScriptConf, Weight {}
export interface ProcessBlock extends ProcessConf, Weight {}
export interface FileBlock extends FileConf, Weight {}

export interface Weight {
  readonly weight: number;
  readonly reverse: boolean;
}

/** One vrrp_instance. */
export interface InstanceConf {
  readonly name: string;
  /** `path:line:column` of its name. */
  readonly where: string;
  readonly wantsMaster: boolean;
  readonly interface: string;
  readonly virtualRouterId: number;
  readonly family: Family;
  readonly version: 2 | 3;
  readonly priority: number;
  /** As the protocol can say it: whole seconds in version 2, steps of 10 ms in version 3. */
  readonly advertIntervalMs: number;
  readonly downTimerAdverts: number;
  readonly preempt: boolean;
  readonly preemptDelayMs: number;
  /** Version 2 and `auth_type PASS`. */
  readonly password: string | null;
  readonly addresses: readonly VirtualAddress[];
  readonly excludedAddresses: readonly VirtualAddress[];
  readonly sourceAddress: string | null;
  readonly trackSource: boolean;
  readonly multicastGroup: string;
  /** Empty: multicast. */
  readonly unicastPeers: readonly UnicastPeer[];
  readonly unicastTtl: number;
  /** Differs from keepalived: on unless switched off, so that no stranger can depose the master (vrrp.md §1.6). */
  readonly checkUnicastSource: boolean;
  readonly checksumAsVersion2: boolean;
  readonly oldUnicastChecksum: 'adopt' | 'always' | 'never';
  readonly announcing: Announcing;
  readonly lowerPrioritySendsAdvert: boolean;
  readonly higherPrioritySendsAdvert: boolean;
  readonly ownerIgnoresAdverts: boolean;
  /** False: `dont_track_primary`. */
  readonly tracksInterface: boolean;
  readonly tracking: readonly Tracking[];
  readonly hooks: Hooks;
  readonly sendsMail: boolean;
  readonly tellPriorityChanges: boolean;
  /** `# baton: promote_before_advertise`. */
  readonly promoteBeforeAdvertise: { readonly timeoutMs: number } | null;
  /** `# baton: guard`: nft, where it is, closes what a crash leaves open. */
  readonly guard: boolean;
}

/** One vrrp_sync_group. */
export interface SyncGroupConf {
  readonly name: string;
  readonly where: string;
  readonly members: readonly string[];
  readonly tracking: readonly Tracking[];
  readonly tracksWeights: boolean;
  readonly hooks: Hooks;
  readonly sendsMail: boolean;
  readonly tellPriorityChanges: boolean;
}

/** A command that runs as somebody else than the daemon: it needs CAP_SETUID and CAP_SETGID. */
export interface ForeignUser {
  readonly user: string;
  readonly group: string | null;
  /** `path:line:column` of the keyword that asks for it. */
  readonly where: string;
}

/** A native Redis tracker. `host` is the path of a socket if it begins with `/`; then `port` is 0. */
export interface RedisBlock extends RedisConf {
  readonly where: string;
}

/** A whole keepalived.conf. */
export interface KeepalivedConf {
  readonly global: GlobalConf;
  readonly instances: readonly InstanceConf[];
  readonly groups: readonly SyncGroupConf[];
  readonly scripts: readonly ScriptBlock[];
  readonly processes: readonly ProcessBlock[];
  readonly files: readonly FileBlock[];
  readonly redis: readonly RedisBlock[];
  readonly balancer: BalancerConf;
  readonly foreignUsers: readonly ForeignUser[];
  /** The file and everything it included. */
  readonly paths: readonly string[];
}
