// The rest of CLIENT: lists of connections, and switches of the caller's own (sentinel.md §1.6).

import { strictInteger } from '../../base/strict-integer.ts';
import { error, integer, OK, type Reply } from '../../resp/reply.ts';
import { clientCaching, clientGetredir, clientTracking, clientTrackinginfo } from './client-tracking.ts';
import { clientGetname, clientSetinfo, clientSetname } from './client-name.ts';
import { clientKill, parseType } from './client-kill.ts';
import type { OwnHandler } from './desk.ts';
import { clientPause, clientUnpause } from './pause.ts';
import { NOT_AN_INTEGER, SYNTAX_ERROR } from './replies.ts';
import type { Session } from './session.ts';

const text = (value: string): Reply => ({ kind: 'verbatim', format: 'txt', value });

const lines = (sessions: Iterable<Session>, now: number): Reply =>
  text([...sessions].map((session) => `${session.describe(now)}\n`).join(''));

const list: OwnHandler = ({ args, now }, { sessions }) => {
  if (args.length === 2) return lines(sessions.values(), now);
  const [, , option = '', ...values] = args;
  const [value] = values;
  if (option.toUpperCase() === 'TYPE' && value !== undefined && values.length === 1) {
    const filter = parseType(value);
    return filter.ok
      ? lines(
          [...sessions.values()].filter((session) => filter.value(session, now)),
          now,
        )
      : filter.problem;
  }
  if (option.toUpperCase() !== 'ID' || value === undefined) return SYNTAX_ERROR;
  const chosen: Session[] = [];
  for (const word of values) {
    const id = strictInteger(word);
    if (id === null) return error('ERR Invalid client ID');
    const session = sessions.get(id);
    if (session !== undefined) chosen.push(session);
  }
  return lines(chosen, now);
};

const noEvict: OwnHandler = ({ session, args }) => {
  const verb = args[2]?.toUpperCase();
  if (verb !== 'ON' && verb !== 'OFF') return SYNTAX_ERROR;
  session.isEvictable = verb === 'OFF';
  return OK;
};

/** ON is answered; OFF and SKIP are not, and what follows them is not either. */
const reply: OwnHandler = ({ session, args }) => {
  switch (args[2]?.toUpperCase()) {
    case 'ON':
      if (session.replyMode === 'off') session.isSilent = false;
      session.replyMode = 'on';
      return OK;
    case 'OFF':
      session.replyMode = 'off';
      return 'none';
    case 'SKIP':
      if (session.replyMode === 'on') session.replyMode = 'skip';
      return 'none';
    default:
      return SYNTAX_ERROR;
  }
};

/** No command of a sentinel blocks, so there is never a client to wake. */
const unblock: OwnHandler = ({ args }) => {
  if (args.length > 4) return SYNTAX_ERROR;
  const reason = args[3]?.toUpperCase();
  if (reason !== undefined && reason !== 'TIMEOUT' && reason !== 'ERROR') {
    return error('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR');
  }
  return strictInteger(args[2] ?? '') === null ? NOT_AN_INTEGER : integer(0);
};

/** CLIENT's subcommands but for HELP. */
export const CLIENT_HANDLERS: Readonly<Record<string, OwnHandler>> = {
  'client|caching': clientCaching,
  'client|getname': clientGetname,
  'client|getredir': clientGetredir,
  'client|id': ({ session }) => integer(session.id),
  'client|info': ({ session, now }) => lines([session], now),
  'client|kill': clientKill,
  'client|list': list,
  'client|no-evict': noEvict,
  'client|pause': clientPause,
  'client|reply': reply,
  'client|setinfo': clientSetinfo,
  'client|setname': clientSetname,
  'client|tracking': clientTracking,
  'client|trackinginfo': clientTrackinginfo,
  'client|unblock': unblock,
  'client|unpause': clientUnpause,
};
