// Options that ask for a relay together with --path socket or nat, where nobody is in the way who could do that.

import type { EndpointsConf } from '../endpoint/endpoint-conf.ts';
import type { EndpointOptions } from './endpoint-arguments.ts';

/** As they are written. */
const RELAY_ONLY = {
  transparent: '--transparent',
  maxConnections: '--max-connections',
  idleTimeout: '--idle-timeout',
  queueTimeout: '--queue-timeout',
  queueMax: '--queue-max',
  holdMax: '--hold-max',
  workers: '--workers',
  listenCert: '--listen-cert',
  listenKey: '--listen-key',
  listenCacert: '--listen-cacert',
  listenMode: '--listen-mode',
  sendProxy: '--send-proxy',
  sendProxyV2: '--send-proxy-v2',
  acceptProxy: '--accept-proxy',
} as const;

const isUnix = (text: string): boolean => /^(?:unix[:@])?\//.test(text.trim());

/** One sentence that names all of them; none: all is well. */
export function relayOnlyProblems(options: EndpointOptions): string[] {
  const { path } = options;
  if (path !== 'socket' && path !== 'nat') return [];
  const flags = Object.keys(RELAY_ONLY) as (keyof typeof RELAY_ONLY)[];
  const unix = [
    ...(options.listen ?? []).map((text) => ['--listen', text] as const),
    ...(options.replicaListen ?? []).map((text) => ['--replica-listen', text] as const),
    ...(options.servers ?? '').split(',').map((text) => ['--servers', text] as const),
  ].filter(([, text]) => isUnix(text));
  const given = [
    ...flags.filter((flag) => options[flag] !== undefined).map((flag) => RELAY_ONLY[flag]),
    ...unix.map((words) => words.join(' ')),
  ];
  if (given.length === 0) return [];
  return [
    `--path ${path} carries no bytes, so that ${given.join(', ')} would do nothing: leave them out, or use --path relay`,
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
