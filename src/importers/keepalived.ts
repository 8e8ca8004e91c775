// keepalived's virtual servers (vrrp.md §2.3) as the endpoint machine's configuration: one frontend, carried by a relay, and
// one backend for each. What can't be done is said with its place in the file, all at once; what is done in another way is a
// warning.

import { failure, success, type Result } from '../base/result.ts';
import { LEASE_MS, HOLD, KEEP_ALIVE_MS, QUEUE, REFRESH_MS, TIMING } from '../endpoint/defaults.ts';
import type {
  BackendConf,
  Bind,
  EndpointsConf,
  FrontendConf,
  ServerConf,
} from '../endpoint/endpoint-conf.ts';
import { targetText, type Balance } from '../endpoint/route.ts';
import type { VirtualConf } from '../endpoint/virtual-conf.ts';
import type { KeepalivedConf } from '../vrrp/conf/conf.ts';
import type { Endpoint, RealServerConf, ServerGroupConf, VirtualServerConf } from '../vrrp/conf/servers.ts';
import { formatAddress, parseAddress } from '../vrrp/ip-address.ts';
import { checksOf, type CheckContext } from './keepalived-checks.ts';
import { Remarks, type Remark } from './remarks.ts';

/** More listeners of one virtual server were written by mistake. */
const LISTENERS_MAX = 256;
const CONNECT_MS = 5_000;
/** IPVS gives a full server new connections again below three quarters, unless lthreshold says otherwise. */
const AGAIN_SHARE = 0.75;

export interface TranslatedBalancer {
  readonly conf: EndpointsConf;
  readonly warnings: readonly Remark[];
}

interface Scheduling {
  readonly balance: Balance;
  readonly ignoresWeights: boolean;
  /** What is done instead, for a warning; null: just what it says. */
  readonly instead: string | null;
}

const leastConnections: Scheduling = {
  balance: 'leastconn',
  ignoresWeights: false,
  instead: 'least connections by weight (wlc)',
};
const bySource: Scheduling = {
  balance: 'source',
  ignoresWeights: false,
  instead: "the client's address chooses, by a hash of our own",
};
const SCHEDULERS: Readonly<Record<string, Scheduling>> = {
  rr: { balance: 'roundrobin', ignoresWeights: true, instead: null },
  wrr: { balance: 'roundrobin', ignoresWeights: false, instead: null },
  lc: { balance: 'leastconn', ignoresWeights: true, instead: null },
  wlc: { balance: 'leastconn', ignoresWeights: false, instead: null },
  sed: leastConnections,
  nq: leastConnections,
  twos: leastConnections,
  sh: bySource,
  mh: bySource,
};

/** `lenient`: virtual servers that can't be served are left out with a warning. */
export function endpointsFromKeepalived(
  keepalived: KeepalivedConf,
  lenient: boolean,
): Result<TranslatedBalancer, readonly Remark[]> {
  const remarks = new Remarks();
  const frontends: FrontendConf[] = [];
  const backends: BackendConf[] = [];
  const owners = new Map<string, string>();
  const { virtualServers } = keepalived.balancer;
  const [first] = virtualServers;
  if (first !== undefined) warnOfRelay(remarks, virtualServers, first.where);
  for (const server of virtualServers) {
    const mine = new Remarks();
    const checkers = server.realServers.flatMap((one) => one.checkers);
    const made = translate(server, { keepalived, remarks: mine, checkers });
    for (const bind of made?.frontend.binds ?? []) {
      const text = bind.kind === 'tcp' ? targetText(bind) : bind.path;
      const owner = owners.get(text);
      if (owner === undefined) owners.set(text, server.where);
      else mine.error(server.where, `${text} is served by the virtual_server at ${owner} already`);
    }
    remarks.take(mine, lenient);
    if (made === null || mine.hasErrors) continue;
    frontends.push(made.frontend);
    backends.push(made.backend);
  }
  if (remarks.hasErrors) return failure(remarks.all);
  const conf = { frontends, backends, leaseMs: LEASE_MS, refreshMs: REFRESH_MS };
  return success({ conf, warnings: remarks.all });
}

/** Once for all: it is the same for each. */
function warnOfRelay(remarks: Remarks, servers: readonly VirtualServerConf[], where: string): void {
  const kinds = new Set(
    servers.flatMap(({ forwarding, realServers }) => [
      forwarding,
      ...realServers.map((one) => one.forwarding),
    ]),
  );
  remarks.warn(
    where,
    `virtual servers are served by a relay, whatever lb_kind says (${[...kinds].join(', ')}): real servers see the ` +
      "address of this machine, not the client's, and need no address of the virtual server on lo",
  );
}

/** null: there is nothing to serve. */
function translate(
  server: VirtualServerConf,
  context: CheckContext,
): { readonly frontend: FrontendConf; readonly backend: BackendConf } | null {
  const { keepalived, remarks } = context;
  const { where, realServers } = server;
  if (server.protocol !== 'TCP')
    remarks.error(where, `protocol ${server.protocol} is not served: only TCP is`);
  const listeners = listenersOf(server, keepalived.balancer.groups, remarks);
  if (listeners === null) return null;
  if (realServers.length === 0 && server.sorryServer === null) {
    remarks.warn(where, 'this virtual_server has no real_server and no sorry_server: it is left out');
    return null;
  }
  const scheduling = schedulingOf(server, remarks);
  const ports = new Set(listeners.map(({ port }) => port));
  const named = (real: RealServerConf): RealServerConf => ({
    ...real,
    port: portOf(real, ports, real.where, remarks),
  });
  const name =
    server.target.kind === 'group' ? server.target.name : targetText(hostPort(listeners[0] as Endpoint));
  const servers = realServers.map((real) => translateReal(named(real), scheduling, context));
  const twice = servers.find((one, index) => servers.findIndex((other) => other.name === one.name) !== index);
  if (twice !== undefined) remarks.error(where, `real_server ${twice.name} is there twice`);
  return {
    frontend: frontendOf(name, listeners),
    backend: {
      name,
      role: { kind: 'any' },
      source: { kind: 'checks' },
      servers,
      balance: scheduling.balance,
      timing: TIMING,
      credentials: null,
      tls: null,
      connectMsMax: CONNECT_MS,
      endsOthers: true,
      usesAllBackups: false,
      ...(server.persistenceTimeoutMs === 0 ? {} : { persistMs: server.persistenceTimeoutMs }),
      virtual: virtualOf(server, listeners, ports, context),
    },
  };
}

/** The addresses and ports it listens on; null: it can't. */
function listenersOf(
  { target, where }: VirtualServerConf,
  groups: readonly ServerGroupConf[],
  remarks: Remarks,
): Endpoint[] | null {
  const noMark = (mark: number): null => {
    remarks.error(
      where,
      `fwmark ${mark} is not served: say the address and the port that clients connect to`,
    );
    return null;
  };
  if (target.kind === 'fwmark') return noMark(target.mark);
  const group = target.kind === 'group' ? groups.find(({ name }) => name === target.name) : undefined;
  const listeners: Endpoint[] = target.kind === 'address' ? [target] : [];
  for (const entry of group?.entries ?? []) {
    if (entry.kind === 'fwmark') return noMark(entry.mark);
    const addresses = rangeOf(entry.from, entry.to);
    if (addresses === null || listeners.length + addresses.length > LISTENERS_MAX) {
      remarks.error(where, `virtual_server_group ${group?.name} has more than ${LISTENERS_MAX} addresses`);
      return null;
    }
    listeners.push(...addresses.map((address) => ({ address, port: entry.port })));
  }
  if (listeners.length === 0) {
    remarks.error(where, 'this virtual_server has no address to listen on');
    return null;
  }
  if (listeners.some(({ port }) => port === 0)) {
    remarks.error(where, 'a virtual_server of all ports is not served: say the port');
    return null;
  }
  return listeners;
}

/** All from the first to the last, which differ in their last bytes; null: too many. */
function rangeOf(from: string, to: string): string[] | null {
  const first = parseAddress(from);
  const last = parseAddress(to);
  if (first === null || last === null) return null;
  const value = (bytes: Uint8Array): bigint => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  const count = value(last) - value(first) + 1n;
  if (count > BigInt(LISTENERS_MAX)) return null;
  const addresses: string[] = [];
  for (let each = value(first); each <= value(last); each += 1n) {
    const bytes = new Uint8Array(first.length);
    for (let at = bytes.length - 1, rest = each; at >= 0; at -= 1, rest /= 256n)
      bytes[at] = Number(rest % 256n);
    addresses.push(formatAddress(bytes));
  }
  return addresses;
}

function schedulingOf(server: VirtualServerConf, remarks: Remarks): Scheduling {
  const { where, scheduler, flags } = server;
  const known = SCHEDULERS[scheduler];
  if (known === undefined) {
    remarks.error(
      where,
      `lb_algo ${scheduler} is not served: take one of ${Object.keys(SCHEDULERS).join(', ')}`,
    );
  } else if (known.instead !== null) {
    remarks.warn(where, `lb_algo ${scheduler} is done as: ${known.instead}`);
  }
  if (flags.length > 0) remarks.warn(where, `${flags.join(', ')}: not followed`);
  if (server.haSuspend) {
    remarks.warn(where, 'ha_suspend is not followed: servers are checked wherever the address is');
  }
  if (server.persistenceEngine !== null) {
    remarks.error(where, `persistence_engine ${server.persistenceEngine} is not served: take the line away`);
  }
  if (server.persistenceGranularity !== null) {
    remarks.warn(where, 'persistence_granularity is not followed: each address stays by itself');
  }
  return known ?? leastConnections;
}

const hostPort = ({ address, port }: Endpoint): { host: string; port: number } => ({ host: address, port });
const labelOf = ({ address, port }: Endpoint): string => `[${address}]:tcp:${port}`;

/** A server without a port gets the one that clients connect to, if that is one. */
function portOf({ port }: Endpoint, ports: ReadonlySet<number>, where: string, remarks: Remarks): number {
  const [only = 0] = ports;
  if (port !== 0 || ports.size === 1) return port === 0 ? only : port;
  remarks.error(where, 'say the port: its virtual_server has several');
  return only;
}

function translateReal(real: RealServerConf, scheduling: Scheduling, context: CheckContext): ServerConf {
  const { upperThreshold, lowerThreshold, checkers } = real;
  const again = lowerThreshold > 0 ? lowerThreshold : Math.ceil(upperThreshold * AGAIN_SHARE);
  return {
    name: targetText(hostPort(real)),
    ...hostPort(real),
    weight: real.weight,
    isBackup: false,
    connectionsMax: upperThreshold === 0 ? null : upperThreshold,
    ...(upperThreshold === 0 ? {} : { connectionsAgain: again }),
    isDisabled: false,
    tls: null,
    sendsProxyProtocol: null,
    checks: checksOf(real, context),
    real: {
      label: labelOf(real),
      up: real.notifyUp,
      down: real.notifyDown,
      sendsMail: real.sendsMail,
      startsAlive: !checkers.some(({ alpha }) => alpha),
      keepsClients: real.inhibitOnFailure,
      hasEqualShare: scheduling.ignoresWeights,
    },
  };
}

function virtualOf(
  server: VirtualServerConf,
  listeners: readonly Endpoint[],
  ports: ReadonlySet<number>,
  { keepalived, remarks }: CheckContext,
): VirtualConf {
  const { target, quorum, hysteresis, sorryServer, where } = server;
  const label = target.kind === 'group' ? target.name : labelOf(listeners[0] as Endpoint);
  return {
    label,
    routerId: keepalived.global.routerId,
    up: server.quorumUp,
    down: server.quorumDown,
    sendsMail: server.sendsMail,
    quorum,
    hysteresis,
    sorry:
      sorryServer === null
        ? null
        : sorryOf({ ...sorryServer, port: portOf(sorryServer, ports, where, remarks) }),
    tellsStop: server.omega,
    hasFifo: keepalived.global.fifos.some(({ hears }) => hears !== 'vrrp'),
  };
}

function sorryOf(sorry: Endpoint & { readonly inhibit: boolean }): ServerConf {
  return {
    name: targetText(hostPort(sorry)),
    ...hostPort(sorry),
    weight: 1,
    isBackup: true,
    connectionsMax: null,
    isDisabled: false,
    tls: null,
    sendsProxyProtocol: null,
    checks: [],
    real: {
      label: labelOf(sorry),
      up: null,
      down: null,
      sendsMail: false,
      startsAlive: true,
      keepsClients: sorry.inhibit,
      hasEqualShare: false,
    },
  };
}

function frontendOf(name: string, listeners: readonly Endpoint[]): FrontendConf {
  const binds = listeners.map((one): Bind => ({
    kind: 'tcp',
    ...hostPort(one),
    tls: null,
    acceptsProxyProtocol: false,
  }));
  return {
    name,
    binds,
    backend: name,
    mode: 'tcp',
    path: 'relay',
    pathBecause: 'virtual servers are relayed',
    isTransparent: true,
    connectionsMax: null,
    idleMsMax: null,
    keepAliveMs: KEEP_ALIVE_MS,
    queue: QUEUE,
    hold: HOLD,
  };
}
