// Five files in the styles that tutorials for Redis behind HAProxy are written in, unchanged but for ports: the real HAProxy
// and we run each, side by side, and clients see the same of both.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { it } from 'node:test';
import { freePort } from '../../src/redis/free-port.ts';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { startFleet } from '../harness/fleet.ts';
import { lacksHaproxy } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';
import { Wire } from '../harness/wire.ts';

const PASSWORD = 'open#sesame';
const PROGRAMS = ['haproxy', 'baton'] as const;
type Program = (typeof PROGRAMS)[number];

/** Ports that a file listens on, and the servers and sentinels it names. */
interface Places {
  readonly write: number;
  readonly read: number;
  readonly page: number;
  readonly nodes: readonly number[];
  readonly sentinels: readonly number[];
  readonly folder: string;
}

interface Tutorial {
  readonly cfg: (places: Places) => string;
  /** Which of the two ports it serves. */
  readonly serves: readonly ('write' | 'read')[];
  /** Pages, with what each program answers to those who say nothing and to `admin:secret`. */
  readonly pages?: Readonly<Record<string, readonly [number, number]>>;
  readonly needsPassword?: true;
  /** HAProxy since 1.9 reads no such file any more. */
  readonly isOld?: true;
}

const LADDER = (role: string): string => String.raw`    option tcp-check
    tcp-check connect
    tcp-check send PING\r\n
    tcp-check expect string +PONG
    tcp-check send info\ replication\r\n
    tcp-check expect string role:${role}
    tcp-check send QUIT\r\n
    tcp-check expect string +OK
`;
const serversOf = (ports: readonly number[], options: string): string =>
  ports.map((port, index) => `    server redis-${index + 1} 127.0.0.1:${port} ${options}\n`).join('');

const TUTORIALS: Readonly<Record<string, Tutorial>> = {
  'the address in the head of the section': {
    isOld: true,
    serves: ['write', 'read'],
    cfg: ({ write, read, nodes }) => `global
    daemon
    maxconn 256

defaults
    mode tcp
    timeout connect 5000ms
    timeout client 50000ms
    timeout server 50000ms

listen redis-master 127.0.0.1:${write}
    balance first
    option tcplog
${LADDER('master')}${serversOf(nodes, 'maxconn 1024 check inter 1s')}
listen redis-slaves 127.0.0.1:${read}
    balance roundrobin
${LADDER('slave')}${serversOf(nodes, 'maxconn 1024 check inter 1s')}`,
  },
  'what the sentinels say counts, too': {
    serves: ['write'],
    pages: { '/healthz': [200, 200] },
    cfg: ({ write, page, nodes, sentinels }) => `defaults REDIS
    mode tcp
    timeout connect 4s
    timeout server 330s
    timeout client 330s
    timeout check 2s

listen health_check_http_url
    bind 127.0.0.1:${page}
    mode http
    monitor-uri /healthz
    option dontlognull

# Check Sentinel and whether they are nominated master
backend check_if_redis_is_master_0
    mode tcp
    option tcp-check
    tcp-check connect
    tcp-check send PING\\r\\n
    tcp-check expect string +PONG
    tcp-check send SENTINEL\\ get-master-addr-by-name\\ mymaster\\r\\n
    tcp-check expect string 127.0.0.1
    tcp-check send QUIT\\r\\n
${sentinels.map((port, index) => `    server R${index} 127.0.0.1:${port} check inter 1s\n`).join('')}
# decide redis backend to use
frontend ft_redis_master
    bind 127.0.0.1:${write}
    use_backend bk_redis_master

backend bk_redis_master
    mode tcp
${LADDER('master')}    use-server R0 if { srv_is_up(R0) } { nbsrv(check_if_redis_is_master_0) ge 2 }
${nodes.map((port, index) => `    server R${index} 127.0.0.1:${port} check inter 1s fall 1 rise 1\n`).join('')}`,
  },
  'a page of status': {
    serves: ['write'],
    pages: { '/haproxy?stats': [401, 200], '/metrics': [200, 200] },
    cfg: ({ write, page, nodes, folder }) => `global
    log stdout format raw local0 info
    stats socket ${folder}/admin.sock mode 660 level admin
    stats timeout 30s
    nbthread 2

defaults
    log global
    mode tcp
    timeout queue 1m
    timeout connect 10s
    timeout client 1m
    timeout server 1m
    timeout check 10s
    maxconn 3000

listen stats
    bind 127.0.0.1:${page}
    mode http
    http-request use-service prometheus-exporter if { path /metrics }
    stats enable
    stats hide-version
    stats realm Haproxy\\ Statistics
    stats uri /haproxy?stats
    stats refresh 10s
    stats auth admin:secret

frontend fe_redis
    bind 127.0.0.1:${write} name redis
    option clitcpka
    default_backend be_redis

backend be_redis
    option srvtcpka
    option log-health-checks
    option tcp-check
    tcp-check send-binary 50494e470d0a # PING
    tcp-check expect binary 2b504f4e47 # +PONG
    server redis 127.0.0.1:${nodes[0] ?? 0} check inter 1000 rise 2 fall 3 weight 10 maxconn 500
`,
  },
  'writers here and readers there': {
    serves: ['write', 'read'],
    cfg: ({ write, read, nodes }) => `defaults
    mode tcp
    timeout connect 3s
    timeout client 6s
    timeout server 6s

frontend ft_redis_write
    bind 127.0.0.1:${write} name write
    default_backend bk_write
frontend ft_redis_read
    bind 127.0.0.1:${read} name read
    default_backend bk_read

backend bk_write
${LADDER('master').replace('    tcp-check send QUIT', '    tcp-check expect rstring connected_slaves:[1-9]\n    tcp-check send QUIT')}${serversOf(nodes, 'check inter 1s on-marked-down shutdown-sessions')}
backend bk_read
    balance leastconn
${LADDER('slave').replace('    tcp-check send QUIT', '    tcp-check expect string master_link_status:up\n    tcp-check send QUIT')}${serversOf(nodes, 'check inter 1s')}`,
  },
  'a password from the environment': {
    needsPassword: true,
    serves: ['write'],
    cfg: ({ write, nodes }) => `global
    log 127.0.0.1 local0
    maxconn 4096

defaults
    log     global
    mode    tcp
    option  tcplog
    option  dontlognull
    retries 3
    option redispatch
    maxconn 2000
    timeout connect 10s
    timeout client  30m
    timeout server  30m

frontend redis
    bind 127.0.0.1:${write}
    default_backend redis_backend

backend redis_backend
    balance roundrobin
    option tcp-check
    tcp-check send "AUTH \${REDIS_PASSWORD}\\r\\n"
    tcp-check expect string +OK
    tcp-check send PING\\r\\n
    tcp-check expect string +PONG
    tcp-check send "INFO replication\\r\\n"
    tcp-check expect string role:master
    tcp-check send QUIT\\r\\n
    tcp-check expect string +OK
    default-server inter 1s fall 3 rise 2 on-marked-down shutdown-sessions
${serversOf(nodes, 'check')}`,
  },
};

/** What a client gets of a port, in short. */
async function seenAt(port: number, password: string | null): Promise<string> {
  const say = async (wire: Wire, ...words: readonly string[]): Promise<string> => {
    const answer = await wire.call(...words).catch((error: Error) => error.message);
    return (Array.isArray(answer) ? String(answer[0]) : String(answer)).slice(0, 20);
  };
  const wire = await Wire.open({ host: '127.0.0.1', port }, 5_000);
  try {
    const first = await say(wire, 'PING');
    const login = password === null ? 'none' : await say(wire, 'AUTH', password);
    return [first, login, await say(wire, 'ROLE'), await say(wire, 'SET', 'a', 'b')].join(', ');
  } finally {
    wire.close();
  }
}

it('five tutorial files run unchanged, beside HAProxy', { skip: lacksHaproxy() }, async (t) => {
  const fleet = await startFleet(t, { voters: ['redis', 'redis', 'redis'], replicas: 1 });
  const nodes = fleet.nodes();
  const folder = mkdtempSync(join(tmpdir(), 'baton-tutorials-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(resolve('bin/baton'), join(folder, 'haproxy'));
  const environment = { ...process.env, REDIS_PASSWORD: PASSWORD, RUNTIME_DIRECTORY: folder };
  const wordsOf = (program: Program): readonly [string, ...string[]] =>
    program === 'haproxy' ? ['haproxy'] : [process.execPath, join(folder, 'haproxy')];

  for (const [name, { cfg, serves, pages = {}, needsPassword, isOld }] of Object.entries(TUTORIALS)) {
    if (needsPassword) {
      for (const node of nodes) await node.ask('CONFIG', 'SET', 'masterauth', PASSWORD);
      for (const node of nodes) await node.ask('CONFIG', 'SET', 'requirepass', PASSWORD);
    }
    const seen: string[][] = [];
    for (const program of PROGRAMS) {
      const places: Places = {
        write: await freePort(),
        read: await freePort(),
        page: await freePort(),
        nodes: nodes.map(({ target }) => target.port),
        sentinels: fleet.voters.map(({ target }) => target.port),
        folder,
      };
      const file = join(folder, `${program}.cfg`);
      writeFileSync(file, cfg(places));
      const [command, ...words] = wordsOf(program);
      const check = spawnSync(command, [...words, '-c', '-f', file], { encoding: 'utf8', env: environment });
      if (program === 'haproxy' && isOld) {
        assert.notEqual(check.status, 0, 'HAProxy reads it again: take the word "old" away');
        // What its readers are told to write today.
        writeFileSync(file, cfg(places).replaceAll(/^(listen \S+) (\S+)$/gm, '$1\n    bind $2'));
      } else {
        assert.equal(check.status, 0, `${name}: ${check.stderr}`);
      }
      const running: ManagedProcess = new ManagedProcess({
        name: program,
        environment,
        command: () => [...wordsOf(program), '-db', '-f', file],
        isReady: () => true,
      });
      t.after(() => running.dispose());
      await running.restart();
      const password = needsPassword ? PASSWORD : null;
      const story = (): string => `${name}, ${program}: ${running.output}`;
      const answers: string[] = [];
      for (const which of serves) {
        const wanted = which === 'write' ? /, master, OK$/ : /, slave, READONLY/;
        const answer = await until(
          `${which} leads there`,
          // HAProxy leads everywhere until its first checks have failed.
          async () => {
            const said = await seenAt(places[which], password);
            return wanted.test(said) && said;
          },
          story,
        );
        answers.push(`${which}: ${answer}`);
      }
      for (const [path, [without, withPassword]] of Object.entries(pages)) {
        const url = `http://127.0.0.1:${places.page}${path}`;
        const authorization = `Basic ${Buffer.from('admin:secret').toString('base64')}`;
        const codes = await until(
          `${path} is answered`,
          () =>
            Promise.all(
              [{}, { authorization }].map(async (headers) => {
                const answer = await fetch(url, { headers });
                await answer.arrayBuffer();
                return answer.status;
              }),
            ),
          story,
        );
        assert.deepEqual(codes, [without, withPassword], `${story()}: ${path}`);
      }
      await running.stop();
      seen.push(answers);
    }
    assert.deepEqual(seen[1], seen[0], name);
  }
});
