// TLS towards servers and sentinels of endpoints: what their certificate must prove, and our own. Everybody who connects
// to them (links, checks, relay) does it by this file, so that none believes what another would not.

import { connect as connectTcp, type NetConnectOpts, type Socket } from 'node:net';
import {
  connect as connectTls,
  createSecureContext,
  type ConnectionOptions,
  type SecureContext,
} from 'node:tls';
import type { TlsClientConf } from '../endpoint/endpoint-conf.ts';
import { bytesOfFile, keyBytes, NO_TLS_FILES, type TlsFiles } from './tls-files.ts';

/** Contexts for connections, each made once until the files are read anew. */
export class TlsClient {
  #files: TlsFiles;
  /** By what is asked for, as text. */
  readonly #contexts = new Map<string, SecureContext>();

  constructor(files: TlsFiles = NO_TLS_FILES) {
    this.#files = files;
  }

  /** Connections that are made from now on use these files; those that stand stay as they are. */
  renew(files: TlsFiles): void {
    this.#files = files;
    this.#contexts.clear();
  }

  /** Throws if a file can't be read or holds no such thing. */
  context({ caFile, certificateFile, keyFile, version }: TlsClientConf): SecureContext {
    const key = JSON.stringify([caFile, certificateFile, keyFile, version]);
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = createSecureContext({
        ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
        ...(caFile === null ? {} : { ca: bytesOfFile(this.#files, caFile) }),
        ...(certificateFile === null || keyFile === null
          ? {}
          : {
              cert: bytesOfFile(this.#files, certificateFile),
              key: keyBytes(this.#files, { certificateFile, keyFile }),
            }),
      });
      this.#contexts.set(key, context);
    }
    return context;
  }

  options(tls: TlsClientConf): ConnectionOptions {
    return verifying(this.context(tls), tls);
  }

  /**
   * Begins to connect; `secureConnect` follows, or without `tls` `connect`. `header` comes before everything else, a
   * handshake included (PROXY protocol). Throws if a file can't be used.
   */
  connect(where: NetConnectOpts, tls: TlsClientConf | null, header: Uint8Array | null): Socket {
    const options = tls === null ? null : this.options(tls);
    if (options !== null && header === null) return connectTls({ ...where, ...options });
    const socket = connectTcp(where);
    if (header !== null) socket.write(header);
    return options === null ? socket : connectTls({ ...options, socket });
  }
}

/** For node:tls. Without a name to expect, the authority vouches for a server that is known by its address. */
export function verifying(
  secureContext: SecureContext,
  { verifies, serverName }: Pick<TlsClientConf, 'verifies' | 'serverName'>,
): ConnectionOptions {
  return {
    secureContext,
    rejectUnauthorized: verifies,
    ...(serverName === null ? { checkServerIdentity: () => undefined } : { servername: serverName }),
  };
}

/** Where `socket` connects to: a host and a port, or a unix socket, which is a host that begins with a slash. */
export function placeOf({
  host,
  port,
}: {
  readonly host: string;
  readonly port: number;
}): { host: string; port: number } | { path: string } {
  return host.startsWith('/') ? { path: Buffer.from(host, 'latin1').toString('utf8') } : { host, port };
}
