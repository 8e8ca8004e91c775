// What `baton endpoint status` shows people, in the states that an endpoint can be in.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { EndpointStatus } from '../daemon/endpoint/endpoint-daemon.ts';
import { backendConf, endpointsConf, serverConf, Stage, target } from '../endpoint/test-kit.ts';
import { describeEndpointStatus } from './endpoint-status.ts';

const [A, B] = ['10.0.0.1:6379', '10.0.0.2:6379'];

function pair(): Stage {
  const conf = backendConf({ servers: [serverConf('a', A), serverConf('long-name', B)] });
  const stage = new Stage(endpointsConf(conf));
  stage.model(A, { role: 'master' });
  stage.model(B);
  return stage;
}

const NO_TROUBLE = { clients: 3, unserved: 0, outcomeUnknown: 0, unmovable: 0, tooSlow: 0 };

const linesOf = (stage: Stage, counts: Record<string, number> = NO_TROUBLE): string[] => {
  const status: EndpointStatus = {
    kind: 'endpoint',
    pid: 7,
    at: 0,
    snapshot: stage.endpoints.snapshot(stage.now),
    chosen: [
      { endpoint: 'to-redis', path: 'relay', listens: ['127.0.0.1:6379', '[::1]:6379'], because: 'why not' },
    ],
    paths: [{ path: 'relay', counts: { 'to-redis': counts } }],
    decisions: [],
    events: [],
  };
  return describeEndpointStatus(status);
};

it('shows who listens, where it leads and who serves, in lines that line up', () => {
  const stage = pair();
  stage.pass(2_000);
  assert.deepEqual(linesOf(stage), [
    'endpoint  pid 7',
    '',
    'ENDPOINT  LISTENS ON                 PATH   CLIENTS  LEADS TO',
    'to-redis  127.0.0.1:6379 [::1]:6379  relay        3  10.0.0.1:6379',
    '  to-redis: relay, why not',
    '',
    'redis (primary): a (10.0.0.1:6379) is the primary',
    '  SERVER     ADDRESS        HEALTH  ROLE     BEHIND  SERVES  REMARK',
    '  a          10.0.0.1:6379  up      primary          yes',
    '  long-name  10.0.0.2:6379  up      replica     0 B',
  ]);
});

it('says whose clients come to one that listens nowhere, and which one could not be opened', () => {
  const stage = pair();
  stage.pass(0);
  const { backends } = stage.endpoints.snapshot(0);
  const frontend = { backend: 'redis', mode: 'redis', connectionsMax: null } as const;
  const chosen = { path: 'relay', because: 'why not' } as const;
  const status = {
    kind: 'endpoint',
    pid: 7,
    at: 0,
    snapshot: {
      frontends: [
        { ...frontend, name: 'f', branchOf: null },
        { ...frontend, name: 'f/b', branchOf: 'f' },
        { ...frontend, name: 'g', branchOf: null },
      ],
      backends,
    },
    chosen: [
      { ...chosen, endpoint: 'f', listens: ['*:6379'] },
      { ...chosen, endpoint: 'f/b', listens: [] },
    ],
    paths: [],
    decisions: [],
    events: [],
  } as const;
  assert.deepEqual(describeEndpointStatus(status).slice(2, 6), [
    'ENDPOINT  LISTENS ON   PATH    CLIENTS  LEADS TO',
    'f         *:6379       relay            nowhere',
    'f/b       (some of f)  relay            nowhere',
    'g                      closed           nowhere',
  ]);
});

it('says why it leads nowhere, and what became of clients', () => {
  const stage = pair();
  stage.pass(2_000);
  stage.model(A).isFrozen = true;
  stage.model(B).isFrozen = true;
  stage.pass(6_000);
  const lines = linesOf(stage, { ...NO_TROUBLE, clients: 0, unserved: 2, outcomeUnknown: 1 });
  assert.match(lines[3] ?? '', /relay +0 {2}nowhere$/);
  assert.equal(
    lines[5],
    '  to-redis, clients so far: 2 found no server in time, 1 closed as nobody knows what became of their writes',
  );
  assert.match(
    lines.join('\n'),
    /^redis \(primary\): no server says that it is the primary \(a .*it is not up: no connection/m,
  );
  assert.match(lines.join('\n'), /^ {2}a +10\.0\.0\.1:6379 +down .*no connection within 1000 ms$/m);
});

it('shows a switch while it lasts, and orders that stand', () => {
  const stage = pair();
  stage.pass(2_000);
  stage.model(A).offset = 9_000;
  stage.feed({ kind: 'switch', id: 1, backend: 'redis', to: target(B) });
  stage.pass(100);
  assert.ok(
    linesOf(stage).includes(
      '  SWITCH: redis is being switched to 10.0.0.2:6379: clients are held, and the new primary takes the last writes',
    ),
  );
  stage.pass(2_000);
  stage.feed({ kind: 'set-state', backend: 'redis', server: 'long-name', state: 'drain' });
  stage.model(B).isLinkUp = false;
  stage.pass(1_000);
  const text = linesOf(stage).join('\n');
  assert.doesNotMatch(text, /SWITCH/);
  assert.match(
    text,
    /^ {2}long-name +10\.0\.0\.2:6379 +up, drain +replica +8900 B +its link to its primary is down$/m,
  );
});

it('shows that two claim to be the primary, and lets no name steer the terminal', () => {
  const stage = pair();
  stage.pass(2_000);
  stage.model(B).role = 'master';
  stage.pass(2_000);
  assert.match(linesOf(stage).join('\n'), /^ {2}ALARM: .*say that they are the primary/m);
  const [backend] = stage.endpoints.snapshot(stage.now).backends;
  assert.ok(backend !== undefined);
  const hostile = { ...backend, because: 'a\u001b[2Jb\u0001' };
  const status = {
    kind: 'endpoint',
    pid: 7,
    at: 0,
    snapshot: { frontends: [], backends: [hostile] },
    chosen: [],
    paths: [null],
    decisions: [],
    events: [],
  } as const;
  assert.ok(
    describeEndpointStatus(status).includes('redis (primary): ab?'),
    describeEndpointStatus(status).join('\n'),
  );
});
