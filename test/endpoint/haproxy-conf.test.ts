// The real HAProxy judges the same files as our reader. What it takes, we take; what it refuses, we refuse. Where we
// mean to differ, the case says so.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readHaproxyFile } from '../../src/cli/endpoint-haproxy.ts';
import { lacksHaproxy } from '../harness/requirements.ts';

type Verdict = 'takes' | 'refuses';

const HEAD = 'defaults\n mode tcp\n timeout connect 1s\n timeout client 1m\n timeout server 1m\n';
const SERVER = ' server a 127.0.0.1:6379 check\n';
const listen = (lines: string): string => `${HEAD}listen x\n bind 127.0.0.1:17000\n${lines}${SERVER}`;
const check = (lines: string): string => listen(` option tcp-check\n${lines}`);
const server = (options: string): string => `${HEAD}listen x\n bind 127.0.0.1:17000\n server a ${options}\n`;

/** Both say the same. */
const SAME: Readonly<Record<string, string>> = {
  'the ladder of the tutorials': check(String.raw` tcp-check connect
 tcp-check send AUTH\ pass\r\n
 tcp-check expect string +OK
 tcp-check send PING\r\n
 tcp-check expect string +PONG
 tcp-check send info\ replication\r\n
 tcp-check expect string role:master
 tcp-check expect rstring connected_slaves:[1-9]
 tcp-check send QUIT\r\n
 tcp-check expect string +OK
`),
  'a frontend and a backend': `${HEAD}frontend f\n bind 127.0.0.1:17000,127.0.0.1:17001\n default_backend b\nbackend b\n balance leastconn\n option redis-check\n${SERVER}`,
  'all that a server may say': server(
    '127.0.0.1:6379 check inter 1s fastinter 500ms downinter 5s rise 2 fall 3 weight 7 maxconn 100 backup on-marked-down shutdown-sessions',
  ),
  'the last of repeated options': server('127.0.0.1:6379 check inter 1s inter 2s'),
  'times of every unit': listen(
    ' timeout queue 500\n timeout check 2s\n timeout tunnel 365d\n timeout client-fin 1m\n',
  ),
  'mode http': `defaults\n mode http\n timeout connect 1s\n timeout client 1s\n timeout server 1s\nlisten w\n bind 127.0.0.1:17000\n option forwardfor\n option httpchk GET /\n http-check expect status 200\n stats uri /s\n server a 127.0.0.1:80 check weight 2\n`,
  'a page of status': `${listen('')}listen stats\n bind 127.0.0.1:17002\n mode http\n stats enable\n stats uri /\n stats refresh 5s\n stats auth a:b\n`,
  'named defaults': `defaults one\n mode tcp\n timeout connect 1s\n timeout client 1s\n timeout server 1s\ndefaults two from one\n retries 2\nlisten x from two\n bind 127.0.0.1:17000\n${SERVER}`,
  'quotes, escapes and comments': check(String.raw` tcp-check send "AUTH x\r\n" # comment
 tcp-check expect string '+OK'
 tcp-check send-binary 50494e470d0a comment "a ping"
 tcp-check expect min-recv 1 ! rstring ^-ERR
`),
  'CR LF': check(' tcp-check expect string x\n').replaceAll('\n', '\r\n'),
  'busy polling, and settings undone': `global\n busy-polling\n no strict-limits\n${listen('')}`,
  'no busy polling': `global\n no busy-polling\n${listen('')}`,
  'what cannot be undone': `global\n no maxconn\n${listen('')}`,
  'no option': listen(' no option redispatch\n no log\n'),
  'a check taken back': listen(' no option redis-check\n'),
  'an unknown keyword': listen(' nonsense 1\n'),
  'a mistyped option': listen(' option redis-chek\n'),
  'a send of two words': check(String.raw` tcp-check send AUTH pass\r\n` + '\n'),
  'an expect without its kind': check(' tcp-check expect +OK\n'),
  'half a byte': check(' tcp-check send-binary 123\n'),
  'a pattern that is none': check(' tcp-check expect rstring (\n'),
  'an unclosed quote': check(' tcp-check send "PING\n'),
  'inter 0': server('127.0.0.1:6379 check inter 0'),
  'a weight of 257': server('127.0.0.1:6379 weight 257'),
  'a port of 70000': server('127.0.0.1:70000'),
  'a time that is none': listen(' timeout check 5x\n'),
  'two servers of one name': listen(SERVER),
  'a missing backend': `${HEAD}frontend f\n bind 127.0.0.1:17000\n default_backend nowhere\n`,
  'an unknown mode': listen(' mode udp\n'),
  'an unknown balance': listen(' balance fair\n'),
  'unknown defaults': `${HEAD}listen x from nothing\n bind 127.0.0.1:17000\n${SERVER}`,
  'a line before any section': `mode tcp\n${listen('')}`,
  'a continued line': listen(' option \\\n redis-check\n'),
  'bind in a backend': `${HEAD}frontend f\n bind 127.0.0.1:17000\n default_backend b\nbackend b\n bind :1\n${SERVER}`,
  'rules on who may come': listen(
    ' acl inside src 10.0.0.0/8 fd00::/8\n tcp-request inspect-delay 5s\n tcp-request connection reject if !inside !{ src 127.0.0.0/255.0.0.0 } or { src 10.0.0.1 }\n tcp-request content accept unless LOCALHOST\n tcp-request connection accept\n',
  ),
  'a rule with a condition that is none': listen(' tcp-request connection reject if nobody\n'),
  'a rule on no addresses': listen(' tcp-request connection reject if { src 10.0.0.0/33 }\n'),
  'rules on where clients are led': `${HEAD}frontend f
 bind 127.0.0.1:17000
 acl up nbsrv(b) ge 1
 acl up src 10.0.0.0/8
 tcp-request content reject if { dst 10.0.0.1 } !up
 use_backend c if { srv_is_up(b/a) } { nbsrv(c) lt 1 2:3 } || !{ dst_port 6380:6390 } or { src_port gt 1 }
 use_backend c unless up { always_true }
 default_backend b
backend b
 acl some nbsrv ge 1
 use-server a if some { srv_is_up(a) }
${SERVER}backend c
 tcp-request content reject if { src -m ip 10.0.0.0/8 }
${SERVER}`,
  'a condition on a backend that is not there': listen(' use_backend b if { nbsrv(z) ge 1 }\n'),
  'a condition on a server that is not there': listen(' tcp-request content reject if { srv_is_up(x/z) }\n'),
  'a condition on no number': listen(' tcp-request content reject if { nbsrv ge x }\n'),
  'a rule that leads to no backend': listen(' use_backend nowhere if { src 10.0.0.1 }\n'),
  'a rule on a server that is not there': listen(' use-server z if { src 10.0.0.1 }\n'),
  'a rule on a server without a condition': listen(' use-server a\n'),
  'stick tables': listen(' stick-table type ip size 10k expire 1h nopurge\n stick on dst\n'),
  'stick tables for each client': listen(
    ' stick-table size 1k type ip expire 10s store conn_cur\n stick match src\n stick store-request src table x\n',
  ),
  'a stick table without a size': listen(' stick-table type ip\n'),
  'a stick rule without a table': listen(' stick on src\n'),
  'what tells of a server': `${HEAD}listen x
 bind 127.0.0.1:17000
 server a 127.0.0.1:1 check agent-check agent-port 9 agent-inter 5s agent-send x agent-addr 127.0.0.2 slowstart 10s
 server b 127.0.0.1:2 track a
 server c 127.0.0.1:3 track x/b
 server d 127.0.0.1:4 check observe layer4 error-limit 3 on-error sudden-death
`,
  'an agent without a port': server('127.0.0.1:6379 check agent-check'),
  'an error-limit of 0': server('127.0.0.1:6379 check observe layer4 error-limit 0'),
  'an unknown on-error': server('127.0.0.1:6379 check on-error banana'),
  'a server that tracks itself': server('127.0.0.1:6379 track a'),
  'a server that tracks nobody': server('127.0.0.1:6379 track x/z'),
  'a server that is checked and tracks': listen(' server b 127.0.0.1:1 check track a\n'),
  'a server that tracks one without a check': listen(
    ' server b 127.0.0.1:1 track c\n server c 127.0.0.1:2\n',
  ),
  'balances and their hashes': listen(' balance source\n hash-type consistent sdbm avalanche\n'),
  'a hash of the source': listen(' balance hash src\n'),
  'a draw': listen(' balance random(2)\n'),
  'an unknown hash': listen(' hash-type consistent md5\n'),
  'lines under a condition': listen(
    '.if defined(NOBODY_OF_THIS_NAME) || !version_atleast(2.4)\n nonsense\n.elif streq(a,a) && feature(OPENSSL)\n retries 2\n.else\n nonsense\n.endif\n',
  ),
  'a condition that is none': listen('.if banana\n.endif\n'),
  'a condition without its end': listen('.if 1\n'),
  'an end without its condition': listen('.endif\n'),
  'an else behind the else': listen('.if 1\n.else\n.else\n.endif\n'),
  'a listener that is none': `${HEAD}listen x\n bind nonsense\n${SERVER}`,
};

/** Ours, why, and the file. */
const DIFFERENT: readonly (readonly [string, Verdict, string])[] = [
  ['an address in the head is read, as once', 'takes', `${HEAD}listen x 127.0.0.1:17000\n${SERVER}`],
  ['a last line without its end is only worth a warning', 'takes', check('').trimEnd()],
  [
    'a rule whose condition is missing is a mistake',
    'refuses',
    listen(' tcp-request connection reject if\n'),
  ],
  ['an endpoint that leads nowhere is a mistake', 'refuses', `${HEAD}frontend f\n bind 127.0.0.1:17000\n`],
  [
    'limits are kept by making clients wait, and are no conditions',
    'refuses',
    listen(' tcp-request connection reject if { fe_conn gt 5 }\n'),
  ],
  ['a key of HTTP is no key for clients of Redis', 'refuses', listen(' balance hash dst\n')],
];

describe('haproxy -c judges the same files', { skip: lacksHaproxy() }, () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'baton-haproxy-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function judge(text: string): { theirs: Verdict; ours: Verdict; said: string } {
    const file = join(folder, 'h.cfg');
    writeFileSync(file, text);
    const { status, stderr } = spawnSync('haproxy', ['-c', '-f', file], {
      encoding: 'latin1',
      timeout: 60_000,
    });
    const read = readHaproxyFile(file, { isLenient: false, environment: {} });
    return {
      theirs: status === 0 ? 'takes' : 'refuses',
      ours: read.ok ? 'takes' : 'refuses',
      said: `haproxy: ${stderr}\nbaton: ${(read.ok ? read.value.warnings : read.problem).join('\n')}`,
    };
  }

  for (const [name, text] of Object.entries(SAME)) {
    it(`judges as we do: ${name}`, () => {
      const { theirs, ours, said } = judge(text);
      assert.equal(ours, theirs, said);
    });
  }

  for (const [why, verdict, text] of DIFFERENT) {
    it(`judges otherwise: ${why}`, () => {
      const { theirs, ours, said } = judge(text);
      assert.equal(ours, verdict, said);
      assert.notEqual(theirs, ours, said);
    });
  }
});
