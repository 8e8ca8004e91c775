import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { it } from 'node:test';
import { errnoName, osError } from './os-error.ts';

const { EPERM, EACCES, EADDRNOTAVAIL, EAGAIN, EEXIST } = constants.errno;

it('names the capability that is missing, and what gives it', () => {
  for (const errno of [EPERM, EACCES]) {
    const error = osError(errno, {
      syscall: 'socket',
      doing: 'open a raw socket',
      permission: 'CAP_NET_RAW',
    });
    assert.match(
      error.message,
      /^cannot open a raw socket: .* \(E\w+\); needs CAP_NET_RAW: run as root or add AmbientCapabilities=CAP_NET_RAW$/,
    );
    assert.deepEqual([error.name, error.syscall], ['OsError', 'socket']);
  }
});

it('takes a refusal to send an advert for one by the firewall', () => {
  const error = osError(EPERM, { syscall: 'sendto', doing: 'send an advert', permission: 'firewall' });
  assert.match(error.message, /firewall drops it/);
  const other = osError(EACCES, { syscall: 'sendto', doing: 'notify' });
  assert.equal(other.message, 'cannot notify: permission denied (EACCES)');
});

it("repeats the kernel's own words, and says what to look at", () => {
  assert.equal(
    osError(EEXIST, { syscall: 'netlink', doing: 'set it', detail: 'ipv4: Address already assigned' })
      .message,
    'cannot set it: file already exists (EEXIST), ipv4: Address already assigned',
  );
  assert.match(
    osError(EADDRNOTAVAIL, { syscall: 'bind', doing: 'bind' }).message,
    /not on this machine, or IPv6/,
  );
});

it('has a name for every number', () => {
  assert.equal(errnoName(EAGAIN), 'EAGAIN');
  assert.equal(errnoName(4095), 'E4095');
});
