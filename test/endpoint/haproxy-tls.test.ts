// TLS as a haproxy.cfg asks for it, on both sides: folders of PEM files, chains, certificates that are asked for, checks,
// and TLS from end to end.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { freePort } from '../../src/redis/free-port.ts';
import {
  type Certificates,
  makeCertificates,
  removeCertificates,
  signCertificate,
} from '../harness/certificates.ts';
import { startFleet } from '../harness/fleet.ts';
import { lacksOpenssl } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { ask } from '../harness/wire.ts';
import { BatonEndpoint } from './baton-endpoint.ts';

/** Puts several PEM files into one, as HAProxy wants a certificate, its chain and its key. */
function bundle({ folder }: Certificates, to: string, ...names: readonly string[]): void {
  const parts = names.map((name) => readFileSync(join(folder, name), 'utf8'));
  writeFileSync(join(folder, to), parts.join(''));
}

interface Seen {
  readonly reply: string;
  readonly commonName: string;
  readonly issuer: string;
}

/** What a client that believes our authority is answered, and by whom; rejects if there is no answer. */
function talk(port: number, { ca }: Certificates, options: ConnectionOptions = {}): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connect(
      { host: '127.0.0.1', port, ca, checkServerIdentity: () => undefined, ...options },
      () => socket.write('ECHO hello\r\n'),
    );
    socket.once('data', (bytes: Buffer) => {
      const { subject, issuer } = socket.getPeerCertificate();
      resolve({ reply: bytes.toString(), commonName: String(subject.CN), issuer: String(issuer.CN) });
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
  });
}

it(
  'speaks TLS as the file says: to clients by their names, to servers, in checks, and not at all',
  { skip: lacksOpenssl() },
  async (t) => {
    const tls = makeCertificates();
    const other = makeCertificates();
    t.after(() => [tls, other].forEach(removeCertificates));
    const { folder } = tls;
    // What clients are shown: one with a chain and its key in one file, and one with its key beside it.
    mkdirSync(join(folder, 'site'));
    signCertificate(folder, 'middle', { names: ['DNS:middle'], isAuthority: true });
    signCertificate(folder, 'a.example', { names: ['DNS:a.example'], by: 'middle' });
    bundle(tls, 'site/1.pem', 'a.example.pem', 'middle.pem', 'a.example.key');
    signCertificate(folder, 'b.example', { names: ['DNS:*.b.example'] });
    bundle(tls, 'site/2.pem', 'b.example.pem');
    bundle(tls, 'site/2.pem.key', 'b.example.key');
    writeFileSync(join(folder, 'site/2.pem.ocsp'), 'no certificate');
    bundle(tls, 'own.pem', 'node.pem', 'node.key');
    const [redis, replica] = (await startFleet(t, { voters: [], replicas: 1, tls })).nodes();
    assert.ok(redis !== undefined && replica !== undefined);
    const [port, modern, through, wrong] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    const ladder = [
      'option tcp-check',
      'tcp-check connect ssl',
      'tcp-check send PING\\r\\n',
      'tcp-check expect string +PONG',
      'tcp-check send info\\ replication\\r\\n',
      'tcp-check expect string role:master',
    ].join('\n ');
    const server = (name: string, address: string, ca: string): string =>
      `server ${name} ${address} check inter 500ms ssl verify required ca-file ${ca} crt own.pem sni str(localhost)`;
    const file = join(folder, 'tls.cfg');
    writeFileSync(
      file,
      `global
 crt-base ${folder}
 ca-base ${folder}
 ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
defaults
 mode tcp
 timeout connect 3s
 timeout client 1m
 timeout server 1m
listen redis
 bind 127.0.0.1:${port} ssl crt site/ ca-file ca.pem verify required
 bind 127.0.0.1:${modern} ssl crt site/1.pem crt own.pem ssl-min-ver TLSv1.3
 ${ladder}
 ${server('a', redis.address, 'ca.pem')}
 ${server('b', replica.address, 'ca.pem')}
listen through
 bind 127.0.0.1:${through}
 ${ladder.replace('connect ssl', 'connect')}
 server a ${redis.address} check check-ssl verify none crt own.pem check-sni localhost
listen wrong
 bind 127.0.0.1:${wrong}
 ${ladder}
 ${server('a', redis.address, join(other.folder, 'ca.pem'))}
`,
    );
    const endpoint = await BatonEndpoint.start(t, file);
    const story = (): string => endpoint.process.output;
    await endpoint.leads([redis.address], 'redis');
    await endpoint.leads([redis.address], 'through');
    const why = /wrong server: a .* is down: no authority that is believed vouches for its certificate/;
    await until('what is wrong', () => why.test(story()), story);

    const own = { cert: tls.cert, key: tls.key };
    const shownTo = async (servername: string): Promise<readonly string[]> => {
      const { reply, commonName, issuer } = await talk(port, tls, { ...own, servername });
      assert.equal(reply, '$5\r\nhello\r\n');
      return [commonName, issuer];
    };
    assert.deepEqual(await shownTo('a.example'), ['a.example', 'middle']);
    assert.deepEqual(await shownTo('x.B.example'), ['b.example', 'test authority']);
    assert.deepEqual(await shownTo('c.example'), ['a.example', 'middle'], 'the first is for all others');
    await assert.rejects(talk(port, tls), 'it asks for a certificate');
    await assert.rejects(talk(port, tls, { cert: other.cert, key: other.key }), 'of its authority');
    await assert.rejects(ask({ host: '127.0.0.1', port }, ['PING']), 'it speaks TLS');

    assert.equal((await talk(modern, tls, { servername: 'localhost' })).commonName, 'node');
    assert.equal((await talk(modern, tls)).commonName, 'a.example');
    await assert.rejects(talk(modern, tls, { maxVersion: 'TLSv1.2' }), /version/);
    assert.equal((await talk(port, tls, { ...own, maxVersion: 'TLSv1.2' })).reply, '$5\r\nhello\r\n');

    assert.equal((await talk(through, tls, own)).commonName, 'node', "it is the server's own certificate");
    await assert.rejects(talk(through, tls), 'which asks for one');

    // A new file is another certificate after SIGHUP.
    signCertificate(folder, 'c.example', { names: ['DNS:c.example'] });
    bundle(tls, 'site/3.pem', 'c.example.pem', 'c.example.key');
    process.kill(endpoint.process.pid ?? 0, 'SIGHUP');
    await until('it to be shown', async () => (await shownTo('c.example'))[0] === 'c.example', story);
    assert.deepEqual(await shownTo('x.b.example'), ['b.example', 'test authority']);
  },
);
