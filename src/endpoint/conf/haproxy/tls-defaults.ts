// What `global` says of TLS for all that follows: where relative names of certificates begin, and whether servers' are
// verified.

import type { Bind } from '../../endpoint-conf.ts';
import type { ProxyDraft } from './draft.ts';

export interface TlsDefaults {
  /** `crt-base` and `ca-base`; null: the folder the daemon runs in. */
  certificateBase: string | null;
  authorityBase: string | null;
  /** `ssl-server-verify none` */
  verifiesServers: boolean;
}

/** Makes them count in what the sections say. */
export function applyTlsDefaults(proxies: readonly ProxyDraft[], defaults: TlsDefaults): void {
  const inFolder = (base: string | null, file: string): string =>
    base === null || file.startsWith('/') ? file : `${base}/${file}`;
  const certificate = (file: string): string => inFolder(defaults.certificateBase, file);
  const authority = (file: string): string => inFolder(defaults.authorityBase, file);
  const withFolders = (bind: Bind): Bind => {
    if (bind.tls === null) return bind;
    const { certificateFile, keyFile, clientCaFile } = bind.tls;
    return {
      ...bind,
      tls: {
        certificateFile: certificate(certificateFile),
        keyFile: certificate(keyFile),
        clientCaFile: clientCaFile === null ? null : authority(clientCaFile),
      },
    };
  };
  for (const { binds } of proxies) binds.splice(0, binds.length, ...binds.map(withFolders));
  // Servers of a template have theirs in common.
  for (const options of new Set(proxies.flatMap(({ servers }) => servers.map((one) => one.options)))) {
    options.verifies ??= defaults.verifiesServers;
    if (options.certificateFile !== null) options.certificateFile = certificate(options.certificateFile);
    if (options.caFile !== null) options.caFile = authority(options.caFile);
  }
}
