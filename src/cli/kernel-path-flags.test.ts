import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

it('has an endpoint relayed for what only a relay heeds, where no path is named', () => {
  for (const [more, option] of [
    [{ holdMax: '2s' }, '--hold-max'],
    [{ queueTimeout: '1s' }, '--queue-timeout'],
    [{ workers: '2' }, '--workers'],
    [{ busyPoll: 'no' }, '--busy-poll'],
    [{}, undefined],
  ] as const) {
    const plan = readPlan({ ...OPTIONS, listen: ['6400'], ...more });
    assert.deepEqual(plan.ok ? plan.value.conf.frontends.map((one) => one.relayOption) : null, [option]);
  }
});

it('refuses what another path alone knows', () => {
  const told = (more: Partial<EndpointOptions>): readonly string[] => {
    const plan = readPlan({ ...OPTIONS, ...more });
    return plan.ok ? [] : plan.problem;
  };
  assert.deepEqual(told({ path: 'relay', cgroup: '/a', netns: 'all', masquerade: 'no' }), [
    '--cgroup is for --path socket: leave it out with --path relay',
    '--netns is for --path socket: leave it out with --path relay',
    '--masquerade is for --path nat: leave it out with --path relay',
  ]);
  for (const path of ['auto', 'socket']) assert.deepEqual(told({ path, cgroup: '/a', netns: 'all' }), []);
  assert.deepEqual(told({ path: 'nat', masquerade: 'no' }), []);
});

it('says what a path of the kernel does otherwise than the options sound', () => {
  const readers = { ...OPTIONS, replicaListen: ['10.0.0.9:6401'], balance: 'leastconn', tls: true } as const;
  const plan = readPlan({ ...readers, path: 'nat' });
  const notes = (plan.ok ? plan.value.warnings : []).join('\n');
  assert.match(notes, /leastconn is not to be had by --path nat/);
  assert.match(notes, /must speak TLS themselves/);
  const relayed = readPlan({ ...readers, path: 'relay' });
  assert.deepEqual(relayed.ok ? relayed.value.warnings : null, []);
});

it('takes nothing by the command line that a file would say, nor a path that there is not', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-flags-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'haproxy.cfg');
  const server = 'listen redis\n bind 127.0.0.1:6400\n server a 127.0.0.1:6379 check\n';
  writeFileSync(
    file,
    `defaults\n mode tcp\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n${server}`,
  );
  const told = (more: Partial<EndpointOptions>): readonly string[] => {
    const plan = readPlan({ file, ...more });
    return plan.ok ? [] : plan.problem;
  };
  assert.deepEqual(told({ path: 'relay' }), []);
  const unnamed = readPlan({ file });
  assert.match(
    (unnamed.ok && unnamed.value.conf.frontends[0]?.pathBecause) || '',
    /a haproxy\.cfg is relayed/,
  );
  assert.deepEqual(told({ path: 'sokcet' }), ['--path sokcet: one of auto, socket, nat, relay']);
  assert.match(told({ balance: 'first', lease: '9s' })[0] ?? '', /--balance, --lease would: leave/);
  assert.match(told({ holdMax: '2s', transparent: true })[0] ?? '', /--transparent, --hold-max would: leave/);
});
