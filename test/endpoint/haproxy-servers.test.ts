// Which server of a backend clients get: agents, servers that track others, connections that are observed, stick tables,
// backups, weights and balances, as HAProxy and we take them side by side.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freePort } from '../../src/redis/free-port.ts';
import { lacksHaproxy } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import {
  DEFAULTS,
  answers,
  assertAnswers,
  NamedServer,
  type Program,
  startBoth,
  whoAnswers,
} from './beside-haproxy.ts';

const named = <const Names extends readonly string[]>(
  t: { after(fn: () => Promise<void>): void },
  ...names: Names
): Promise<{ [Index in keyof Names]: NamedServer }> =>
  Promise.all(names.map((name) => NamedServer.start(t, name))) as Promise<{
    [Index in keyof Names]: NamedServer;
  }>;

const server = ({ name, port }: NamedServer, more = ''): string =>
  `    server ${name} 127.0.0.1:${port} ${more}\n`;

const listens = (ports: readonly number[], sections: readonly string[]): string =>
  DEFAULTS +
  sections.map((lines, at) => `\nlisten l${at}\n    bind 127.0.0.1:${ports[at] ?? 0}\n${lines}`).join('');

describe('servers that HAProxy and we choose alike', { skip: lacksHaproxy() }, () => {
  it('what tells of them besides a check', async (t) => {
    const [a, b, agent, looksFine] = await named(t, 'a', 'b', 'agent', 'looks-fine');
    agent.greeting = 'up\n';
    const sections = [
      server(
        a,
        `check weight 10 agent-check agent-port ${agent.port} agent-inter 200ms agent-send hello\\n`,
      ) + server(b, 'check backup'),
      `${server(a, 'track l0/a')}${server(b, 'backup')}`,
      `    retries 0\n    server gone 127.0.0.1:${await freePort()} check port ${looksFine.port} rise 1000 observe layer4 error-limit 2 on-error mark-down\n` +
        server(b, 'backup'),
    ];
    const programs = await startBoth(t, sections.length, (ports) => listens(ports, sections));
    for (const [word, expected] of [
      ['up', 'a'],
      ['down', 'b'],
      ['75% ready', 'b'],
      ['up', 'a'],
      ['drain', 'b'],
      ['ready', 'a'],
      ['stopped', 'b'],
      ['up', 'a'],
      ['maint', 'b'],
      ['ready,50%', 'a'],
    ] as const) {
      agent.greeting = `${word}\n`;
      await answers(programs, 0, expected);
      await answers(programs, 1, expected);
    }
    // An agent that can't be asked changes nothing.
    await agent.stop();
    await assertAnswers(programs, 0, ['a', 'a', 'a']);
    // Its check says that all is well, and the clients' connections say otherwise.
    await answers(programs, 2, 'b');
    await assertAnswers(programs, 2, ['b', 'b']);
    await a.stop();
    await answers(programs, 0, 'b');
    await answers(programs, 1, 'b');
  });

  it('stick tables, which do not go back to a server that returns', async (t) => {
    const [a, b, u, v] = await named(t, 'a', 'b', 'u', 'v');
    const stick = (type: string, key: string): string =>
      `    stick-table type ${type} size 10 expire 1h\n    stick on ${key}\n`;
    const sections = [
      `${stick('ip', 'dst')}${server(a, 'check')}${server(b, 'check backup')}`,
      `${stick('integer', 'int(1)')}${server(a, 'check')}${server(b, 'check')}`,
      `${stick('ip', 'src')}${server(u, 'check')}${server(v, 'check')}`,
      `    balance first\n${server(a, 'track l0/a')}${server(v)}`,
      `    balance first\n${server(u, 'track l2/u')}${server(v)}`,
    ];
    const programs = await startBoth(t, sections.length, (ports) => listens(ports, sections));
    await answers(programs, 0, 'a');
    for (const program of programs) {
      const port = program.ports[2] ?? 0;
      await until('somebody answers', async () => (await whoAnswers(port)) !== '');
      const [own, other] = [await whoAnswers(port), await whoAnswers(port, '127.0.0.2')];
      for (let count = 0; count < 3; count++) {
        assert.equal(await whoAnswers(port), own, program.name);
        assert.equal(await whoAnswers(port, '127.0.0.2'), other, program.name);
      }
    }
    const before = await Promise.all(programs.map(({ ports }) => whoAnswers(ports[2] ?? 0)));
    await a.stop();
    await u.stop();
    for (const at of [0, 1]) await answers(programs, at, 'b');
    await answers(programs, 2, 'v');
    await a.start();
    await u.start();
    // Who tracks them shows when it is known that they are back.
    await answers(programs, 3, 'a');
    await answers(programs, 4, 'u');
    for (const at of [0, 1]) await assertAnswers(programs, at, ['b', 'b', 'b', 'b']);
    await assertAnswers(programs, 2, ['v', 'v', 'v', 'v']);
    assert.ok(before.every((name) => name === 'u' || name === 'v'));
    await b.stop();
    for (const at of [0, 1]) await answers(programs, at, 'a');
  });

  it('backups, weights and balances', async (t) => {
    const [a, b, c] = await named(t, 'a', 'b', 'c');
    const sections = [
      server(a, 'check weight 0') + server(b, 'check'),
      `    option allbackups\n${server(a, 'check backup')}${server(b, 'check backup')}`,
      server(a, 'check backup') + server(b, 'check backup'),
      `    balance static-rr\n${server(a, 'check weight 2')}${server(b, 'check weight 1')}`,
      `    balance first\n${server(a, 'check')}${server(b, 'check')}`,
      `    balance source\n    hash-type consistent\n${server(a, 'check')}${server(b, 'check')}${server(c, 'check')}`,
      `    balance hash src\n${server(a, 'check')}${server(b, 'check')}${server(c, 'check')}`,
      `    balance random(2)\n${server(a, 'check')}${server(b, 'check')}`,
    ];
    const programs = await startBoth(t, sections.length, (ports) => listens(ports, sections));
    const counts = async (program: Program, at: number): Promise<Record<string, number>> => {
      const found: Record<string, number> = {};
      for (let count = 0; count < 6; count++) {
        const name = await whoAnswers(program.ports[at] ?? 0);
        found[name] = (found[name] ?? 0) + 1;
      }
      return found;
    };
    for (const [at, expected] of [
      [0, { b: 6 }],
      [1, { a: 3, b: 3 }],
      [2, { a: 6 }],
      [3, { a: 4, b: 2 }],
      [4, { a: 6 }],
    ] as const) {
      for (const program of programs) {
        await until(`${program.name}, port ${at}: ${JSON.stringify(expected)}`, async () => {
          const found = await counts(program, at);
          assert.deepEqual(found, expected);
          return true;
        });
      }
    }
    for (const { name, ports } of programs) {
      for (const port of ports.slice(5, 7)) {
        const seen = new Set<string>();
        for (let last = 1; last < 30; last++) {
          const from = `127.0.0.${last}`;
          const answer = await whoAnswers(port, from);
          seen.add(answer);
          assert.equal(await whoAnswers(port, from), answer, `${name}: ${from} stays`);
        }
        assert.deepEqual([...seen].sort(), ['a', 'b', 'c'], `${name}: addresses are spread`);
      }
      assert.match(await whoAnswers(ports[7] ?? 0), /^[ab]$/);
    }
  });
});
