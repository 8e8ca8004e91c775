// Certificates and keys from the files that a sentinel.conf names, as contexts for our listener and our links
// (sentinel.md §2.4). All problems come back at once, each with the directive and the file it is about.

import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type SecureVersion,
} from 'node:tls';
import { failure, success, type Result } from '../base/result.ts';
import type { TlsConf } from '../sentinel/conf/conf.ts';

export interface TlsContexts {
  /** For the listener: proven to make a context, but a server wants to make it itself. */
  readonly server: SecureContextOptions;
  /** For outgoing links. The certificate of the other side must come from our CA; its host name is not compared. */
  readonly client: SecureContext;
}

const VERSIONS: readonly SecureVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Reads what the directives name and remembers what went wrong. */
class TlsFiles {
  readonly problems: string[] = [];

  read(directive: string, path: string | null): Buffer | null {
    if (path === null) return null;
    try {
      return readFileSync(path);
    } catch (error) {
      this.problems.push(`${directive} ${path}: ${reasonOf(error)}`);
      return null;
    }
  }

  certificate(directive: string, path: string | null): Buffer | null {
    const bytes = this.read(directive, path);
    if (bytes === null) return null;
    try {
      // Only to name the file that is at fault: the context would complain without saying which.
      void new X509Certificate(bytes);
      return bytes;
    } catch (error) {
      this.problems.push(`${directive} ${path ?? ''}: not a PEM certificate (${reasonOf(error)})`);
      return null;
    }
  }

  key(directive: string, path: string | null, passphrase: string | null): Buffer | null {
    const bytes = this.read(directive, path);
    if (bytes === null) return null;
    try {
      createPrivateKey({ key: bytes, ...(passphrase === null ? {} : { passphrase }) });
      return bytes;
    } catch (error) {
      this.problems.push(
        `${directive} ${path ?? ''}: not a private key that can be used (${reasonOf(error)})`,
      );
      return null;
    }
  }

  /** Every PEM file of a folder; other files there (hash links apart, which lead to the same) are passed over. */
  authorities(file: string | null, folder: string | null): Buffer[] {
    const found: Buffer[] = [];
    const bytes = this.certificate('tls-ca-cert-file', file);
    if (bytes !== null) found.push(bytes);
    if (folder === null) return found;
    try {
      for (const name of readdirSync(folder).sort()) {
        const path = join(folder, name);
        if (!statSync(path).isFile()) continue;
        const content = readFileSync(path);
        if (content.includes('-----BEGIN CERTIFICATE-----')) found.push(content);
      }
      if (found.length === 0) this.problems.push(`tls-ca-cert-dir ${folder}: no PEM certificate in it`);
    } catch (error) {
      this.problems.push(`tls-ca-cert-dir ${folder}: ${reasonOf(error)}`);
    }
    return found;
  }
}

function versionsOf(protocols: string | null, problems: string[]): SecureContextOptions {
  if (protocols === null) return {};
  const wanted = protocols.split(/\s+/).filter((word) => word !== '');
  const indexes = wanted.map((word) =>
    VERSIONS.findIndex((name) => name.toLowerCase() === word.toLowerCase()),
  );
  if (indexes.length === 0 || indexes.includes(-1)) {
    problems.push(`tls-protocols ${protocols}: expected some of ${VERSIONS.join(' ')}`);
    return {};
  }
  const minVersion = VERSIONS[Math.min(...indexes)];
  const maxVersion = VERSIONS[Math.max(...indexes)];
  return minVersion === undefined || maxVersion === undefined ? {} : { minVersion, maxVersion };
}

/** Whether `conf` asks for TLS at all. */
export function usesTls(conf: TlsConf): boolean {
  return conf.port !== 0 || conf.outgoing;
}

/**
 * Loads both contexts. A client certificate of its own is optional: without one, links show the server's. An authority
 * is required whenever somebody's certificate is to be verified.
 */
export function loadTls(conf: TlsConf): Result<TlsContexts, readonly string[]> {
  const files = new TlsFiles();
  const { problems } = files;
  if (conf.certFile === null)
    problems.push('tls-cert-file is missing: TLS is asked for but has no certificate');
  if (conf.keyFile === null)
    problems.push('tls-key-file is missing: TLS is asked for but has no private key');
  const verifies = conf.outgoing || conf.authClients !== 'no';
  if (verifies && conf.caCertFile === null && conf.caCertDir === null) {
    problems.push(
      'tls-ca-cert-file or tls-ca-cert-dir is missing: certificates of others cannot be verified',
    );
  }
  const ca = files.authorities(conf.caCertFile, conf.caCertDir);
  const cert = files.certificate('tls-cert-file', conf.certFile);
  const key = files.key('tls-key-file', conf.keyFile, conf.keyFilePass);
  const ownClient = conf.clientCertFile !== null || conf.clientKeyFile !== null;
  const clientCert = ownClient ? files.certificate('tls-client-cert-file', conf.clientCertFile) : cert;
  const clientKey = ownClient
    ? files.key('tls-client-key-file', conf.clientKeyFile, conf.clientKeyFilePass)
    : key;
  const dhparam = files.read('tls-dh-params-file', conf.dhParamsFile);
  const versions = versionsOf(conf.protocols, problems);
  if (problems.length > 0 || cert === null || key === null || clientCert === null || clientKey === null) {
    if (problems.length === 0) problems.push('tls-client-cert-file and tls-client-key-file need each other');
    return failure(problems);
  }

  const ciphers = [conf.ciphersuites, conf.ciphers].filter((list) => list !== null).join(':');
  const shared: SecureContextOptions = {
    ...versions,
    ...(ca.length > 0 ? { ca } : {}),
    ...(ciphers === '' ? {} : { ciphers }),
  };
  const build = (which: string, options: SecureContextOptions): SecureContext | null => {
    try {
      return createSecureContext(options);
    } catch (error) {
      problems.push(`${which}: ${reasonOf(error)}`);
      return null;
    }
  };
  const passphrase = (text: string | null): SecureContextOptions =>
    text === null ? {} : { passphrase: text };
  const server: SecureContextOptions = {
    ...shared,
    cert,
    key,
    ...passphrase(conf.keyFilePass),
    ...(dhparam === null ? {} : { dhparam }),
    honorCipherOrder: conf.preferServerCiphers,
    sessionTimeout: conf.sessionCacheTimeoutSeconds,
    ...(conf.sessionCaching ? {} : { secureOptions: constants.SSL_OP_NO_TICKET }),
  };
  const client = build('TLS for outgoing links', {
    ...shared,
    cert: clientCert,
    key: clientKey,
    ...passphrase(ownClient ? conf.clientKeyFilePass : conf.keyFilePass),
  });
  const isServerGood = build('TLS for the listener', server) !== null;
  return isServerGood && client !== null ? success({ server, client }) : failure(problems);
}
