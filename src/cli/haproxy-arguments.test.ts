import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseHaproxyArguments } from './haproxy-arguments.ts';

it("reads haproxy's command line, as init scripts give it", () => {
  const read = parseHaproxyArguments([
    '-Ws',
    '-f',
    '/etc/haproxy/haproxy.cfg',
    '-p',
    '/run/haproxy.pid',
    '-S',
    '/run/m.sock',
  ]);
  assert.deepEqual(read.ok && read.value, {
    file: '/etc/haproxy/haproxy.cfg',
    isCheck: false,
    isDaemon: false,
    pidFile: '/run/haproxy.pid',
  });
  const check = parseHaproxyArguments(['-c', '-V', '-f', 'a.cfg']);
  assert.ok(check.ok && check.value.isCheck);
  const daemon = parseHaproxyArguments(['-D', '-f', 'a.cfg']);
  assert.ok(daemon.ok && daemon.value.isDaemon);
});

for (const [argv, why] of [
  [[], /name the file/],
  [['-f'], /needs a value/],
  [['-f', 'a', '-f', 'b'], /one -f only/],
  [['-f', 'a', '-sf', '12'], /SIGHUP/],
  [['--fast'], /unknown option --fast/],
] as const) {
  it(`refuses ${argv.join(' ') || 'nothing'}`, () => {
    const read = parseHaproxyArguments(argv);
    assert.match(read.ok ? '' : read.problem, why);
  });
}
