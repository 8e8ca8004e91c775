// CLIENT TRACKING and what belongs to it. A sentinel has no keys and so never invalidates one; it keeps what clients
// ask for and answers as a server would, so that client-side caching libraries can connect (sentinel.md §1.6).

import { strictInteger } from '../../base/strict-integer.ts';
import { array, bulk, bulks, error, integer, OK, type Reply } from '../../resp/reply.ts';
import type { Desk, OwnHandler } from './desk.ts';
import { errorLine, NOT_AN_INTEGER, SYNTAX_ERROR } from './replies.ts';
import type { Tracking } from './session.ts';

const UNTRACKED: Tracking = {
  isBroadcast: false,
  isOptIn: false,
  isOptOut: false,
  isNoLoop: false,
  redirect: 0,
  prefixes: [],
  caching: null,
};

export const clientTracking: OwnHandler = ({ session, args }, desk) => {
  const wanted = parseOptions(args.slice(3), desk);
  if ('kind' in wanted) return wanted;
  const verb = args[2]?.toUpperCase();
  if (verb === 'OFF') {
    session.tracking = null;
    return OK;
  }
  if (verb !== 'ON') return SYNTAX_ERROR;
  const refusal = refusalOf(wanted, session.tracking);
  if (refusal !== null) return errorLine(`ERR ${refusal}`);
  const prefixes = [...new Set([...(session.tracking?.prefixes ?? []), ...wanted.prefixes])];
  session.tracking = { ...wanted, prefixes };
  return OK;
};

function parseOptions(options: readonly string[], desk: Desk): Tracking | Reply {
  let wanted = UNTRACKED;
  for (let at = 0; at < options.length; at += 1) {
    const value = options[at + 1];
    switch (options[at]?.toUpperCase()) {
      case 'REDIRECT': {
        if (value === undefined) return SYNTAX_ERROR;
        if (wanted.redirect !== 0) return error('ERR A client can only redirect to a single other client');
        const redirect = strictInteger(value);
        if (redirect === null) return NOT_AN_INTEGER;
        if (!desk.sessions.has(redirect))
          return error('ERR The client ID you want redirect to does not exist');
        wanted = { ...wanted, redirect };
        at += 1;
        break;
      }
      case 'PREFIX':
        if (value === undefined) return SYNTAX_ERROR;
        wanted = { ...wanted, prefixes: [...wanted.prefixes, value] };
        at += 1;
        break;
      case 'BCAST':
        wanted = { ...wanted, isBroadcast: true };
        break;
      case 'OPTIN':
        wanted = { ...wanted, isOptIn: true };
        break;
      case 'OPTOUT':
        wanted = { ...wanted, isOptOut: true };
        break;
      case 'NOLOOP':
        wanted = { ...wanted, isNoLoop: true };
        break;
      default:
        return SYNTAX_ERROR;
    }
  }
  return wanted;
}

/** Why these options do not go together, or not with those in force; null if they do. */
function refusalOf(wanted: Tracking, present: Tracking | null): string | null {
  if (!wanted.isBroadcast && wanted.prefixes.length > 0)
    return 'PREFIX option requires BCAST mode to be enabled';
  if (present !== null && present.isBroadcast !== wanted.isBroadcast) {
    return 'BCAST mode cannot be switched on or off while tracking is on; turn tracking off first';
  }
  if (wanted.isBroadcast && (wanted.isOptIn || wanted.isOptOut)) {
    return 'OPTIN and OPTOUT are not compatible with BCAST';
  }
  if (wanted.isOptIn && wanted.isOptOut) return 'OPTIN and OPTOUT exclude each other';
  if (present !== null && ((wanted.isOptIn && present.isOptOut) || (wanted.isOptOut && present.isOptIn))) {
    return 'OPTIN cannot become OPTOUT, nor the other way round, while tracking is on; turn tracking off first';
  }
  // Sorted, a prefix stands right before what it is a prefix of.
  const all = [...new Set([...(present?.prefixes ?? []), ...wanted.prefixes])].sort();
  const at = all.findIndex((prefix, index) => all[index + 1]?.startsWith(prefix) === true);
  if (at === -1) return null;
  return `Prefix '${all[at]}' overlaps with another provided prefix '${all[at + 1]}'`;
}

export const clientCaching: OwnHandler = ({ session, args }) => {
  const { tracking } = session;
  if (tracking === null || (!tracking.isOptIn && !tracking.isOptOut)) {
    return error('ERR CLIENT CACHING needs tracking to be on in OPTIN or OPTOUT mode');
  }
  switch (args[2]?.toUpperCase()) {
    case 'YES':
      if (!tracking.isOptIn) return error('ERR CLIENT CACHING YES is only for tracking in OPTIN mode');
      session.tracking = { ...tracking, caching: 'yes' };
      return OK;
    case 'NO':
      if (!tracking.isOptOut) return error('ERR CLIENT CACHING NO is only for tracking in OPTOUT mode');
      session.tracking = { ...tracking, caching: 'no' };
      return OK;
    default:
      return SYNTAX_ERROR;
  }
};

export const clientGetredir: OwnHandler = ({ session }) => integer(session.tracking?.redirect ?? -1);

export const clientTrackinginfo: OwnHandler = ({ session }, { sessions }) => {
  const { tracking } = session;
  const flags = [tracking === null ? 'off' : 'on'];
  if (tracking !== null) {
    if (tracking.isBroadcast) flags.push('bcast');
    if (tracking.isOptIn) flags.push('optin');
    if (tracking.isOptOut) flags.push('optout');
    if (tracking.caching !== null) flags.push(`caching-${tracking.caching}`);
    if (tracking.isNoLoop) flags.push('noloop');
    if (tracking.redirect !== 0 && !sessions.has(tracking.redirect)) flags.push('broken_redirect');
  }
  return {
    kind: 'map',
    entries: [
      [bulk('flags'), { kind: 'set', items: flags.map(bulk) }],
      [bulk('redirect'), integer(tracking?.redirect ?? -1)],
      [bulk('prefixes'), tracking === null ? array([]) : bulks(tracking.prefixes)],
    ],
  };
};
