// The certificates that a listener shows its clients: which of several depends on the name they ask for.

import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { TlsServerConf } from '../endpoint/endpoint-conf.ts';
import { bytesOfFile, keyBytes, shownCertificates, type TlsFiles } from './tls-files.ts';

export interface Contexts {
  /** For those who ask for no name, or one that no certificate is for. */
  readonly usual: SecureContext;
  /** `a.example` or `*.example`; empty: there is one certificate for all. */
  readonly byName: ReadonlyMap<string, SecureContext>;
  /** For node:tls. */
  readonly choose: (name: string, chosen: (error: null, context: SecureContext) => void) => void;
}

/** Throws if one of them can't be used. */
export function contextsOf(conf: TlsServerConf, files: TlsFiles): Contexts {
  const { clientCaFile, version = null } = conf;
  const byName = new Map<string, SecureContext>();
  const contexts = shownCertificates(files, conf).map((named) => {
    const cert = bytesOfFile(files, named.certificateFile);
    const context = createSecureContext({
      cert,
      key: keyBytes(files, named),
      ...(version === null ? {} : { minVersion: version, maxVersion: version }),
      ...(clientCaFile === null ? {} : { ca: bytesOfFile(files, clientCaFile) }),
    });
    return { names: namesOf(new X509Certificate(cert)), context };
  });
  const [first, ...others] = contexts;
  if (first === undefined) throw new Error(`there is no certificate in ${conf.certificateFile}`);
  if (others.length > 0) {
    // Of two for the same name the first counts, as in HAProxy.
    for (const { names, context } of contexts.toReversed())
      for (const name of names) byName.set(name, context);
  }
  return {
    usual: first.context,
    byName,
    choose: (asked, chosen) => {
      const name = asked.toLowerCase();
      const context = byName.get(name) ?? byName.get(name.replace(/^[^.]*/, '*')) ?? first.context;
      chosen(null, context);
    },
  };
}

/** Both may be missing, whatever Node's types say of the subject. */
interface Names {
  readonly subjectAltName?: string | undefined;
  readonly subject?: string | undefined;
}

function namesOf(certificate: Names): string[] {
  const { subjectAltName = '', subject = '' } = certificate;
  const names = [...subjectAltName.matchAll(/DNS:([^,\s]+)/g), ...subject.matchAll(/^CN=(.+)$/gm)];
  return names.map(([, name = '']) => name.toLowerCase());
}
