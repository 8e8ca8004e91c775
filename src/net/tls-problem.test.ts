import assert from 'node:assert/strict';
import { it } from 'node:test';
import { explainTls, type TlsError } from './tls-problem.ts';

const of = (code: string, reason: string, message = `80:error:0A:SSL routines:x:${reason}:a.c:1`): TlsError =>
  Object.assign(new Error(message), { code, reason });

it('says what to do about a certificate that is not believed, and about one that is asked of us', () => {
  const told = [
    Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' }),
    Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
    Object.assign(new Error('long'), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      host: 'a.example',
      cert: { subjectaltname: 'DNS:b.example' },
    }),
    of('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'tlsv13 alert certificate required'),
    of('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'tlsv1 alert unknown ca'),
    of('ERR_SSL_WRONG_VERSION_NUMBER', 'wrong version number'),
    of('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tlsv1 alert protocol version'),
  ].map(explainTls);
  assert.deepEqual(told, [
    'its certificate has expired: renew it',
    'no authority that is believed vouches for its certificate (self-signed certificate): name the right one (--cacert; ca-file)',
    'its certificate is for DNS:b.example, not for a.example: give it another, or correct the name (--sni; sni, verifyhost)',
    'it asks for a certificate of ours: name one (--cert and --key; crt) (tlsv13 alert certificate required)',
    'it believes no authority of our certificate: show another (--cert; crt), or tell it (tlsv1 alert unknown ca)',
    'it does not speak TLS there (wrong version number)',
    'it speaks other versions of TLS than we do (tlsv1 alert protocol version)',
  ]);
});

it("leaves out OpenSSL's source files, and leaves alone what is no matter of TLS", () => {
  assert.equal(explainTls(of('ERR_SSL_DECODE_ERROR', 'decode error')), 'TLS: decode error');
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:1'), { code: 'ECONNREFUSED' });
  assert.equal(explainTls(refused), 'connect ECONNREFUSED 10.0.0.1:1');
});
