// What the endpoint machine and its paths are told to do, as plain data with every default resolved. The command line
// makes it, the reader of haproxy.cfg, the reader of keepalived's virtual servers, and later baton.yaml; nothing here
// knows any of them. Times are milliseconds, text is byte strings. Names are HAProxy's: clients connect to a frontend, which
// leads to servers of a backend.

import type { AgentConf } from './agent.ts';
import type { CheckConf } from './checks/check-conf.ts';
import type { Condition } from './condition.ts';
import type { ObserveConf } from './observed.ts';
import type { PersistTable } from './relay/persistence.ts';
import type { Balance } from './route.ts';
import type { RealConf, VirtualConf } from './virtual-conf.ts';

/** A host name or address, and a port; or the path of a unix socket as host, and 0. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Secrets: they must not reach a log, an error or an answer. */
export interface Credentials {
  /** null: the default user. */
  readonly user: string | null;
  readonly password: string;
}

/** Older ones are not spoken. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

export interface TlsServerConf {
  /** PEM files; or the same folder of such, each with its key. */
  readonly certificateFile: string;
  readonly keyFile: string;
  /** More of them, or folders, for clients that ask for another name; absent: none. */
  readonly otherFiles?: readonly string[];
  /** Clients must show a certificate of these authorities; null: they need none. */
  readonly clientCaFile: string | null;
  /** The only one that is spoken; absent or null: both. */
  readonly version?: TlsVersion | null;
}

export interface TlsClientConf {
  /** null: the system's authorities. */
  readonly caFile: string | null;
  readonly certificateFile: string | null;
  readonly keyFile: string | null;
  /** False: any certificate will do (`verify none`). */
  readonly verifies: boolean;
  readonly serverName: string | null;
  /** The only one that is spoken; absent: both. */
  readonly version?: TlsVersion;
}

/** Where a frontend listens. */
export type Bind = (
  | {
      readonly kind: 'tcp';
      /** An address of this host; `*`: all of them, IPv4; `::`: all of them, both families. */
      readonly host: string;
      readonly port: number;
    }
  | {
      readonly kind: 'unix';
      readonly path: string;
      /** Of the socket's file, and its owner and group by name or number; null: what the system makes of it. */
      readonly mode: number | null;
      readonly user: string | null;
      readonly group: string | null;
    }
) & {
  /** null: clients speak plainly. */
  readonly tls: TlsServerConf | null;
  /** Clients come through a proxy that says who they are (PROXY protocol v1 or v2). */
  readonly acceptsProxyProtocol: boolean;
};

export type PathChoice = 'auto' | 'socket' | 'nat' | 'relay';

/** Limits of holding clients through a switch (design.md §8). */
export interface HoldConf {
  /** How long clients may be held, 1,000 by default. Longer: fewer switches fail; clients may time out. */
  readonly holdMsMax: number;
  /** Bytes of held requests of one client, 1 MiB by default; it is not read from beyond. */
  readonly clientBytesMax: number;
  /** And of all of them, 256 MiB by default. */
  readonly bytesMax: number;
}

export interface QueueConf {
  /** How long a new client waits for a server before it gets an error, 5,000 by default. */
  readonly timeoutMs: number;
  /** How many may wait, 10,000 by default. */
  readonly clientsMax: number;
}

/** Of rules of one layer the first whose condition holds decides; who is rejected by none comes in. */
export interface ClientRule {
  readonly action: 'accept' | 'reject';
  /** In this order. `connection` asks who connects, the others whom a PROXY header names. */
  readonly layer: 'connection' | 'session' | 'content';
  readonly when: Condition;
}

/** Clients of a frontend that are led elsewhere (HAProxy's use_backend). */
export interface BranchConf {
  readonly when: Condition;
  /** The frontend that serves them: one without listeners, or the very same. */
  readonly frontend: string;
}

/** What clients connect to. */
export interface FrontendConf {
  readonly name: string;
  readonly binds: readonly Bind[];
  /** Name of its backend. */
  readonly backend: string;
  readonly mode: 'redis' | 'tcp' | 'http';
  readonly path: PathChoice;
  /** Why it is that one, where nobody named it. */
  readonly pathBecause?: string;
  /** An option that means something to a relay only, as it is written; absent: none is given. */
  readonly relayOption?: string;
  /** `redis` by relay: one connection to the server for each client, as a plain proxy has it. */
  readonly isTransparent: boolean;
  /** null: no limit. */
  readonly connectionsMax: number | null;
  /** Without a byte in either direction; null: no limit. Never ends a subscriber or a blocked client. */
  readonly idleMsMax: number | null;
  /** TCP keepalive towards clients after so long without traffic; null: off. */
  readonly keepAliveMs: number | null;
  /** Who may come; absent: everybody. */
  readonly clientRules?: readonly ClientRule[];
  /** The same, asked of those who are led to its own backend. */
  readonly backendRules?: readonly ClientRule[];
  /** The first whose condition holds takes a client; null ends the list for those who are turned away; absent: none. */
  readonly branches?: readonly (BranchConf | null)[];
  /** It listens nowhere, and serves clients of this frontend; absent: it listens itself. */
  readonly branchOf?: string;
  readonly queue: QueueConf;
  readonly hold: HoldConf;
}

/** How a server of a backend is told to be good. A server is down while one of its checks is. */
export interface CheckTiming {
  readonly intervalMs: number;
  /** While it is changing; and while it is down. */
  readonly fastIntervalMs: number;
  readonly downIntervalMs: number;
  /** Successes until up, failures until down. The first success after the start is enough. */
  readonly rise: number;
  readonly fall: number;
  /** Of one run. */
  readonly timeoutMs: number;
}

export interface ServerConf extends HostPort {
  readonly name: string;
  /** 0: no new connections (drain). At most 256, as HAProxy's. */
  readonly weight: number;
  /** Used only while no other is up. */
  readonly isBackup: boolean;
  readonly connectionsMax: number | null;
  /** Starts in maintenance. */
  readonly isDisabled: boolean;
  readonly tls: TlsClientConf | null;
  /** Of the standing connection to it; absent: as `tls`. */
  readonly linkTls?: TlsClientConf | null;
  /** The relay says who its client is. Not understood by Redis itself, but by what may stand in front of one. */
  readonly sendsProxyProtocol: 1 | 2 | null;
  /** Of a backend whose role is `any`: it is up while none of them is down. None: it counts as up. */
  readonly checks: readonly ServerCheckConf[];
  /** Full at `connectionsMax`, it gets clients again below this many; absent: at once. */
  readonly connectionsAgain?: number;
  /** Of a backend whose role is `any`: when clients that it has are closed; absent: as its backend's `endsOthers` says. */
  readonly sessions?: SessionsConf;
  /** A program beside it that says how it fares; absent: none. */
  readonly agent?: AgentConf;
  /** It is as well as this one, and is not checked itself. */
  readonly tracks?: TrackedConf;
  /** What happens when clients can't be connected to it; absent: nothing but that others are tried. */
  readonly observe?: ObserveConf;
  /** After it was down, its weight grows for so long up to what it should be; absent: it has all of it at once. */
  readonly slowStartMs?: number;
  /** Of several addresses of its name it takes one that no other of `group` has; absent: the first. */
  readonly slot?: SlotConf;
  /** And one of this family, if there are any; absent: of either. */
  readonly family?: 4 | 6;
  /** Of a backend that is a virtual server. */
  readonly real?: RealConf;
}

/** A server of whatever backend. */
export interface TrackedConf {
  readonly backend: string;
  readonly server: string;
}

/** One of several servers that share a name (HAProxy's server-template). */
export interface SlotConf {
  readonly group: string;
  /** From 0. */
  readonly index: number;
}

/** HAProxy's `on-marked-down shutdown-sessions` and `on-marked-up shutdown-backup-sessions`. */
export interface SessionsConf {
  readonly endWhenDown: boolean;
  /** Those of backup servers, once this one is up. */
  readonly endBackupsWhenUp: boolean;
}

export interface ServerCheckConf {
  readonly check: CheckConf;
  readonly timing: CheckTiming;
  /** The second run comes so long after the first, so that many checks do not keep coming at once; absent: as usual. */
  readonly secondAfterMs?: number;
}

/** Which servers of a backend clients may be led to. */
export type Role =
  /** The one primary. */
  | {
      readonly kind: 'primary';
      readonly preferred: string | null;
      /** A primary that nobody replicates is none, which keeps one that was cut off from getting writes; absent: it may be. */
      readonly wantsReplica?: boolean;
    }
  /** Replicas that are near enough. */
  | {
      readonly kind: 'replica';
      readonly lagBytesMax: number;
      readonly lagMsMax: number;
      /** When there is none: to the primary, or nowhere. */
      readonly withoutReplica: 'primary' | 'refuse';
      /** Percent of the clients that one server may have while there are several; 100: no limit. */
      readonly shareMax: number;
    }
  /** Whoever passes its checks. */
  | { readonly kind: 'any' };

/** Who says which server is the primary. */
export type Source =
  | {
      readonly kind: 'sentinels';
      /** Named by the operator; a majority of them has to answer. */
      readonly sentinels: readonly HostPort[];
      /** The group's name there (`mymaster`). */
      readonly group: string;
      readonly credentials: Credentials | null;
      readonly tls: TlsClientConf | null;
    }
  /** Nobody: what the servers say themselves. */
  | { readonly kind: 'checks' };

export interface BackendConf {
  readonly name: string;
  readonly role: Role;
  readonly source: Source;
  /** With sentinels as the source: none, they are found. */
  readonly servers: readonly ServerConf[];
  readonly balance: Balance;
  readonly timing: CheckTiming;
  /** For the standing connections to its servers, which are Redis unless `role` is `any`. */
  readonly credentials: Credentials | null;
  /** Of servers that sentinels name. */
  readonly tls: TlsClientConf | null;
  /** And of those, too, see {@link ServerConf}; absent: nothing is sent. */
  readonly sendsProxyProtocol?: 1 | 2 | null;
  /** How long a connection to a server may take to be made. */
  readonly connectMsMax: number;
  /** Connections to a server that is down, or not the primary any more, are ended. Always so unless `role` is `any`. */
  readonly endsOthers: boolean;
  /** All backup servers serve when no other does; false: the first of them (HAProxy's `allbackups`). */
  readonly usesAllBackups: boolean;
  /** The first whose condition holds and whose server is up decides, before the balance; absent: none. */
  readonly serverRules?: readonly ServerRule[];
  /** A client's address stays with its server for so long after its last connection; absent: it does not. */
  readonly persistMs?: number;
  /** And so many addresses; absent: as many as are usual. */
  readonly persistTable?: PersistTable;
  /** One server has all clients, and stays while it is up, whoever comes back meanwhile (HAProxy's `stick on dst`). */
  readonly staysWithOne?: boolean;
  /** It is one of keepalived's virtual servers; its role is `any`. */
  readonly virtual?: VirtualConf;
}

/** A rule that names the server for some clients (HAProxy's use-server). */
export interface ServerRule {
  readonly when: Condition;
  readonly server: string;
}

/** Whether servers of it are to be told who each client is, or one that sentinels may name. */
export function namesClients({ servers, sendsProxyProtocol }: BackendConf): boolean {
  return (sendsProxyProtocol ?? null) !== null || servers.some((one) => one.sendsProxyProtocol !== null);
}

export interface EndpointsConf {
  readonly frontends: readonly FrontendConf[];
  readonly backends: readonly BackendConf[];
  /** How long a decision stands without being confirmed, 3,000 by default; and how often it is confirmed, 500. */
  readonly leaseMs: number;
  readonly refreshMs: number;
}
