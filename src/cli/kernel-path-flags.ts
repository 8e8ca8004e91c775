// Options that belong to one path together with another: what takes a relay with --path socket or nat, where nobody is in
// the way who could do that, and what those two alone know.

import type { EndpointsConf } from '../endpoint/endpoint-conf.ts';
import { flagText, unixPath, type EndpointOptions } from './endpoint-arguments.ts';
import { RELAYED_CONNECTION_FLAGS } from './endpoint-connections.ts';

/** Of an endpoint, as a haproxy.cfg says it in its own words. */
export const RELAYED_FLAGS = [
  'transparent',
  'maxConnections',
  'idleTimeout',
  'queueTimeout',
  'queueMax',
  'holdMax',
] as const satisfies readonly (keyof EndpointOptions)[];

const RELAY_ONLY: readonly (keyof EndpointOptions)[] = [
  ...RELAYED_FLAGS,
  'workers',
  'busyPoll',
  ...RELAYED_CONNECTION_FLAGS,
];

/** Those that are given, as they are written. */
export const relayOptions = (options: EndpointOptions): string[] =>
  RELAY_ONLY.filter((flag) => options[flag] !== undefined).map(flagText);

/** One sentence that names all of them; none: all is well. */
export function relayOnlyProblems(options: EndpointOptions): string[] {
  const { path } = options;
  if (path !== 'socket' && path !== 'nat') return [];
  const unix = [
    ...(options.listen ?? []).map((text) => ['--listen', text] as const),
    ...(options.replicaListen ?? []).map((text) => ['--replica-listen', text] as const),
    ...(options.servers ?? '').split(',').map((text) => ['--servers', text] as const),
  ].filter(([, text]) => unixPath(text.trim()) !== null);
  const given = [...relayOptions(options), ...unix.map((words) => words.join(' '))];
  if (given.length === 0) return [];
  return [
    `--path ${path} carries no bytes, so that ${given.join(', ')} would do nothing: leave them out, or use --path relay`,
  ];
}

/** As above, of what one path of the kernel alone knows. With --path auto it may be that one. */
export function kernelOnlyProblems({ path, cgroup, netns, masquerade }: EndpointOptions): string[] {
  const misses = (flag: string, value: string | undefined, its: string): string[] =>
    value === undefined || path === undefined || path === 'auto' || path === its
      ? []
      : [`${flag} is for --path ${its}: leave it out with --path ${path}`];
  return [
    ...misses('--cgroup', cgroup, 'socket'),
    ...misses('--netns', netns, 'socket'),
    ...misses('--masquerade', masquerade, 'nat'),
  ];
}

/** What is done otherwise than the options sound. */
export function notesOfKernelPaths({ backends }: EndpointsConf, options: EndpointOptions): string[] {
  const { path, file, balance } = options;
  if ((path !== 'socket' && path !== 'nat') || file !== null) return [];
  const notes: string[] = [];
  if (balance === 'leastconn') {
    notes.push(
      `--balance leastconn is not to be had by --path ${path}, which counts no clients: they are dealt out by weight`,
    );
  }
  if (backends.some(({ tls }) => tls !== null)) {
    notes.push(
      `--tls with --path ${path}, which carries no bytes: clients come to the servers as they are, and must speak TLS themselves`,
    );
  }
  return notes;
}
