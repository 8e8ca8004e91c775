// What went wrong with TLS, as a sentence that says what to do: OpenSSL's own words are for its authors.

/** What Node adds to errors of TLS. */
export interface TlsError extends Error {
  readonly code?: string | undefined;
  /** OpenSSL's phrase, without its source files and lines. */
  readonly reason?: string;
  /** Of a certificate that has another name. */
  readonly host?: string;
  readonly cert?: { readonly subjectaltname?: string; readonly subject?: { readonly CN?: string } };
}

/** Of the certificate that the other end shows (verify(1)). */
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired: renew it',
  CERT_NOT_YET_VALID: "its certificate is not valid yet: look at this host's clock, and at the other",
  CERT_REVOKED: 'its certificate was revoked: give it another',
  INVALID_PURPOSE: 'its certificate is not one for servers: give it another',
};

/** Its certificate leads to no authority that is believed. */
const NOBODY_VOUCHES: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** What the other end says of us, by the name of the alert (RFC 8446 §6). */
const ALERTS: readonly (readonly [RegExp, string])[] = [
  [
    /certificate required|no certificate/i,
    'it asks for a certificate of ours: name one (--cert and --key; crt)',
  ],
  [/unknown ca/i, 'it believes no authority of our certificate: show another (--cert; crt), or tell it'],
  [/certificate expired/i, 'it says that our certificate has expired: renew it (--cert; crt)'],
  [
    /bad certificate|unsupported certificate|certificate unknown|certificate revoked/i,
    'it refuses our certificate',
  ],
  [
    /alert protocol version|unsupported protocol|no protocols available/i,
    'it speaks other versions of TLS than we do',
  ],
  [
    /alert handshake failure|no shared cipher/i,
    'it has no cipher in common with us, or asks for a certificate of ours',
  ],
  [/unrecognized name/i, 'it knows nobody of the name that is asked for: correct it (--sni; sni)'],
];

/** Of any error of a connection; those that have nothing to do with TLS stay as they are. */
export function explainTls(error: TlsError): string {
  const { code = '', message, reason = message } = error;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = error.cert?.subjectaltname ?? error.cert?.subject?.CN ?? 'nobody';
    return `its certificate is for ${names}, not for ${error.host ?? 'it'}: give it another, or correct the name (--sni; sni, verifyhost)`;
  }
  const own = CERTIFICATE[code];
  if (own !== undefined) return own;
  if (NOBODY_VOUCHES.has(code)) {
    return `no authority that is believed vouches for its certificate (${message}): name the right one (--cacert; ca-file)`;
  }
  if (!/^(?:ERR_SSL_|EPROTO$)/.test(code)) return message;
  if (/wrong version number|packet length too long/i.test(reason)) {
    return `it does not speak TLS there (${reason})`;
  }
  const [, what] = ALERTS.find(([phrase]) => phrase.test(reason)) ?? [];
  return what === undefined ? `TLS: ${reason}` : `${what} (${reason})`;
}
