// Who a client is and what it speaks: HELLO and AUTH (sentinel.md §1.2).

import { strictInteger } from '../../base/strict-integer.ts';
import { array, bulk, error, integer, OK, type Protocol, type Reply } from '../../resp/reply.ts';
import { canLogIn } from './acl-users.ts';
import { isClientText, NAME_ERROR } from './client-name.ts';
import type { Call } from './command.ts';
import type { Desk, OwnHandler } from './desk.ts';
import { errorLine, SYNTAX_ERROR, WRONG_PASS } from './replies.ts';

/** What Valkey says it is when asked to pass for Redis (sentinel.md §10.1). */
const COMPATIBLE_VERSION = '7.2.4';

export const auth: OwnHandler = (call, desk) => {
  const { args } = call;
  if (args.length > 3) return SYNTAX_ERROR;
  const [, first = '', second] = args;
  if (second === undefined && desk.users.default.isNoPass) {
    // Clients take this text (the words after <password>) for a warning rather than a failure.
    return error(
      'ERR AUTH <password> called without any password configured for the default user. ' +
        'Either drop the password from the client or set one here.',
    );
  }
  const [name, password] = second === undefined ? ['default', first] : [first, second];
  return logIn(call, desk, name, password) ? OK : WRONG_PASS;
};

/** Makes the session that user's. A failure is kept for ACL LOG, without the password. */
function logIn({ session, args, now }: Call, desk: Desk, name: string, password: string): boolean {
  if (!canLogIn(desk.users, name, password, desk.host)) {
    desk.noteRefusal(session, { reason: 'auth', object: args[0] ?? '', userName: name }, now);
    return false;
  }
  session.userName = name;
  session.isAuthenticated = true;
  return true;
}

/** What a HELLO asks for, in the order given. */
interface HelloRequest {
  readonly protocol: Protocol | null;
  readonly credentials: readonly [name: string, password: string] | null;
  readonly clientName: string | null;
}

export const hello: OwnHandler = (call, desk) => {
  const { session } = call;
  const request = parseHello(call.args);
  if ('kind' in request) return request;
  if (request.credentials !== null && !logIn(call, desk, ...request.credentials)) return WRONG_PASS;
  if (!desk.isAuthenticated(session)) {
    return error(
      'NOAUTH HELLO needs a client that is authenticated; HELLO <protocol> AUTH <user> <password> does both at once',
    );
  }
  if (request.clientName !== null) session.name = request.clientName;
  session.protocol = request.protocol ?? session.protocol;
  const isValkey = desk.product.flavour === 'valkey' && !desk.conf.extendedRedisCompatibility;
  const hidesValkey = desk.product.flavour === 'valkey' && !isValkey;
  // No `role` here: a sentinel's HELLO has six entries.
  return {
    kind: 'map',
    entries: [
      [bulk('server'), bulk(isValkey ? 'valkey' : 'redis')],
      [bulk('version'), bulk(hidesValkey ? COMPATIBLE_VERSION : desk.product.version)],
      [bulk('proto'), integer(session.protocol)],
      [bulk('id'), integer(session.id)],
      [bulk('mode'), bulk('sentinel')],
      [bulk('modules'), array([])],
    ],
  };
};

/** The whole request is looked at before any of it takes effect. */
function parseHello(args: readonly string[]): HelloRequest | Reply {
  let protocol: Protocol | null = null;
  if (args.length > 1) {
    const version = strictInteger(args[1] ?? '');
    if (version === null) return error('ERR Protocol version is not an integer or out of range');
    if (version !== 2 && version !== 3) return error('NOPROTO unsupported protocol version');
    protocol = version;
  }
  let credentials: HelloRequest['credentials'] = null;
  let clientName: string | null = null;
  for (let at = 2; at < args.length;) {
    const [option = '', first, second] = args.slice(at);
    if (option.toUpperCase() === 'AUTH' && first !== undefined && second !== undefined) {
      credentials = [first, second];
      at += 3;
    } else if (option.toUpperCase() === 'SETNAME' && first !== undefined) {
      if (!isClientText(first)) return NAME_ERROR;
      clientName = first;
      at += 2;
    } else {
      return errorLine(`ERR Syntax error in HELLO option '${option}'`);
    }
  }
  return { protocol, credentials, clientName };
}
