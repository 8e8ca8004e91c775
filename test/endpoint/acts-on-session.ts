// What a client does with its session: transactions, scripts, subscriptions, who it is and how it is answered; and what
// asks nothing of the data.

import type { Random } from '../../src/base/random.ts';
import {
  type Act,
  FAILING,
  LIBRARY,
  type Payloads,
  SCRIPT,
  WRITING,
  alike,
  asSet,
  hash,
  keyOf,
  lines,
  valueOf,
  whatever,
} from './acts.ts';

export function actsOnSession(random: Random, payloads: Payloads): readonly Act[] {
  const key = (): string => keyOf(random);
  const value = (): string => valueOf(random);
  const db = (): string => String(random.int(4));
  return [
    // Transactions, whole, broken, and with errors inside.
    () => [['MULTI'], ['SET', key(), value()], ['GET', key()], ['NOSUCH'], ['EXEC'], ['GET', key()]],
    () => lines('MULTI; INCR counter; LLEN list; EXEC; EXEC; DISCARD'),
    () => lines(`MULTI; SET str x; LPUSH str y; INCR str; GET str; EXEC; GET str`),
    () => lines(`WATCH ${key()}; GET ${key()}; MULTI; SET ${key()} w; EXEC`),
    () => lines(`WATCH watched; SET watched 1; MULTI; GET watched; EXEC; GET watched`),
    () => lines(`WATCH ${key()}; UNWATCH; MULTI; MULTI; WATCH x; DISCARD; UNWATCH`),
    () => lines(`MULTI; SELECT ${db()}; SET inside 1; EXEC; GET inside`),
    () => lines(`MULTI; SELECT 99; SELECT ${db()}; INCR list; EXEC; GET inside; RESET`),
    () => [
      ['MULTI'],
      ['EVAL', SCRIPT, '1', key(), 'a'],
      ['EVALSHA', hash(SCRIPT), '1', key(), 'a'],
      ['EXEC'],
    ],
    () => lines('MULTI; SUBSCRIBE t; UNSUBSCRIBE t; EXEC; GET counter; RESET'),
    () => lines('MULTI; CLIENT SETNAME inside; CLIENT GETNAME; EXEC; CLIENT GETNAME; RESET'),
    () => lines('MULTI; GET counter; RESET; GET counter; EXEC'),
    // Scripts and functions.
    () => [
      ['SCRIPT', 'LOAD', SCRIPT],
      ['EVALSHA', hash(SCRIPT), '1', key(), value()],
      ['SCRIPT', 'EXISTS', hash(SCRIPT), hash('none')],
      ['EVALSHA_RO', hash(SCRIPT), '1', key(), 'a'],
      ['EVALSHA', hash('none'), '0'],
    ],
    () => [
      ['EVAL', WRITING, '1', 'scripted', 'x'],
      ['EVALSHA', hash(WRITING), '1', 'scripted', 'y'],
      ['EVAL_RO', WRITING, '1', 'scripted', 'z'],
      ['EVAL_RO', SCRIPT, '1', key(), 'a'],
      ['EVAL', FAILING, '1', 'list'],
      ['EVAL', 'syntax error', '0'],
    ],
    () => [
      ['SCRIPT', 'FLUSH'],
      ['EVALSHA', hash(SCRIPT), '1', key(), 'a'],
      ['SCRIPT', 'EXISTS', hash(SCRIPT)],
      ['EVAL', SCRIPT, '1', key(), 'a'],
      ['EVALSHA', hash(SCRIPT), '1', key(), 'a'],
    ],
    () => [...lines('SCRIPT KILL; FUNCTION KILL; SCRIPT NOSUCH'), ...whatever('SCRIPT', 'DEBUG', 'NO')],
    () => [
      ['FUNCTION', 'LOAD', 'REPLACE', LIBRARY],
      ['FUNCTION', 'LOAD', LIBRARY],
      ['FCALL', 'both', '1', key(), value()],
      ['FCALL', 'write', '1', 'scripted', 'f'],
      ['FCALL_RO', 'look', '1', key()],
      ['FCALL_RO', 'write', '1', 'scripted', 'f'],
      ...asSet('FUNCTION', 'LIST'),
      ...alike('FUNCTION', 'STATS'),
      ['FUNCTION', 'DUMP'],
    ],
    () => [
      ['FUNCTION', 'FLUSH'],
      ['FCALL', 'both', '0'],
      ['FUNCTION', 'RESTORE', payloads.functions],
      ['FCALL', 'both', '1', 'k', 'a'],
      ['FUNCTION', 'DELETE', 'lib'],
      ['FUNCTION', 'DELETE', 'lib'],
    ],
    // Publish and subscribe.
    () =>
      lines(
        `SUBSCRIBE a b; PSUBSCRIBE c*; PING; SSUBSCRIBE s t; UNSUBSCRIBE b a; SUNSUBSCRIBE s; PUNSUBSCRIBE c*; SUNSUBSCRIBE; GET ${key()}`,
      ),
    () =>
      lines('SUBSCRIBE a; UNSUBSCRIBE; PSUBSCRIBE a*; PUNSUBSCRIBE; SSUBSCRIBE a; SUNSUBSCRIBE; GET counter'),
    () =>
      lines(
        'UNSUBSCRIBE; PUNSUBSCRIBE x; SUNSUBSCRIBE y; SUBSCRIBE; PUBLISH nobody x; SPUBLISH nobody x; GET counter',
      ),
    () =>
      lines(
        'HELLO 3; SUBSCRIBE own; SSUBSCRIBE own; PSUBSCRIBE o*; PUBLISH own x; SPUBLISH own y; GET counter; UNSUBSCRIBE; PUNSUBSCRIBE; SUNSUBSCRIBE',
      ).flatMap((command) => (command[0] === 'HELLO' ? alike(...command) : [command])),
    () => lines('SUBSCRIBE a; GET counter; RESET; GET counter'),
    () => [
      ...lines('PUBSUB NUMPAT; PUBSUB NUMSUB a; PUBSUB SHARDNUMSUB a'),
      ...asSet('PUBSUB', 'CHANNELS'),
      ...asSet('PUBSUB', 'SHARDCHANNELS'),
    ],
    // Who it is.
    () => [['SELECT', db()], ['INCR', key()], ['SELECT', '99'], ['SELECT', 'x'], ['SELECT']],
    () => [...alike('HELLO', '3'), ['GET', key()], ['HGETALL', 'nosuch'], ['GET', 'nosuch']],
    () => [...alike('HELLO', '2'), ['GET', 'nosuch'], ['HELLO', '4'], ['HELLO', 'x']],
    () => [
      ...alike('HELLO', '3', 'AUTH', 'streamer', 'secret', 'SETNAME', 'named'),
      ...lines('CLIENT GETNAME; ACL WHOAMI; HELLO 3 NOSUCH'),
    ],
    () => lines('AUTH streamer secret; ACL WHOAMI; AUTH; AUTH a b c; AUTH default any; ACL WHOAMI'),
    () =>
      lines(
        `AUTH streamer secret; ACL SETUSER streamer -incr; INCR counter; GET ${key()}; ACL SETUSER streamer +incr; INCR counter; RESET`,
      ),
    () =>
      lines(
        `AUTH streamer secret; ACL SETUSER streamer resetkeys ~key*; GET counter; GET ${key()}; EVAL return(redis.call('get','counter')) 0; MULTI; GET counter; EXEC; ACL SETUSER streamer ~*; GET counter; RESET`,
      ),
    () =>
      lines(
        'CLIENT SETNAME it; CLIENT GETNAME; CLIENT SETNAME with\tspace; CLIENT SETNAME; CLIENT GETNAME x',
      ),
    () => [
      ['CLIENT', 'SETNAME', 'a b'],
      ...alike('CLIENT', 'ID'),
      ...alike('CLIENT', 'INFO'),
      ...alike('CLIENT', 'LIST'),
      ['RESET'],
    ],
    () => lines('RESET; CLIENT GETNAME; GET counter; ACL WHOAMI'),
    () =>
      lines(
        'CLIENT NO-EVICT ON; GET counter; CLIENT NO-EVICT OFF; CLIENT NO-EVICT x; CLIENT GETREDIR; CLIENT TRACKINGINFO; CLIENT NOSUCH',
      ),
    () =>
      lines(
        'CLIENT KILL ID 999999; CLIENT KILL 127.0.0.1:1; CLIENT UNBLOCK 999999; CLIENT PAUSE 1 WRITE; CLIENT UNPAUSE; CLIENT PAUSE x',
      ),
    () => [
      ['CLIENT', 'REPLY', 'ON'],
      ['CLIENT', 'REPLY', 'SKIP'],
      ['PING'],
      ['PING'],
      ['CLIENT', 'REPLY', 'OFF'],
      ['SET', key(), 'unheard'],
      ['NOSUCH'],
      ['CLIENT', 'REPLY', 'ON'],
      ['CLIENT', 'REPLY', 'x'],
      ['GET', key()],
      ['RESET'],
    ],
    () => [
      ...alike('HELLO', '3'),
      ...lines(
        'CLIENT TRACKING ON; GET tracked; SET tracked 1; GET tracked; CLIENT TRACKINGINFO; CLIENT CACHING YES; CLIENT TRACKING OFF; SET tracked 2',
      ),
    ],
    () => [
      ...alike('HELLO', '3'),
      ...lines(
        'CLIENT TRACKING ON OPTIN; CLIENT CACHING YES; GET tracked; GET counter; SET tracked 1; SET counter 1; CLIENT TRACKING OFF; CLIENT CACHING YES',
      ),
    ],
    () => [
      ...alike('HELLO', '2'),
      ...lines(
        'CLIENT TRACKING ON; CLIENT TRACKING ON REDIRECT 999999; CLIENT TRACKING x; CLIENT TRACKING OFF',
      ),
    ],
    () => lines('READONLY; READWRITE; ASKING; GET counter'),
    // Errors, long values, and what asks nothing of the data.
    () => [
      ['NOSUCH', 'x'],
      ['GET'],
      ['PING'],
      ['PING', value()],
      ['ECHO', value()],
      ['QUIT '],
      ['WAIT', '0', '0'],
      ['WAIT', '1', '2'],
    ],
    () => [
      ['SET', 'long', 'x'.repeat(random.int(300_000))],
      ['STRLEN', 'long'],
      ['GET', 'long'],
      ['DEL', 'long'],
    ],
    () => [
      ...lines(
        'OBJECT ENCODING list; OBJECT REFCOUNT list; OBJECT FREQ list; OBJECT ENCODING nosuch; OBJECT NOSUCH',
      ),
      ...alike('OBJECT', 'IDLETIME', 'list'),
      ...alike('MEMORY', 'USAGE', 'list'),
    ],
    () => [...alike('TIME'), ...alike('LASTSAVE'), ...alike('ROLE'), ...alike('INFO'), ...alike('LOLWUT')],
    () =>
      lines(
        'CONFIG SET maxmemory-samples 6; CONFIG GET maxmemory-samples; CONFIG SET nosuch 1; CONFIG GET nosuch; CONFIG SET maxmemory-samples x',
      ),
    () =>
      lines('COMMAND COUNT; COMMAND GETKEYS MGET a b; COMMAND GETKEYSANDFLAGS SET a b; COMMAND INFO nosuch'),
    () => lines('SET swapped 1; SWAPDB 0 1; GET swapped; SWAPDB 0 1; DEL swapped; SWAPDB 0 99'),
  ];
}
