// What the VRRP machine is told to do, as plain data with every default resolved. The reader of keepalived.conf makes
// it (vrrp.md §2), and so will baton.yaml; nothing here knows either file. Times are milliseconds, text is byte strings,
// addresses are in canonical text (`10.0.0.1`, `fe80::1`; see ip-address.ts).

import type { Family } from './ip-address.ts';

/** A priority that stands for "I own these addresses": active at once, weights ignored (RFC 9568 §5.2.4). */
export const PRIORITY_OWNER = 255;
/** In a packet only: "I am leaving" (RFC 9568 §5.2.4). */
export const PRIORITY_RELEASE = 0;
/** The priority of a virtual router that does not say. */
export const PRIORITY_DEFAULT = 100;

export const MULTICAST_GROUP_IPV4 = '224.0.0.18';
export const MULTICAST_GROUP_IPV6 = 'ff02::12';

/** A command to run: an argument vector, never a shell line. */
export interface Command {
  /** At least one word: the program and its arguments. */
  readonly argv: readonly string[];
  /** Whom to run it as; null: as the daemon. */
  readonly user: string | null;
  /** null: that user's own group. */
  readonly group: string | null;
}

/** One address that moves with a virtual router. */
export interface VirtualAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly interface: string;
  /** IPv4 only; null: none. */
  readonly broadcast: string | null;
  /** IPv4 only, e.g. `eth0:1`; null: none. */
  readonly label: string | null;
  /** As in rtnetlink: 0 global, 200 site, 253 link, 254 host. */
  readonly scope: number;
  /** The other end of a point-to-point address; null: none. */
  readonly peer: string | null;
  /** IPv6: no duplicate address detection (vrrp.md §5). */
  readonly nodad: boolean;
  readonly home: boolean;
  readonly manageTemporary: boolean;
  readonly noPrefixRoute: boolean;
  readonly autojoin: boolean;
  /** Never chosen as a source: preferred lifetime 0. Default for IPv6 /128 (vrrp.md §5). */
  readonly deprecated: boolean;
  /** Neither its deletion by others nor its interface's fall matters (`no_track`). */
  readonly untracked: boolean;
}

/** What to call on a change of state; null: nothing (vrrp.md §3.1). */
export interface Hooks {
  readonly master: Command | null;
  readonly backup: Command | null;
  readonly fault: Command | null;
  readonly stop: Command | null;
  /** The virtual router is gone after a reload; null: it is told as a fault. */
  readonly deleted: Command | null;
  /** Active, and an advert of lower priority came. */
  readonly masterRxLowerPriority: Command | null;
  /** After each of the others, with four arguments. */
  readonly any: Command | null;
  /** A hook that runs longer is ended, and the next begins. Keepalived has none; suggested 60,000. */
  readonly timeoutMs: number;
}

/** When to tell the neighbours where an address is (vrrp.md §4). */
export interface Announcing {
  /** Rounds over all addresses on becoming active; at least 1. */
  readonly repeat: number;
  /** A second batch this long after the first; 0: none. */
  readonly delayMs: number;
  /** A batch this often while active; 0: never. */
  readonly refreshMs: number;
  readonly refreshRepeat: number;
  /** Rounds on every sign of a rival; 0: none. */
  readonly lowerPriorityRepeat: number;
  /** And again after this; 0: not again. */
  readonly lowerPriorityDelayMs: number;
  /** Between the rounds of one batch; 0: back to back, as keepalived does. */
  readonly spacingMs: number;
}

/** One peer of a unicast virtual router. */
export interface UnicastPeer {
  readonly address: string;
  readonly ttlMin: number;
  readonly ttlMax: number;
}

export interface Unicast {
  /** At least one. */
  readonly peers: readonly UnicastPeer[];
  /** TTL or hop limit of our adverts. */
  readonly ttl: number;
  /** Adverts from others than the peers are dropped. On by default, unlike keepalived (vrrp.md §1.6). */
  readonly checkSource: boolean;
}

/**
 * What the checksum of a VRRPv3 advert over IPv4 covers besides the message (vrrp.md §1.4). `pseudo-header`: source,
 * real destination, protocol and length (RFC 5798, keepalived). `multicast-pseudo-header`: the same with 224.0.0.18
 * even for unicast (keepalived <= 1.3.6). `plain`: nothing (RFC 9568).
 */
export type ChecksumKind = 'pseudo-header' | 'multicast-pseudo-header' | 'plain';

/** How one virtual router (or group) depends on something watched. */
export interface Tracking {
  readonly kind: 'script' | 'interface' | 'process' | 'file' | 'redis';
  /** Of the script, process, file or redis tracker; for an interface its own name. */
  readonly name: string;
  /** 0: its failure is a fault. Otherwise -253..253, added to the priority (vrrp.md §1.11). */
  readonly weight: number;
  /** Its failure is what we want. */
  readonly reverse: boolean;
}

/** One virtual router (keepalived: vrrp_instance). */
export interface RouterConf {
  readonly name: string;
  readonly interface: string;
  /** 1..255, of its own per interface, family and unicast or not. */
  readonly virtualRouterId: number;
  readonly family: Family;
  readonly version: 2 | 3;
  /** 1..255. */
  readonly priority: number;
  /** `state MASTER`: only matters to sync groups and owners (vrrp.md §0.5). */
  readonly wantsActive: boolean;
  /** Version 2: whole seconds, 1,000..255,000. Version 3: steps of 10, 10..40,950. */
  readonly advertIntervalMs: number;
  /** Missed adverts until a backup takes over. RFC: 3. */
  readonly downTimerAdverts: number;
  /** False: never takes over from a living active router. Ignored for an owner. */
  readonly preempt: boolean;
  /** How long a lower active router is tolerated first; 0: not. */
  readonly preemptDelayMs: number;
  /** Version 2 only: the password; its first eight bytes count. null: none. */
  readonly password: string | null;
  /** Advertised, in this order. */
  readonly addresses: readonly VirtualAddress[];
  /** Moved as well, but not advertised; of any family. */
  readonly excludedAddresses: readonly VirtualAddress[];
  /** Source of the adverts; null: the interface's first address that is no virtual one. */
  readonly sourceAddress: string | null;
  /** The configured source must be on the interface, or it is a fault. An unconfigured one always must. */
  readonly trackSource: boolean;
  readonly multicastGroup: string;
  /** null: multicast. */
  readonly unicast: Unicast | null;
  /** What our own adverts' checksum covers. */
  readonly checksum: ChecksumKind;
  /** Change to `multicast-pseudo-header` for good once such an advert came (unicast only). */
  readonly adoptOldChecksum: boolean;
  readonly announcing: Announcing;
  readonly lowerPrioritySendsAdvert: boolean;
  readonly higherPrioritySendsAdvert: boolean;
  readonly ownerIgnoresAdverts: boolean;
  /** Its own interface and those of its addresses must be up, or it is a fault. */
  readonly trackInterfaces: boolean;
  readonly tracking: readonly Tracking[];
  readonly hooks: Hooks;
  /** notify_master finishes before the address is taken, or this has passed; null: as keepalived does, after. */
  readonly promoteBeforeAdvertise: { readonly timeoutMs: number } | null;
  /** Tell the FIFO of changes of the priority. */
  readonly tellPriorityChanges: boolean;
  readonly sendsMail: boolean;
  /** Whole seconds an address outlives its last refresh; null: for ever, as keepalived. See lifetime.ts for the default. */
  readonly addressLifetimeSeconds: number | null;
  /** Use nft, where it is, against two holders and hanging clients after a crash (guard.ts). */
  readonly guard: boolean;
}

/** Virtual routers that change state together (keepalived: vrrp_sync_group). */
export interface GroupConf {
  readonly name: string;
  /** Names of its virtual routers; at least one. */
  readonly members: readonly string[];
  /** Added to every member's own. */
  readonly tracking: readonly Tracking[];
  /** Weights count inside the group; otherwise a weighted tracker is ignored there. */
  readonly tracksWeights: boolean;
  readonly hooks: Hooks;
  readonly sendsMail: boolean;
}

/** Verdicts by counting (vrrp.md §1.11). */
export interface Thresholds {
  /** Successes in a row until up. */
  readonly rise: number;
  /** Failures in a row until down. */
  readonly fall: number;
}

export interface ScriptConf extends Thresholds {
  readonly name: string;
  readonly command: Command;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Begins as down, and needs `rise` successes. */
  readonly initFail: boolean;
}

export interface ProcessConf {
  readonly name: string;
  /** What to look for; how to match is the shell's. */
  readonly process: string;
  readonly parameters: readonly string[] | null;
  readonly parameterMatch: 'exact' | 'partial' | 'initial';
  readonly fullCommand: boolean;
  /** Up while between these, both included. */
  readonly quorum: number;
  readonly quorumMax: number;
  /** A change counts only after it lasted this long. */
  readonly forkDelayMs: number;
  readonly terminateDelayMs: number;
}

export interface FileConf {
  readonly name: string;
  readonly path: string;
  /** Written at start when it is not there (or always, with `overwrite`); null: never. */
  readonly initial: { readonly value: number; readonly overwrite: boolean } | null;
}

/** A standing connection to a Redis or Valkey. */
export interface RedisConf extends Thresholds {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** A file whose first line is `password` or `user password`; null: none. The shell reads it. */
  readonly authFile: string | null;
  /** Between PINGs; silence counts once per interval. */
  readonly intervalMs: number;
  /** The script it stands beside: tracked with it, by its name and weight; null: tracked by its own. */
  readonly besideScript: string | null;
}

/** A FIFO that gets a line for every change of state. */
export interface FifoConf {
  readonly path: string;
  /** Started once, gets the path as its last argument. */
  readonly script: Command | null;
}

/** Where mails about changes of state go, and how (vrrp.md §3.4). An address is `user@host` or `Name <user@host>`. */
export interface MailConf {
  /** `host`: an address or a name. */
  readonly server: { readonly host: string; readonly port: number };
  /** What we call ourselves to the server. */
  readonly helloName: string;
  /** For connecting, and for every answer of the server. */
  readonly timeoutMs: number;
  readonly from: string;
  /** At least one. */
  readonly to: readonly string[];
}

/** Everything. */
export interface VrrpConf {
  /** For mails and logs. */
  readonly routerId: string;
  readonly routers: readonly RouterConf[];
  readonly groups: readonly GroupConf[];
  readonly scripts: readonly ScriptConf[];
  readonly processes: readonly ProcessConf[];
  readonly files: readonly FileConf[];
  readonly redis: readonly RedisConf[];
  readonly fifos: readonly FifoConf[];
  /** null: no mail is sent, whoever asks for it. */
  readonly mail: MailConf | null;
  /** False: entering the fault state sends no mail. */
  readonly mailsFaults: boolean;
  /** Everything holds still this long after the start. */
  readonly startupDelayMs: number;
  /** Log adverts of virtual routers we do not know. */
  readonly logUnknownIds: boolean;
  /** Write all states to the FIFO after a reload. */
  readonly tellStatesOnReload: boolean;
  /** How long stopping waits for the stop hooks; keepalived: 1,000. */
  readonly stopTimeoutMs: number;
}
