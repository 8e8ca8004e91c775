// Which path each frontend takes, and why; and opening them. All problems come back at once, with nothing left open.

import { assert } from '../../base/assert.ts';
import { failure, success, type Result } from '../../base/result.ts';
import type { HttpFrontend } from '../../endpoint/conf/haproxy/haproxy-conf.ts';
import {
  namesClients,
  type BackendConf,
  type Bind,
  type EndpointsConf,
  type FrontendConf,
} from '../../endpoint/endpoint-conf.ts';
import { bindTargets } from '../../endpoint/bind-targets.ts';
import { endpointsOnServers } from '../../endpoint/own-servers.ts';
import { isUnixSocket, targetText } from '../../endpoint/route.ts';
import type { RuntimeView } from '../../endpoint/runtime-view.ts';
import { Descriptors } from '../../net/relay/descriptors.ts';
import { NO_TLS_FILES, type TlsFiles } from '../../net/tls-files.ts';
import { descriptorLimit } from '../../os/descriptor-limit.ts';
import { ownAddresses } from '../own-addresses.ts';
import { HttpPath } from './http-path.ts';
import { killersOf } from './kill-clients.ts';
import type { ListenNames } from './listening.ts';
import { NatPath, type NatEndpoint } from './nat-path.ts';
import type { SharedPaths } from './paths.ts';
import { RelayPath } from './relay-path.ts';
import type { PathEvents, RoutePath } from './route-path.ts';
import { SocketPath, socketPathProblem } from './socket-path.ts';
import { OsError } from '../../os/os-error.ts';

/** What the command line says of the paths. */
export interface PathOptions {
  readonly cgroup: string | null;
  readonly coversAllNamespaces: boolean;
  /** Relay workers; null: one less than there are cores, at least one. */
  readonly workers: number | null;
  /** See {@link RelayConf.staysAwake}; absent: null. */
  readonly staysAwake?: boolean | null;
  /** Relayed clients of all endpoints together; absent or null: no limit. */
  readonly clientsMax?: number | null;
  readonly masquerade: 'auto' | 'no';
  /** Whom relay workers run as; null: as this process. */
  readonly runAs: { readonly uid?: number; readonly gid?: number } | null;
  /** What tells this daemon from others of this machine, for names that all of them share. */
  readonly name: string;
  /** What the files of TLS options held; absent: whoever needs one reads it. */
  readonly tlsFiles?: TlsFiles;
  /** Counts those of this process for all that is ever opened; absent: for this opening alone. */
  readonly descriptors?: Descriptors;
}

export interface ChosenPath {
  /** The frontend. */
  readonly endpoint: string;
  readonly path: 'socket' | 'nat' | 'relay' | 'http';
  readonly listens: readonly string[];
  readonly because: string;
}

export interface OpenedPaths {
  /** By the frontend's name. */
  readonly paths: ReadonlyMap<string, RoutePath>;
  readonly chosen: readonly ChosenPath[];
}

type Choice = Pick<ChosenPath, 'path' | 'because'>;

/**
 * The conditions, in this order: HTTP has a path of its own; what was named is taken; what only a relay can do is relayed;
 * a loopback listener takes the socket path where that is permitted (`problem` null); everything else is relayed. nat only
 * when it is named: it changes the machine's firewall.
 */
export function choosePath(
  frontend: FrontendConf,
  backend: BackendConf | null,
  problem: () => string | null,
): Choice {
  const { path, pathBecause } = frontend;
  if (frontend.mode === 'http' && (path === 'auto' || path === 'relay')) {
    return { path: 'http', because: 'requests are led one by one, whoever asks' };
  }
  if (path !== 'auto') return { path, because: pathBecause ?? `--path ${path} says so` };
  const relayOnly = whatOnlyRelays(frontend, backend);
  if (relayOnly !== null) return { path: 'relay', because: `${relayOnly} takes a relay` };
  if (!frontend.binds.every(isLoopback)) {
    return { path: 'relay', because: 'clients of other machines do not pass the socket path of this one' };
  }
  const why = problem();
  return why === null
    ? { path: 'socket', because: 'clients of this machine can be led by their connect()' }
    : { path: 'relay', because: `the socket path cannot be used: ${why}` };
}

function whatOnlyRelays(frontend: FrontendConf, backend: BackendConf | null): string | null {
  const { binds, isTransparent, connectionsMax, idleMsMax, clientRules, backendRules } = frontend;
  const { branches, branchOf, relayOption } = frontend;
  const servers = backend === null ? [] : [backend, ...backend.servers];
  if (binds.some((bind) => bind.kind === 'unix')) return 'a unix socket';
  if (binds.some(({ tls }) => tls !== null)) return 'TLS';
  if (binds.some(({ acceptsProxyProtocol }) => acceptsProxyProtocol)) return 'the PROXY protocol';
  if (servers.some(({ tls }) => tls !== null)) return 'TLS towards the servers';
  if (backend !== null && namesClients(backend)) return 'the PROXY protocol towards the servers';
  if (backend?.servers.some(isUnixSocket) === true) return 'a server at a unix socket';
  if (isTransparent) return '--transparent';
  if (connectionsMax !== null) return 'a limit of connections';
  if (idleMsMax !== null) return 'a limit of idle time';
  if (clientRules !== undefined || backendRules !== undefined) return 'a rule on who may come';
  if (branches !== undefined || branchOf !== undefined) return 'a rule on where clients are led';
  if (relayOption !== undefined) return relayOption;
  if (backend === null) return null;
  if (backend.serverRules !== undefined) return 'a rule on which server is used';
  if (backend.servers.some((server) => server.connectionsMax !== null)) return 'a limit of a server';
  // There is one primary, however clients are dealt out.
  if (backend.balance === 'leastconn' && backend.role.kind !== 'primary') return 'leastconn';
  return null;
}

const isLoopback = (bind: Bind): boolean =>
  bind.kind === 'tcp' && (bind.host === '::1' || bind.host.startsWith('127.'));

const bindText = (bind: Bind): string => (bind.kind === 'unix' ? bind.path : targetText(bind));

/** What frontends of `mode http` have besides. */
export interface HttpSurroundings {
  /** What a file says of one, now; null: nothing. */
  readonly httpOf: (frontend: string) => HttpFrontend | null;
  /** What pages of status show. */
  readonly view: () => Promise<RuntimeView>;
}

/** Opens what clients connect to. Nobody is led anywhere yet. `shared`: what is open already, and takes more endpoints. */
export async function openPaths(
  conf: EndpointsConf,
  options: PathOptions,
  events: PathEvents,
  { httpOf, view }: HttpSurroundings,
  shared: SharedPaths = { socket: null, nat: null, slots: null },
): Promise<Result<OpenedPaths, readonly string[]>> {
  const circles = endpointsOnServers(conf, ownAddresses());
  if (circles.length > 0) return failure(circles);
  let looked: { readonly problem: string | null } | null = null;
  const socketProblem = (): string | null => {
    looked ??= { problem: socketPathProblem(options) };
    return looked.problem;
  };
  const warn = (sentence: string): void => events.warn(sentence);
  const { descriptors = new Descriptors(descriptorLimit(), warn) } = options;
  const chosen = conf.frontends.map((frontend) => {
    const backend = conf.backends.find(({ name }) => name === frontend.backend) ?? null;
    return { frontend, ...choosePath(frontend, backend, socketProblem) };
  });
  // What only a relay can do is lost with another path, and that must not be who is kept out.
  const problems = chosen
    .filter(({ path }) => /^(?:socket|nat)$/.test(path))
    .filter(
      ({ frontend: { clientRules, backendRules, branches } }) => clientRules ?? backendRules ?? branches,
    )
    .map(
      ({ frontend, path }) =>
        `${frontend.name}: who may come (tcp-request), and where (use_backend), is decided by a relay, not by --path ${path}`,
    );
  if (problems.length > 0) return failure(problems);
  const paths = new Map<string, RoutePath>();
  const undo: (() => void | Promise<void>)[] = [];
  const take = (path: ChosenPath['path'], result: Result<RoutePath, readonly string[]>): void => {
    if (!result.ok) {
      problems.push(...result.problem);
      return;
    }
    const names = chosen.filter((one) => one.path === path).map(({ frontend }) => frontend.name);
    for (const name of names) paths.set(name, result.value);
    const isShared = result.value === shared.socket || result.value === shared.nat;
    undo.push(() => (isShared ? result.value.drop?.(names) : result.value.close()));
  };
  const ofPath = (path: string): FrontendConf[] =>
    chosen.filter((one) => one.path === path).map(({ frontend }) => frontend);

  if (ofPath('socket').length > 0) {
    const result = openSocket(ofPath('socket'), options, warn, shared.socket);
    take('socket', result.ok ? result : failure([result.problem.sentence]));
  }
  for (const frontend of ofPath('nat')) {
    if (bindTargets(frontend.binds, ownAddresses(), false).length > 0) continue;
    problems.push(
      `${frontend.name}: nat leads from addresses of this host that other machines can come to, and ${frontend.binds.map(bindText).join(', ')} is none`,
    );
  }
  if (ofPath('nat').length > 0) {
    const result = await openNat(conf, ofPath('nat'), options, warn, shared.nat);
    take('nat', result.ok ? result : failure([result.problem.sentence]));
  }
  if (ofPath('relay').length > 0) {
    take(
      'relay',
      await RelayPath.open({
        conf,
        frontends: ofPath('relay'),
        workers: options.workers,
        clientsMax: options.clientsMax ?? null,
        staysAwake: options.staysAwake ?? null,
        slots: shared.slots,
        events,
        ...(options.runAs === null ? {} : { runAs: options.runAs }),
        tlsFiles: options.tlsFiles ?? NO_TLS_FILES,
      }),
    );
  }
  for (const frontend of ofPath('http')) {
    const http = (): HttpFrontend | null => httpOf(frontend.name);
    const { tlsFiles = NO_TLS_FILES } = options;
    const result = await HttpPath.open({ conf, frontend, http, view, tlsFiles, descriptors });
    if (result.ok) {
      undo.push(() => result.value.close());
      paths.set(frontend.name, result.value);
    } else {
      problems.push(...result.problem);
    }
  }
  if (problems.length > 0) {
    await Promise.all(undo.map(async (act) => act()));
    return failure(problems);
  }
  return success({
    paths,
    chosen: chosen.map(({ frontend, path, because }) => ({
      endpoint: frontend.name,
      path,
      listens: frontend.binds.map(bindText),
      because,
    })),
  });
}

function openSocket(
  frontends: readonly FrontendConf[],
  { cgroup, coversAllNamespaces }: PathOptions,
  warn: (sentence: string) => void,
  shared: SocketPath | null,
): Result<SocketPath> {
  const listens = new Map(
    frontends.map(({ name, binds }): [string, ListenNames] => [name, (own) => bindTargets(binds, own, true)]),
  );
  if (shared === null) return SocketPath.open({ cgroup, coversAllNamespaces, listens, warn });
  try {
    shared.add(listens);
    return success(shared);
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    return failure({ code: 'socket-path', sentence: error.message });
  }
}

async function openNat(
  conf: EndpointsConf,
  frontends: readonly FrontendConf[],
  options: PathOptions,
  warn: (sentence: string) => void,
  shared: NatPath | null,
): Promise<Result<NatPath>> {
  const killers = killersOf({ ...conf, frontends }, options.tlsFiles);
  const endpoints = new Map<string, NatEndpoint>();
  for (const { name, binds } of frontends) {
    const killClients = killers.get(name);
    assert(killClients !== undefined, `no way to close clients of ${name}`);
    endpoints.set(name, { listens: (own) => bindTargets(binds, own, false), killClients });
  }
  if (shared !== null) {
    const added = await shared.add(endpoints);
    return added.ok ? success(shared) : added;
  }
  return NatPath.open({
    table: `baton_endpoint_${options.name.replaceAll(/\W/g, '_')}`,
    endpoints,
    masquerade: options.masquerade,
    warn,
  });
}
