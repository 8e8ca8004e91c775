// What `baton endpoint` is to do: from its options, or from a haproxy.cfg.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { failure, success, type Result } from '../base/result.ts';
import type { DoorsConf } from '../daemon/endpoint/doors.ts';
import type { AboutDaemon } from '../daemon/endpoint/endpoint-daemon.ts';
import type { HaproxyProcess } from '../endpoint/conf/haproxy/haproxy-conf.ts';
import { namesClients, type Credentials, type EndpointsConf } from '../endpoint/endpoint-conf.ts';
import { readTlsFiles, type TlsFiles } from '../net/tls-files.ts';
import {
  endpointsFromFlags,
  flagText,
  parseHostPort,
  PATHS,
  type EndpointOptions,
} from './endpoint-arguments.ts';
import { CONNECTION_FLAGS } from './endpoint-connections.ts';
import {
  RELAYED_FLAGS,
  kernelOnlyProblems,
  notesOfKernelPaths,
  relayOnlyProblems,
  relayOptions,
} from './kernel-path-flags.ts';
import { readHaproxyFile } from './endpoint-haproxy.ts';
import { VERSION } from './version.ts';

const WORKERS_MAX = 64;

export interface EndpointPlan {
  readonly conf: EndpointsConf;
  /** null: described by options. */
  readonly process: HaproxyProcess | null;
  /** What an operator should read before it runs. */
  readonly warnings: readonly string[];
  /** Where to answer load balancers' questions; null: nowhere. */
  readonly http: { readonly host: string; readonly port: number } | null;
  /** What the files of TLS options hold now. */
  readonly tlsFiles: TlsFiles;
}

/** Before the files that it names are looked at. */
type ReadPlan = Omit<EndpointPlan, 'tlsFiles'>;

/** What others call the daemon. */
export function nameOf({ name, primary, file }: EndpointOptions): string {
  return name ?? primary ?? (file === null ? 'servers' : basename(file).replace(/\.(cfg|conf)$/, ''));
}

/** The command line's word counts before the file's. */
export const workersOf = ({ workers }: EndpointOptions, settings: HaproxyProcess | null): number | null =>
  workers === undefined ? (settings?.workers ?? null) : Number(workers);

/** The same. */
export const staysAwake = ({ busyPoll }: EndpointOptions, settings: HaproxyProcess | null): boolean | null =>
  busyPoll === undefined ? (settings?.staysAwake ?? null) : busyPoll === 'yes';

/** What answers others than clients. */
export const doorsOf = ({ process: settings, http }: EndpointPlan): DoorsConf => ({
  statsSockets: settings?.statsSockets ?? [],
  statsPages: settings?.statsPages ?? [],
  http,
});

/** What is shown of the daemon. */
export const aboutOf = ({ process: settings }: EndpointPlan): AboutDaemon => ({
  version: VERSION,
  connectionsMax: settings?.connectionsMax ?? null,
  sections: settings?.sections ?? [],
  httpFrontends: settings?.httpFrontends ?? [],
});

/** Reads what it was given; all problems at once. */
export function readPlan(options: EndpointOptions): Result<EndpointPlan, readonly string[]> {
  const problems = [...problemsOf(options), ...relayOnlyProblems(options), ...kernelOnlyProblems(options)];
  const http =
    options.http === undefined
      ? null
      : parseHostPort(/^\d+$/.test(options.http) ? `127.0.0.1:${options.http}` : options.http, null);
  if (options.http !== undefined && http === null)
    problems.push(`--http ${options.http}: PORT (on loopback) or ADDRESS:PORT`);
  const plan = options.file === null ? fromFlags(options, http) : fromFile(options, options.file, http);
  if (!plan.ok) return failure([...problems, ...plan.problem]);
  const tlsFiles = readTlsFiles(plan.value.conf);
  if (!tlsFiles.ok) problems.push(...tlsFiles.problem);
  if (!tlsFiles.ok || problems.length > 0) return failure(problems);
  const { conf } = plan.value;
  const warnings = [...plan.value.warnings, ...notesOfProxy(conf), ...notesOfKernelPaths(conf, options)];
  return success({ ...plan.value, warnings, tlsFiles: tlsFiles.value });
}

/** The PROXY protocol names one client for a whole connection, so none can be shared. */
function notesOfProxy({ frontends, backends }: EndpointsConf): string[] {
  return frontends
    .filter(({ mode, backend, isTransparent }) => {
      const leadsTo = backends.find(({ name }) => name === backend);
      return mode === 'redis' && !isTransparent && leadsTo !== undefined && namesClients(leadsTo);
    })
    .map(
      ({ name }) =>
        `${name}: its servers are told who each client is (PROXY protocol), so each client has a connection of its own there, as with --transparent; Redis itself does not understand it, only what stands in front of one`,
    );
}

function problemsOf({ netns, masquerade, workers, busyPoll }: EndpointOptions): string[] {
  const problems: string[] = [];
  if (netns !== undefined && netns !== 'all') problems.push(`--netns ${netns}: only "all" is known`);
  if (masquerade !== undefined && masquerade !== 'auto' && masquerade !== 'no') {
    problems.push(`--masquerade ${masquerade}: "auto" or "no"`);
  }
  if (busyPoll !== undefined && busyPoll !== 'yes' && busyPoll !== 'no') {
    problems.push(`--busy-poll ${busyPoll}: "yes" or "no"`);
  }
  const count = Number(workers ?? '1');
  if (!Number.isInteger(count) || count < 1 || count > WORKERS_MAX) {
    problems.push(`--workers ${workers ?? ''}: a number from 1 to ${WORKERS_MAX}`);
  }
  return problems;
}

function fromFile(
  options: EndpointOptions,
  file: string,
  http: EndpointPlan['http'],
): Result<ReadPlan, readonly string[]> {
  const described = [
    'sentinels',
    'primary',
    'servers',
    'listen',
    'replicaListen',
    'prefer',
    ...RELAYED_FLAGS,
    'balance',
    'withoutReplica',
    'shareMax',
    'replicaLag',
    'replicaLagBytes',
    'lease',
    'refresh',
    'authFile',
    'sentinelAuthFile',
    ...CONNECTION_FLAGS,
  ] as const;
  const given = described.filter((flag) => options[flag] !== undefined);
  if (given.length > 0) {
    return failure([`${file} says all that ${given.map(flagText).join(', ')} would: leave one of them out`]);
  }
  const named = PATHS.find((path) => path === (options.path ?? 'auto'));
  if (named === undefined) return failure([`--path ${options.path ?? ''}: one of ${PATHS.join(', ')}`]);
  const kernelPath = named === 'socket' || named === 'nat' ? named : null;
  const isLenient = options.lenient === true;
  const read = readHaproxyFile(file, { isLenient, environment: process.env, kernelPath });
  if (!read.ok) return read;
  const { conf, warnings } = read.value;
  // A file of HAProxy is relayed, as HAProxy does, unless the command line says otherwise.
  const path =
    named === 'auto'
      ? ({ path: 'relay', pathBecause: 'a haproxy.cfg is relayed unless --path is given' } as const)
      : { path: named };
  const frontends = conf.frontends.map((frontend) => ({ ...frontend, ...path }));
  return success({ conf: { ...conf, frontends }, process: read.value.process, warnings, http });
}

function fromFlags(
  options: EndpointOptions,
  http: EndpointPlan['http'],
): Result<ReadPlan, readonly string[]> {
  const problems: string[] = [];
  const credentials = (flag: string, file: string | undefined): Credentials | null => {
    if (file === undefined) return null;
    const read = readCredentials(file);
    if (read.ok) return read.value;
    problems.push(`${flag} ${file}: ${read.problem}`);
    return null;
  };
  const conf = endpointsFromFlags(options, {
    servers: credentials('--auth-file', options.authFile),
    sentinels: credentials('--sentinel-auth-file', options.sentinelAuthFile),
  });
  if (!conf.ok) problems.push(...conf.problem);
  if (!conf.ok || problems.length > 0) return failure(problems);
  const [relayOption] = relayOptions(options);
  const frontends = conf.value.frontends.map((frontend) => ({
    ...frontend,
    ...(relayOption === undefined ? {} : { relayOption }),
  }));
  return success({ conf: { ...conf.value, frontends }, process: null, warnings: [], http });
}

/** `password` or `user password`, in the first line. */
function readCredentials(file: string): Result<Credentials, string> {
  try {
    const [line = ''] = readFileSync(file, 'latin1').split(/\r?\n/);
    const words = line.split(/\s+/).filter((word) => word !== '');
    const [first, second] = words;
    if (first === undefined || words.length > 2)
      return failure('its first line is "password" or "user password"');
    return success(
      second === undefined ? { user: null, password: first } : { user: first, password: second },
    );
  } catch (error) {
    return failure((error as Error).message);
  }
}
