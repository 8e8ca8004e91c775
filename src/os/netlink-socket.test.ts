import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { it } from 'node:test';
import { NETLINK_NETFILTER, NETLINK_ROUTE, NETLINK_SOCK_DIAG, explainNetlink } from './netlink-socket.ts';
import { osError } from './os-error.ts';

it('says who refuses netlink, and what to do', () => {
  const said = (name: 'EPROTONOSUPPORT' | 'EAFNOSUPPORT' | 'EMFILE', protocol: number): string => {
    const error = osError(constants.errno[name], { syscall: 'socket', doing: 'open netlink' });
    return (explainNetlink(error, protocol) as Error).message;
  };
  const lacks =
    'cannot open netlink: protocol not supported (EPROTONOSUPPORT); this kernel lacks this part of it';
  assert.equal(said('EPROTONOSUPPORT', NETLINK_ROUTE), lacks);
  assert.match(
    said('EPROTONOSUPPORT', NETLINK_SOCK_DIAG),
    /modprobe inet_diag on the host, or use --path relay$/,
  );
  assert.match(
    said('EPROTONOSUPPORT', NETLINK_NETFILTER),
    /modprobe nf_tables on the host, or use --path relay$/,
  );
  assert.match(said('EAFNOSUPPORT', NETLINK_ROUTE), /\(EAFNOSUPPORT\); a sandbox .*RestrictAddressFamilies=/);
  assert.match(said('EMFILE', NETLINK_ROUTE), /LimitNOFILE/);
});
