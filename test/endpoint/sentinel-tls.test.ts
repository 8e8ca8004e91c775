// Sentinels and servers that speak TLS, and ask for certificates: what is believed, what is not, and what is said of it.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createServer } from 'node:tls';
import { listening } from '../../src/net/testing.ts';
import { freePort } from '../../src/redis/free-port.ts';
import {
  type Certificates,
  makeCertificates,
  removeCertificates,
  signCertificate,
} from '../harness/certificates.ts';
import { startFleet } from '../harness/fleet.ts';
import { lacksOpenssl, lacksValkey } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { BatonEndpoint, type Cleanup, Counter } from './baton-endpoint.ts';

function certificatesFor(test: Cleanup): Certificates {
  const certificates = makeCertificates();
  test.after(async () => removeCertificates(certificates));
  return certificates;
}

/** What the options say of the files in `folder`. */
const filesIn = (folder: string): string[] => [
  '--cacert',
  join(folder, 'ca.pem'),
  '--cert',
  join(folder, 'node.pem'),
  '--key',
  join(folder, 'node.key'),
];

const skip = lacksOpenssl() || (await lacksValkey());

describe('baton endpoint and sentinels that speak TLS', { skip }, () => {
  it('has a redis-sentinel switch Valkeys, with the certificates of a reload', async (t) => {
    const tls = certificatesFor(t);
    const fleet = await startFleet(t, {
      voters: ['redis'],
      flavor: 'valkey',
      replicas: 1,
      tls,
    });
    const [first, second] = fleet.nodes();
    assert.ok(first !== undefined && second !== undefined);
    // What is ours is signed by the same authority, but changes later.
    const own = certificatesFor(t);
    const show = (name: string): void => {
      for (const kind of ['pem', 'key']) {
        copyFileSync(join(tls.folder, `${name}.${kind}`), join(own.folder, `node.${kind}`));
      }
    };
    copyFileSync(join(tls.folder, 'ca.pem'), join(own.folder, 'ca.pem'));
    signCertificate(tls.folder, 'old', { names: ['DNS:client'], days: -1 });
    show('old');
    const port = await freePort();
    const sentinels = fleet.voters.map(({ target }) => `127.0.0.1:${target.port}`).join(',');
    const endpoint = await BatonEndpoint.start(
      t,
      '--sentinels',
      sentinels,
      '--primary',
      'mymaster',
      '--listen',
      `127.0.0.1:${port}`,
      '--tls',
      '--sentinel-tls',
      '--sni',
      'localhost',
      ...filesIn(own.folder),
    );
    const story = (): string => endpoint.process.output;
    const why = /0 of 1 sentinels answer.*\(127.0.0.1:\d+: .*our certificate has expired: renew it/;
    await until('the alarm, with what is the matter', () => why.test(story()), story);
    show('node');
    process.kill(endpoint.process.pid ?? 0, 'SIGHUP');
    await endpoint.leads([first.address]);

    const counter = new Counter(t, { host: '127.0.0.1', port }, 'count');
    await until('writes', () => counter.acknowledged > 20, story);
    const { code, output } = endpoint.order('switch');
    assert.equal(code, 0, `${output}\n${story()}`);
    await endpoint.leads([second.address]);
    const after = counter.acknowledged;
    await until('writes go on after the switch', () => counter.acknowledged > after + 20, story);
    await counter.stop();
    assert.deepEqual(counter.errors, [], 'an ordered switch is not noticed');
  });

  it('asks no sentinel that it cannot believe, or that does not believe it, and says why', async (t) => {
    const tls = certificatesFor(t);
    const other = certificatesFor(t);
    const { voters } = await startFleet(t, { voters: ['redis'], replicas: 0, tls });
    const sentinel = `127.0.0.1:${voters[0]?.target.port ?? 0}`;
    signCertificate(tls.folder, 'old', { names: ['DNS:localhost'], days: -1 });
    const expired = createServer({
      cert: readFileSync(join(tls.folder, 'old.pem')),
      key: readFileSync(join(tls.folder, 'old.key')),
    });
    expired.on('tlsClientError', () => undefined);
    const past = `127.0.0.1:${await listening(t, expired)}`;
    const ca = (folder: string): string[] => ['--cacert', join(folder, 'ca.pem')];
    const cases: readonly (readonly [string, string, readonly string[], RegExp])[] = [
      ['a wrong authority', sentinel, ca(other.folder), /no authority that is believed vouches for its cert/],
      [
        'another name',
        sentinel,
        [...filesIn(tls.folder), '--sni', 'other.example'],
        /its certificate is for DNS:localhost, IP Address:127.0.0.1, not for other.example/,
      ],
      ['no certificate of ours', sentinel, ca(tls.folder), /it asks for a certificate of ours: name one/],
      [
        'a certificate of a stranger',
        sentinel,
        [...ca(tls.folder), ...filesIn(other.folder).slice(2)],
        /believes no authority of our certificate/,
      ],
      ['an expired one', past, ca(tls.folder), /its certificate has expired: renew it/],
    ];
    await Promise.all(
      cases.map(async ([what, where, flags, why]) => {
        const port = await freePort();
        const endpoint = await BatonEndpoint.start(
          t,
          '--sentinels',
          where,
          '--primary',
          'mymaster',
          '--listen',
          `127.0.0.1:${port}`,
          '--path',
          'relay',
          '--sentinel-tls',
          ...flags,
        );
        const story = (): string => endpoint.process.output;
        const told = (): boolean =>
          story()
            .split('\n')
            .some((line) => line.includes(where) && why.test(line));
        await until(`${what} to be told`, told, story);
        assert.match(JSON.stringify(endpoint.status().snapshot.backends[0]?.sentinels), why, what);
      }),
    );
  });
});
