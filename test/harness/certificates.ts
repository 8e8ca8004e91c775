// A certificate authority and one certificate for a test, made with openssl.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM texts for our side, files for the servers. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly folder: string;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function opensslIn(folder: string): (...args: readonly string[]) => void {
  return (...args) => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
}

/** Certificates for `localhost` and 127.0.0.1, valid for two days. Remove with {@link removeCertificates}. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'baton-tls-'));
  const openssl = opensslIn(folder);
  openssl(
    'req',
    '-x509',
    ...NEW_KEY,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
    '-subj',
    '/CN=test authority',
  );
  signCertificate(folder, 'node', { names: ['DNS:localhost', 'IP:127.0.0.1'] });
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  return { folder, ca: read('ca.pem'), cert: read('node.pem'), key: read('node.key') };
}

export interface Signing {
  /** `DNS:a.example`, `IP:127.0.0.1`. */
  readonly names: readonly string[];
  /** Below zero: it has expired. Default: 2. */
  readonly days?: number;
  /** The name of the authority. Default: `ca`. */
  readonly by?: string;
  /** It may sign others. */
  readonly isAuthority?: boolean;
}

/** Makes `name.pem` and `name.key` in a folder with an authority. */
export function signCertificate(
  folder: string,
  name: string,
  { names, days = 2, by = 'ca', isAuthority = false }: Signing,
): void {
  const openssl = opensslIn(folder);
  const extensions = [
    `subjectAltName=${names.join(',')}`,
    ...(isAuthority ? ['basicConstraints=CA:TRUE'] : []),
  ];
  writeFileSync(join(folder, 'extensions'), `${extensions.join('\n')}\n`);
  openssl('req', ...NEW_KEY, '-keyout', `${name}.key`, '-out', 'new.csr', '-subj', `/CN=${name}`);
  const authority = ['-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial', '-extfile', 'extensions'];
  openssl('x509', '-req', '-in', 'new.csr', '-out', `${name}.pem`, '-days', String(days), ...authority);
}

export function removeCertificates({ folder }: Certificates): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Lines that make a data node or a sentinel speak TLS in both directions. */
export function tlsDirectives({ folder }: Certificates): string[] {
  return [
    'tls-replication yes',
    `tls-cert-file ${folder}/node.pem`,
    `tls-key-file ${folder}/node.key`,
    `tls-ca-cert-file ${folder}/ca.pem`,
  ];
}
