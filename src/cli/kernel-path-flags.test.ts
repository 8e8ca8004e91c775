import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { EndpointOptions } from './endpoint-arguments.ts';
import { readPlan } from './endpoint-plan.ts';

const OPTIONS: EndpointOptions = { file: null, servers: '10.0.0.1', listen: ['10.0.0.9:6400'] };

it('refuses all that takes a relay at once where a path of the kernel is named', () => {
  const asked = {
    ...OPTIONS,
    servers: '10.0.0.1,/run/r.sock',
    transparent: true,
    maxConnections: '5',
    holdMax: '2s',
    acceptProxy: true,
  } as const;
  for (const path of ['nat', 'socket']) {
    const plan = readPlan({ ...asked, path });
    assert.deepEqual(plan.ok ? [] : plan.problem, [
      `--path ${path} carries no bytes, so that --transparent, --max-connections, --hold-max, --accept-proxy, --servers /run/r.sock would do nothing: leave them out, or use --path relay`,
    ]);
    assert.ok(readPlan({ ...OPTIONS, path }).ok);
  }
  assert.ok(readPlan({ ...asked, path: 'relay' }).ok);
});

it('says what a path of the kernel does otherwise than the options sound', () => {
  const plan = readPlan({ ...OPTIONS, path: 'nat', balance: 'leastconn', tls: true });
  const notes = (plan.ok ? plan.value.warnings : []).join('\n');
  assert.match(notes, /leastconn is not to be had by --path nat/);
  assert.match(notes, /must speak TLS themselves/);
  const relayed = readPlan({ ...OPTIONS, path: 'relay', balance: 'leastconn', tls: true });
  assert.deepEqual(relayed.ok ? relayed.value.warnings : null, []);
});
