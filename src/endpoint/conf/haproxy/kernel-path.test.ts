import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readHaproxy } from './read-haproxy.ts';

const CFG = `defaults
 mode tcp
 timeout connect 4s
listen a
 bind /run/a.sock
 bind 10.0.0.9:6379 accept-proxy ssl crt a.pem
 maxconn 10
 balance leastconn
 tcp-request connection reject if { src 10.1.0.0/16 }
 tcp-request content accept
 server one 10.0.0.1:6379 send-proxy maxconn 5
 server two 10.0.0.2:6379 ssl verify none
`;
const read = (kernelPath: 'socket' | 'nat' | null, text = CFG): readonly string[] => {
  const file = readHaproxy(text, { path: 'h.cfg', isLenient: false, environment: {}, kernelPath });
  return file.ok ? file.value.warnings : file.problem;
};

it('names all that takes a relay, each with its line, where the file is for a path of the kernel', () => {
  const remedy = '--path nat carries no bytes: leave it out, or use --path relay';
  const only = (what: string): string => `${what} is served by the relay only; ${remedy}`;
  assert.deepEqual(read('nat'), [
    `h.cfg:5:2: ${only('a unix socket')}`,
    `h.cfg:6:2: ${only('TLS from clients (ssl)')}`,
    `h.cfg:6:2: ${only('the PROXY protocol (accept-proxy)')}`,
    `h.cfg:7:2: ${only('maxconn')}; --lenient leaves it out`,
    `h.cfg:9:2: who may come (tcp-request) is decided by the relay only; ${remedy}`,
    `h.cfg:10:2: who may come (tcp-request) is decided by the relay only; ${remedy}`,
    `h.cfg:11:2: ${only('the PROXY protocol (send-proxy)')}`,
    `h.cfg:12:2: ${only('TLS to servers (ssl)')}`,
    'h.cfg:8:10: balance leastconn is not to be had by --path nat, which counts no clients: they are dealt out by weight',
    'h.cfg:11:2: maxconn of a server is not kept by --path nat, which counts no clients',
  ]);
  assert.deepEqual(read(null), []);
});

it('refuses what is decided for each client', () => {
  const text = `frontend f
 bind 10.0.0.9:6379
 use_backend b if { src 10.1.0.0/16 }
 default_backend a
backend a
 server s 10.0.0.1:1
backend b
 tcp-request content reject if { dst_port 1 }
 use-server s if { src 10.1.0.1 }
 server s 10.0.0.2:1
`;
  const said = read('nat', text);
  assert.match(
    said.join('\n'),
    /^h\.cfg:3:14: where clients are led \(use_backend\) is decided by the relay/m,
  );
  assert.match(said.join('\n'), /^h\.cfg:8:2: who may come \(tcp-request\) is decided by the relay/m);
  assert.match(said.join('\n'), /^h\.cfg:9:13: which server is used \(use-server\) is decided by the relay/m);
  assert.equal(said.length, 3);
});

it('says that a path of the kernel ends no idle connections', () => {
  const text = 'listen a\n bind 10.0.0.9:6379\n timeout client 1m\n server one 10.0.0.1:6379\n';
  assert.deepEqual(read('socket', text), [
    "h.cfg:1:1: 'a': --path socket ends no idle connections (timeout client, server and tunnel)",
  ]);
});

it('says what only a relay does for HTTP, for clients that stay, and for observed servers', () => {
  const text = `defaults
 mode http
frontend f
 bind 10.0.0.9:80
 option forwardfor
 stats uri /s
 default_backend a
backend a
 balance source
 server s 10.0.0.1:80 check
`;
  const remedy = '--path socket carries no bytes: leave it out, or use --path relay';
  assert.deepEqual(read('socket', text), [
    `h.cfg:3:1: pages among the paths of 'f' (stats, monitor-uri) are served by the relay only; ${remedy}; --lenient leaves it out`,
    `h.cfg:5:9: option forwardfor: no header is added here, since ${remedy}; --lenient leaves it out`,
    'h.cfg:9:10: balance source gives all clients one server by --path socket: all of them have the address of this machine',
  ]);
  const tcp = `listen f
 bind 10.0.0.9:80
 stick-table type ip size 10
 stick on src
 server s 10.0.0.1:80 check observe layer4
`;
  const [stick, observe] = read('nat', tcp);
  assert.match(
    stick ?? '',
    /^h\.cfg:4:2: stick on src is served by the relay only: balance source is like it/,
  );
  assert.match(observe ?? '', /^h\.cfg:5:29: what clients meet \(observe\) is seen by the relay only/);
});
