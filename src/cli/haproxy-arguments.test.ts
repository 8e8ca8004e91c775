import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseHaproxyArguments, type HaproxyArguments } from './haproxy-arguments.ts';

const read = (...argv: readonly string[]): HaproxyArguments => {
  const parsed = parseHaproxyArguments(argv);
  assert.ok(parsed.ok && parsed.value.kind === 'run', parsed.ok ? '' : parsed.problem);
  return parsed.value;
};

it("reads haproxy's command line, as Debian's unit gives it", () => {
  assert.deepEqual(
    read('-Ws', '-f', '/etc/haproxy/haproxy.cfg', '-p', '/run/haproxy.pid', '-S', '/run/m.sock'),
    {
      kind: 'run',
      file: '/etc/haproxy/haproxy.cfg',
      isCheck: false,
      isQuiet: false,
      isDaemon: false,
      staysInForeground: true,
      pidFile: '/run/haproxy.pid',
      folder: null,
      before: { pids: [], areEnded: false },
    },
  );
  const check = read('-Ws', '-f', 'a.cfg', '-c', '-q', '-S', '/run/m.sock');
  assert.ok(check.isCheck && check.isQuiet);
});

it('reads the words of init scripts and of containers', () => {
  const reload = read('-f', 'a.cfg', '-p', '/run/h.pid', '-sf', '12', '34', '-D', '-V');
  assert.deepEqual(reload.before, { pids: [12, 34], areEnded: false });
  assert.ok(reload.isDaemon && !reload.staysInForeground);
  assert.deepEqual(read('-f', 'a.cfg', '-st', '5').before, { pids: [5], areEnded: true });
  assert.deepEqual(read('-sf', '-f', 'a.cfg').before.pids, [], 'of a pid file that is empty');
  assert.ok(read('-W', '-db', '-f', 'a.cfg').staysInForeground);
  assert.ok(!read('-W', '-f', 'a.cfg').staysInForeground);
  const elsewhere = read('-C', '/etc/haproxy', '-dM0x50', '--', 'a.cfg');
  assert.deepEqual([elsewhere.folder, elsewhere.file], ['/etc/haproxy', 'a.cfg']);
});

it('tells the version, whatever else is asked', () => {
  for (const word of ['-v', '-vv']) {
    const asked = parseHaproxyArguments([word]);
    assert.deepEqual(asked.ok && asked.value, { kind: 'version' });
  }
});

for (const [argv, why] of [
  [[], /name the file/],
  [['-f'], /needs a value/],
  [['-f', 'a', '-f', 'b'], /one -f only/],
  [['-f', 'a', '-C'], /needs a value/],
  [['-f', 'a', '--', 'b'], /one -f only/],
  [['--fast'], /unknown option --fast/],
] as const) {
  it(`refuses ${argv.join(' ') || 'nothing'}`, () => {
    const read = parseHaproxyArguments(argv);
    assert.match(read.ok ? '' : read.problem, why);
  });
}
