import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { defaultServer } from '../sentinel/conf/defaults.ts';
import type { TlsConf } from '../sentinel/conf/conf.ts';
import { makeAuthority, makeCertificate } from './testing.ts';
import { loadTls } from './tls.ts';

let folder = '';
let good: TlsConf;
before(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'baton-tls-'));
  makeAuthority(folder, 'ca');
  makeCertificate(folder, 'ca', 'one');
  makeCertificate(folder, 'ca', 'two');
  fs.writeFileSync(join(folder, 'junk.pem'), 'junk');
  good = {
    ...defaultServer('/').tls,
    port: 1,
    certFile: join(folder, 'one.crt'),
    keyFile: join(folder, 'one.key'),
    caCertFile: join(folder, 'ca.crt'),
  };
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function problemsOf(conf: TlsConf): string {
  const loaded = loadTls(conf);
  return loaded.ok ? '' : loaded.problem.join('\n');
}

it('loads what belongs together, an authority also from a folder', () => {
  assert.equal(problemsOf(good), '');
  assert.equal(problemsOf({ ...good, caCertFile: null, caCertDir: folder }), '');
  assert.equal(problemsOf({ ...good, protocols: 'TLSv1.2 TLSv1.3', ciphers: 'HIGH' }), '');
  assert.equal(
    problemsOf({ ...good, clientCertFile: join(folder, 'two.crt'), clientKeyFile: join(folder, 'two.key') }),
    '',
  );
});

it('names the directive, the file and the reason of every problem at once', () => {
  const problems = problemsOf({
    ...good,
    certFile: join(folder, 'missing.crt'),
    keyFile: join(folder, 'junk.pem'),
    caCertFile: join(folder, 'junk.pem'),
    protocols: 'SSLv3',
  });
  assert.match(problems, /tls-cert-file \S+missing\.crt: ENOENT/);
  assert.match(problems, /tls-key-file \S+junk\.pem: not a private key/);
  assert.match(problems, /tls-ca-cert-file \S+junk\.pem: not a PEM certificate/);
  assert.match(problems, /tls-protocols SSLv3: expected/);
});

it('says what is missing (sentinel.md §2.4)', () => {
  assert.match(
    problemsOf({ ...good, certFile: null, keyFile: null, caCertFile: null }),
    /tls-cert-file is missing[^]*tls-key-file is missing[^]*tls-ca-cert-file or/,
  );
  assert.equal(problemsOf({ ...good, caCertFile: null, authClients: 'no' }), '');
});

it('refuses a key that belongs to another certificate', () => {
  assert.match(problemsOf({ ...good, keyFile: join(folder, 'two.key') }), /TLS for the listener: .*mismatch/);
});
