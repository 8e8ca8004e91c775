// What `global` says of TLS for all that follows: where relative names of certificates begin, whether servers' are
// verified, and which versions are spoken.

import type { Bind } from '../../endpoint-conf.ts';
import type { ProxyDraft } from './draft.ts';
import type { Cursor } from './statement.ts';
import { ANY_VERSION, onlyVersion, readVersion, type VersionRange } from './tls-versions.ts';

export interface TlsDefaults {
  /** `crt-base` and `ca-base`; null: the folder the daemon runs in. */
  certificateBase: string | null;
  authorityBase: string | null;
  /** `ssl-server-verify none` */
  verifiesServers: boolean;
  /** `ssl-default-bind-options` and `ssl-default-server-options`; null: they say nothing about versions. */
  bindVersions: VersionRange | null;
  serverVersions: VersionRange | null;
}

/** What one of those two says: other words tune what we have no such thing for. */
export function readDefaultVersions(cursor: Cursor): VersionRange | null {
  const { place } = cursor;
  let versions: VersionRange | null = null;
  for (let word = cursor.next(); word !== null; word = cursor.next()) {
    versions = readVersion(word, cursor, versions ?? ANY_VERSION) ?? versions;
  }
  if (versions !== null) onlyVersion(versions, (sentence) => cursor.report.error(place, sentence));
  return versions;
}

/** Makes them count in what the sections say. */
export function applyTlsDefaults(proxies: readonly ProxyDraft[], defaults: TlsDefaults): void {
  const inFolder = (base: string | null, file: string): string =>
    base === null || file.startsWith('/') ? file : `${base}/${file}`;
  const certificate = (file: string): string => inFolder(defaults.certificateBase, file);
  const authority = (file: string): string => inFolder(defaults.authorityBase, file);
  const usual = onlyVersion(defaults.bindVersions ?? ANY_VERSION);
  const withFolders = (bind: Bind): Bind => {
    if (bind.tls === null) return bind;
    const { certificateFile, keyFile, clientCaFile, otherFiles, version: own } = bind.tls;
    const version = own === undefined ? usual : own;
    return {
      ...bind,
      tls: {
        certificateFile: certificate(certificateFile),
        keyFile: certificate(keyFile),
        clientCaFile: clientCaFile === null ? null : authority(clientCaFile),
        ...(version === null ? {} : { version }),
        ...(otherFiles === undefined ? {} : { otherFiles: otherFiles.map(certificate) }),
      },
    };
  };
  for (const { binds } of proxies) binds.splice(0, binds.length, ...binds.map(withFolders));
  // Servers of a template have theirs in common.
  for (const options of new Set(proxies.flatMap(({ servers }) => servers.map((one) => one.options)))) {
    options.verifies ??= defaults.verifiesServers;
    options.versions ??= defaults.serverVersions;
    if (options.certificateFile !== null) options.certificateFile = certificate(options.certificateFile);
    if (options.caFile !== null) options.caFile = authority(options.caFile);
  }
}
