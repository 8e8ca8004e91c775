import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { TlsClientConf } from '../endpoint/endpoint-conf.ts';
import { backendConf, endpointsConf, serverConf, TIMING } from '../endpoint/test-kit.ts';
import { makeAuthority } from './testing.ts';
import { readTlsFiles } from './tls-files.ts';

it('reads what clients of servers, their checks and their standing connections need', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-tls-files-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['one', 'two', 'three', 'four']) makeAuthority(folder, name);
  const believing = (name: string): TlsClientConf => ({
    caFile: join(folder, `${name}.crt`),
    certificateFile: null,
    keyFile: null,
    verifies: true,
    serverName: null,
  });
  const check = { kind: 'tcp', host: null, port: null, tls: believing('three') } as const;
  const server = serverConf('a', '10.0.0.1:1', {
    tls: believing('one'),
    linkTls: believing('two'),
    checks: [{ check, timing: TIMING }],
  });
  const conf = endpointsConf(backendConf({ servers: [server], tls: believing('four') }));
  const read = readTlsFiles(conf);
  assert.ok(read.ok);
  const names = [...read.value.keys()].map((path) => path.slice(folder.length + 1));
  assert.deepEqual(names.sort(), ['four.crt', 'one.crt', 'three.crt', 'two.crt']);
  // One that is only looked at when it is needed would be missed by a user who may not read it.
  rmSync(join(folder, 'two.crt'));
  const without = readTlsFiles(conf);
  assert.match(
    without.ok ? '' : without.problem.join('\n'),
    /two\.crt, the authorities of the servers of redis: /,
  );
});
