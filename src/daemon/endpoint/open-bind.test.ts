import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { it } from 'node:test';
import type { Bind } from '../../endpoint/endpoint-conf.ts';
import { osError } from '../../os/os-error.ts';
import { openBind, type Opening } from './open-bind.ts';

const bind = (host: string): Bind => ({
  kind: 'tcp',
  host,
  port: 6379,
  tls: null,
  acceptsProxyProtocol: false,
});

/** Opens all, on a machine that fails with `code` for hosts of IPv6. */
function open(
  code: 'EAFNOSUPPORT' | 'EADDRINUSE' | 'ENOSYS',
  ...hosts: readonly string[]
): Opening & { count: number } {
  const opening: Opening = { fds: [], problems: [], warnings: [], canShare: true };
  const binds = hosts.map(bind);
  const listen = (host: string): number => {
    if (!host.includes(':')) return 7;
    throw osError(constants.errno[code], { syscall: 'socket', doing: `listen on [${host}]:6379` });
  };
  const opened = binds.flatMap((one) => openBind(one, binds, opening, listen));
  return { ...opening, count: opened.length };
}

it('does without IPv6 where that is switched off and IPv4 serves, and says so', () => {
  for (const hosts of [['127.0.0.1', '::1'], ['::']]) {
    const { count, problems, warnings } = open('EAFNOSUPPORT', ...hosts);
    assert.deepEqual([count, problems], [1, []]);
    assert.match(warnings.join(), /^Nobody can come by \[::1?\]:6379: this machine has IPv6 switched off\.$/);
  }
});

it('says what is in the way of an address that was asked for', () => {
  for (const [code, ...hosts] of [
    ['EAFNOSUPPORT', '::1'],
    ['EAFNOSUPPORT', '127.0.0.1', 'fd00::1'],
    ['EADDRINUSE', '127.0.0.1', '::1'],
  ] as const) {
    const { problems, warnings } = open(code, ...hosts);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^cannot listen on /);
    assert.deepEqual(warnings, []);
  }
});

it('leaves listening to one worker where descriptors cannot be made', () => {
  const { count, problems, canShare } = open('ENOSYS', '::1');
  assert.deepEqual([count, problems, canShare], [1, [], false]);
});
