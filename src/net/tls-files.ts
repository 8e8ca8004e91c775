// The files that the TLS options of endpoints name, read at once and judged before anything uses them: a relay worker may
// run as a user who must not read a key, and a reload with a bad file must change nothing.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { failure, success, type Result } from '../base/result.ts';
import type { CheckConf } from '../endpoint/checks/check-conf.ts';
import type { EndpointsConf, TlsClientConf, TlsServerConf } from '../endpoint/endpoint-conf.ts';

/** What each file held, by its path. */
export type TlsFiles = ReadonlyMap<string, Buffer>;

/** Nothing was read beforehand: whoever needs a file reads it. */
export const NO_TLS_FILES: TlsFiles = new Map();

/** A certificate and its key, a chain and some authorities: a few KiB; a system's list of authorities: 250 KiB. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

const toText = (path: string): string => Buffer.from(path, 'latin1').toString('utf8');

/** The bytes of a file that a configuration names; throws if it was not read beforehand, and can't be now. */
export function bytesOfFile(files: TlsFiles, path: string): Buffer {
  return files.get(path) ?? readFileSync(toText(path));
}

interface KeyedFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** HAProxy's `crt FILE` holds a certificate and its key, or the key lies beside it in FILE.key. */
const isKeyBeside = (bytes: Buffer, { certificateFile, keyFile }: KeyedFiles): boolean =>
  keyFile === certificateFile && !bytes.includes('PRIVATE KEY-----');

/** What lies beside certificates in a folder of HAProxy's `crt`, and is none (configuration manual, `crt`). */
const BESIDE = /\.(?:key|ocsp|issuer|sctl)$|(?:^|\/)\.[^/]*$/;

const folderOf = (path: string): string => path.replace(/(?<=.)\/+$/, '');

/** The certificates that clients are shown, the one for those who ask for no name of theirs first. */
export function shownCertificates(
  files: TlsFiles,
  { certificateFile, keyFile, otherFiles = [] }: TlsServerConf,
): KeyedFiles[] {
  const within = (path: string): string[] => {
    const folder = folderOf(path);
    const names = [...files.keys()].filter((name) => dirname(name) === folder && !BESIDE.test(name));
    return files.has(path) || names.length === 0 ? [path] : names.sort();
  };
  const others = [
    ...(keyFile === certificateFile ? within(certificateFile) : []),
    ...otherFiles.flatMap(within),
  ];
  const first = keyFile === certificateFile ? [] : [{ certificateFile, keyFile }];
  return [...first, ...others.map((file) => ({ certificateFile: file, keyFile: file }))];
}

/** The private key that goes with a certificate. */
export function keyBytes(files: TlsFiles, named: KeyedFiles): Buffer {
  const bytes = bytesOfFile(files, named.keyFile);
  return isKeyBeside(bytes, named) ? bytesOfFile(files, `${named.keyFile}.key`) : bytes;
}

/** Reads all that `conf` names. Each problem is a sentence with the file and whose it is. */
export function readTlsFiles(conf: EndpointsConf): Result<TlsFiles, readonly string[]> {
  const reading = new Reading();
  for (const { name, binds } of conf.frontends) {
    for (const bind of binds) {
      if (bind.tls !== null) reading.server(bind.tls, `the listeners of ${name}`);
    }
  }
  for (const { name, source, servers, tls } of conf.backends) {
    if (source.kind === 'sentinels' && source.tls !== null) reading.client(source.tls, 'the sentinels');
    if (tls !== null) reading.client(tls, `the servers of ${name}`);
    for (const server of servers) {
      const checked = server.checks.flatMap(({ check }) => tlsOfCheck(check));
      for (const one of [server.tls, server.linkTls ?? null, ...checked])
        if (one !== null) reading.client(one, `the servers of ${name}`);
    }
  }
  return reading.problems.size === 0 ? success(reading.files) : failure([...reading.problems]);
}

function tlsOfCheck(check: CheckConf): (TlsClientConf | null)[] {
  switch (check.kind) {
    case 'tcp-check':
      return [check.tls, ...check.steps.map((step) => (step.kind === 'connect' ? step.tls : null))];
    case 'tcp':
    case 'redis-ping':
    case 'http':
      return [check.tls];
    default:
      return [];
  }
}

class Reading {
  readonly files = new Map<string, Buffer>();
  readonly problems = new Set<string>();

  server({ certificateFile, keyFile, clientCaFile, otherFiles = [] }: TlsServerConf, whose: string): void {
    if (keyFile === certificateFile) this.#pairOrFolder(certificateFile, whose);
    else this.#pair({ certificateFile, keyFile }, whose);
    for (const file of otherFiles) this.#pairOrFolder(file, whose);
    if (clientCaFile !== null) this.#certificate(clientCaFile, `the authorities of the clients of ${whose}`);
  }

  client({ caFile, certificateFile, keyFile }: TlsClientConf, whose: string): void {
    if (caFile !== null) this.#certificate(caFile, `the authorities of ${whose}`);
    if (certificateFile !== null && keyFile !== null) {
      this.#pair({ certificateFile, keyFile }, `us towards ${whose}`);
    }
  }

  /** A certificate with its key in the same file, or all of a folder, but what lies beside certificates there. */
  #pairOrFolder(path: string, whose: string): void {
    const names = this.#namesIn(path);
    if (names === null) return this.#pair({ certificateFile: path, keyFile: path }, whose);
    const paths = names.map((name) => `${folderOf(path)}/${name}`).filter((name) => !BESIDE.test(name));
    for (const file of paths) this.#pair({ certificateFile: file, keyFile: file }, whose);
    if (paths.length === 0)
      this.#complain(path, `the certificates of ${whose}`, 'there is none in this folder');
  }

  /** The files in a folder, in order; null: it is none. */
  #namesIn(path: string): string[] | null {
    try {
      if (!statSync(toText(path)).isDirectory()) return null;
      const entries = readdirSync(toText(path), { withFileTypes: true });
      const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
      return names.map((name) => Buffer.from(name, 'utf8').toString('latin1')).sort();
    } catch {
      // Reading it as a file says what is the matter.
      return null;
    }
  }

  /** A certificate and its key. */
  #pair(named: KeyedFiles, whose: string): void {
    const certificate = this.#certificate(named.certificateFile, `the certificate of ${whose}`);
    const what = `the key of ${whose}`;
    const given = this.#read(named.keyFile, what);
    const isBeside = given !== null && isKeyBeside(given, named);
    const keyFile = isBeside ? `${named.keyFile}.key` : named.keyFile;
    const bytes = isBeside ? this.#read(keyFile, what) : given;
    if (bytes === null) return;
    try {
      const key = createPrivateKey(bytes);
      if (certificate !== null && !certificate.checkPrivateKey(key)) {
        this.#complain(
          keyFile,
          what,
          `it does not belong to the certificate ${toText(named.certificateFile)}`,
        );
      }
    } catch (error) {
      const isLocked = /ENCRYPTED/.test(bytes.toString('latin1'));
      this.#complain(
        keyFile,
        what,
        isLocked ? 'it has a passphrase, which nobody could type here: store it without' : noPem(error),
      );
    }
  }

  #certificate(path: string, what: string): X509Certificate | null {
    const bytes = this.#read(path, what);
    if (bytes === null) return null;
    try {
      return new X509Certificate(bytes);
    } catch (error) {
      this.#complain(path, what, noPem(error));
      return null;
    }
  }

  #read(path: string, what: string): Buffer | null {
    try {
      const bytes = this.files.get(path) ?? readFileSync(toText(path));
      if (bytes.length > FILE_BYTES_MAX) {
        this.#complain(path, what, 'it is too long for that');
        return null;
      }
      this.files.set(path, bytes);
      return bytes;
    } catch (error) {
      this.#complain(path, what, `it cannot be read: ${(error as Error).message}`);
      return null;
    }
  }

  #complain(path: string, what: string, why: string): void {
    this.problems.add(`${toText(path)}, ${what}: ${why}`);
  }
}

const noPem = (error: unknown): string => `it is no PEM file of that kind (${(error as Error).message})`;
