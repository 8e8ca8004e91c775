// CLIENT KILL: the old form with an address, and the form with filters (sentinel.md §1.6).

import { strictInteger } from '../../base/strict-integer.ts';
import { failure, success, type Result } from '../../base/result.ts';
import { error, integer, OK, type Reply } from '../../resp/reply.ts';
import type { Desk, OwnHandler } from './desk.ts';
import { errorLine, SYNTAX_ERROR } from './replies.ts';
import type { Session } from './session.ts';

type Filter = (session: Session, now: number) => boolean;

export const clientKill: OwnHandler = ({ session, args, now }, desk) => {
  if (args.length === 3) return killAddress(args[2] ?? '', desk);
  const filters = parseFilters(args.slice(2), session, desk);
  if (!filters.ok) return filters.problem;
  const chosen = [...desk.sessions.values()].filter((other) =>
    filters.value.every((filter) => filter(other, now)),
  );
  for (const other of chosen) desk.close(other);
  return integer(chosen.length);
};

/** May be the caller's own. */
function killAddress(address: string, desk: Desk): Reply {
  const session = [...desk.sessions.values()].find((other) => other.address === address);
  if (session === undefined) return error('ERR No such client');
  desk.close(session);
  return OK;
}

function parseFilters(words: readonly string[], caller: Session, desk: Desk): Result<Filter[], Reply> {
  const filters = new Map<string, Filter>();
  let skipsCaller = true;
  for (let at = 0; at < words.length; at += 2) {
    const name = (words[at] ?? '').toUpperCase();
    const value = words[at + 1];
    if (value === undefined) return failure(SYNTAX_ERROR);
    if (name === 'SKIPME') {
      if (!/^(?:yes|no)$/i.test(value)) return failure(SYNTAX_ERROR);
      skipsCaller = value.toLowerCase() === 'yes';
      continue;
    }
    const filter = parseFilter(name, value, desk);
    if (!filter.ok) return filter;
    filters.set(name, filter.value);
  }
  return success([...filters.values(), (session) => !skipsCaller || session !== caller]);
}

function parseFilter(name: string, value: string, desk: Desk): Result<Filter, Reply> {
  switch (name) {
    case 'ID': {
      const id = strictInteger(value);
      if (id === null || id < 1) return failure(error('ERR client-id should be greater than 0'));
      return success((session) => session.id === id);
    }
    case 'TYPE':
      return parseType(value);
    case 'ADDR':
      return success((session) => session.address === value);
    case 'LADDR':
      return success((session) => session.localAddress === value);
    case 'USER':
      if (desk.users.get(value) === undefined) return failure(errorLine(`ERR No such user '${value}'`));
      return success((session) => session.userName === value);
    case 'MAXAGE': {
      const seconds = strictInteger(value);
      if (seconds === null) return failure(error('ERR maxage is not an integer or out of range'));
      if (seconds < 1) return failure(error('ERR maxage should be greater than 0'));
      return success((session, now) => now - session.connectedAt >= seconds * 1000);
    }
    default:
      return failure(SYNTAX_ERROR);
  }
}

/** CLIENT LIST and KILL's TYPE. A sentinel has no masters or replicas among its clients. */
export function parseType(text: string): Result<Filter, Reply> {
  switch (text.toLowerCase()) {
    case 'normal':
      return success((session) => session.type === 'normal');
    case 'pubsub':
      return success((session) => session.type === 'pubsub');
    case 'master':
    case 'primary':
    case 'slave':
    case 'replica':
      return success(() => false);
    default:
      return failure(errorLine(`ERR Unknown client type '${text}'`));
  }
}
