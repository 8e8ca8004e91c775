// What each command means for a relay that lets many clients share one connection: whether it leaves anything behind
// on the connection, whether it may be sent again, whether it may take long. Facts are those of the commands' documented
// flags and of Redis's networking (proxy.md §5.4); what a newer server or a module adds is learned from its COMMAND.

/**
 * May a request be sent a second time? `read`: always, it changes nothing. `write`: only when the server said that it
 * did not do it. `once`: neither, and a replica does it too (PUBLISH, CONFIG SET).
 */
export type Effect = 'read' | 'write' | 'once';

/** How the relay treats a command. All but `plain` are looked at one by one. */
export type CommandKind =
  /** Leaves nothing behind. */
  | 'plain'
  /** May wait for others, or keep the server long: a connection of its own until it is answered. */
  | 'blocking'
  /** `blocking` if it says BLOCK. */
  | 'stream-read'
  | 'wait'
  /** Its cursor means something to one server only. */
  | 'scan'
  /** By its second word: SCRIPT, FUNCTION. */
  | 'script'
  /** A server may not know the script, or fail inside it. */
  | 'script-call'
  | 'client'
  | 'auth'
  | 'hello'
  | 'select'
  | 'reset'
  | 'quit'
  | 'multi'
  | 'exec'
  | 'discard'
  | 'watch'
  | 'unwatch'
  | 'subscribe'
  | 'unsubscribe'
  | 'monitor'
  /** Leaves flags behind that are never taken back: a connection of its own for good. */
  | 'sticky'
  /** Not through an endpoint that has to stay where it is. */
  | 'refused'
  /** What Redis takes for a browser that was lured here; it closes at once. */
  | 'hostile'
  | 'unknown';

export interface Command {
  /** Upper case. */
  readonly name: string;
  readonly kind: CommandKind;
  readonly effect: Effect;
}

export const UNKNOWN: Command = { name: '', kind: 'unknown', effect: 'write' };

const READS = `
  GET MGET GETRANGE SUBSTR STRLEN GETBIT BITCOUNT BITPOS BITFIELD_RO LCS
  EXISTS TYPE TTL PTTL EXPIRETIME PEXPIRETIME KEYS RANDOMKEY DBSIZE DUMP TOUCH OBJECT
  HGET HMGET HGETALL HKEYS HVALS HLEN HEXISTS HSTRLEN HRANDFIELD HTTL HPTTL HEXPIRETIME HPEXPIRETIME
  LLEN LINDEX LRANGE LPOS SCARD SISMEMBER SMISMEMBER SMEMBERS SRANDMEMBER SINTER SINTERCARD SUNION SDIFF
  ZCARD ZCOUNT ZLEXCOUNT ZSCORE ZMSCORE ZRANK ZREVRANK ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE
  ZRANGEBYLEX ZREVRANGEBYLEX ZRANDMEMBER ZINTER ZINTERCARD ZUNION ZDIFF
  XLEN XRANGE XREVRANGE XPENDING XINFO PFCOUNT SORT_RO
  GEOPOS GEODIST GEOHASH GEOSEARCH GEORADIUS_RO GEORADIUSBYMEMBER_RO
  PUBSUB PING ECHO TIME LASTSAVE INFO COMMAND ROLE LOLWUT MEMORY`;

const WRITES = `
  SET SETNX SETEX PSETEX MSET MSETNX MSETEX GETSET GETDEL GETEX APPEND SETRANGE SETBIT BITOP BITFIELD
  INCR DECR INCRBY DECRBY INCRBYFLOAT DEL UNLINK DELIFEQ EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST RENAME RENAMENX
  COPY MOVE RESTORE RESTORE-ASKING SORT SWAPDB FLUSHDB FLUSHALL
  HSET HSETNX HMSET HDEL HINCRBY HINCRBYFLOAT HEXPIRE HPEXPIRE HEXPIREAT HPEXPIREAT HPERSIST HGETDEL HGETEX HSETEX
  LPUSH RPUSH LPUSHX RPUSHX LPOP RPOP LMPOP LSET LREM LTRIM LINSERT LMOVE RPOPLPUSH
  SADD SREM SPOP SMOVE SINTERSTORE SUNIONSTORE SDIFFSTORE
  ZADD ZINCRBY ZREM ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX ZPOPMIN ZPOPMAX ZMPOP
  ZRANGESTORE ZINTERSTORE ZUNIONSTORE ZDIFFSTORE
  XADD XDEL XDELEX XTRIM XACK XACKDEL XCLAIM XAUTOCLAIM XGROUP XSETID
  PFADD PFMERGE PFDEBUG GEOADD GEOSEARCHSTORE GEORADIUS GEORADIUSBYMEMBER`;

const ONCE = `
  PUBLISH SPUBLISH CONFIG ACL SLOWLOG LATENCY COMMANDLOG BGSAVE BGREWRITEAOF SAVE MODULE CLUSTER PFSELFTEST`;

const KINDS: readonly (readonly [CommandKind, Effect, string])[] = [
  ['plain', 'read', READS],
  ['plain', 'write', WRITES],
  ['plain', 'once', ONCE],
  ['blocking', 'write', 'BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP MIGRATE'],
  ['stream-read', 'read', 'XREAD'],
  ['stream-read', 'write', 'XREADGROUP'],
  ['wait', 'read', 'WAIT WAITAOF'],
  ['scan', 'read', 'SCAN HSCAN SSCAN ZSCAN'],
  // SCRIPT may be said twice, and a replica takes it, too.
  ['script', 'read', 'SCRIPT'],
  ['script', 'write', 'FUNCTION'],
  ['script-call', 'read', 'EVAL_RO EVALSHA_RO FCALL_RO'],
  ['script-call', 'write', 'EVAL EVALSHA FCALL'],
  ['client', 'once', 'CLIENT'],
  ['auth', 'read', 'AUTH'],
  ['hello', 'read', 'HELLO'],
  ['select', 'read', 'SELECT'],
  ['reset', 'read', 'RESET'],
  ['quit', 'read', 'QUIT'],
  ['multi', 'write', 'MULTI'],
  ['exec', 'write', 'EXEC'],
  ['discard', 'write', 'DISCARD'],
  ['watch', 'read', 'WATCH'],
  ['unwatch', 'read', 'UNWATCH'],
  ['subscribe', 'read', 'SUBSCRIBE PSUBSCRIBE SSUBSCRIBE'],
  ['unsubscribe', 'read', 'UNSUBSCRIBE PUNSUBSCRIBE SUNSUBSCRIBE'],
  ['monitor', 'read', 'MONITOR'],
  ['sticky', 'read', 'READONLY READWRITE ASKING'],
  ['refused', 'write', 'REPLICAOF SLAVEOF FAILOVER SHUTDOWN PSYNC SYNC REPLCONF DEBUG'],
  ['hostile', 'write', 'POST HOST:'],
];

/** ASCII letters to upper case, all else as it is. */
const UPPER = new Uint8Array(256);
for (let code = 0; code < 256; code++) UPPER[code] = code >= 97 && code <= 122 ? code - 32 : code;

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** What a server's COMMAND says of one command. */
export interface ServerCommand {
  readonly name: string;
  readonly flags: readonly string[];
}

/** Commands by name. */
export class CommandTable {
  readonly #byHash = new Map<number, Command>();

  constructor() {
    for (const [kind, effect, names] of KINDS) {
      for (const name of words(names)) this.#add({ name, kind, effect });
    }
  }

  /** The command whose name lies from `start` to `end`, in any case; {@link UNKNOWN} for all that are not known. */
  find(bytes: Uint8Array, start: number, end: number): Command {
    let hash = end - start;
    for (let at = start; at < end; at++)
      hash = (Math.imul(hash, 31) + (UPPER[bytes[at] as number] as number)) | 0;
    const command = this.#byHash.get(hash);
    if (command === undefined || command.name.length !== end - start) return UNKNOWN;
    const { name } = command;
    for (let at = 0; at < name.length; at++) {
      if (UPPER[bytes[start + at] as number] !== name.charCodeAt(at)) return UNKNOWN;
    }
    return command;
  }

  /** The same for a name that is text. */
  findText(name: string): Command {
    const upper = name.toUpperCase();
    const command = this.#byHash.get(hashOf(upper));
    return command?.name === upper ? command : UNKNOWN;
  }

  /**
   * Learns the commands of a server that are not in the table: modules', newer ones. One that may block, that scripts
   * may not call (those speak to the connection), or that is a part of publish and subscribe stays unknown.
   */
  learn(commands: readonly ServerCommand[]): void {
    for (const { name, flags } of commands) {
      const upper = name.toUpperCase();
      const has = (flag: string): boolean => flags.includes(flag);
      if (has('blocking') || has('noscript') || has('pubsub') || has('admin')) continue;
      if (this.#byHash.has(hashOf(upper))) continue;
      this.#add({ name: upper, kind: 'plain', effect: has('readonly') && !has('write') ? 'read' : 'write' });
    }
  }

  /** Two names with one hash would hide one another; the later is left out, and is unknown. */
  #add(command: Command): void {
    const hash = hashOf(command.name);
    if (!this.#byHash.has(hash)) this.#byHash.set(hash, command);
  }
}

function hashOf(name: string): number {
  let hash = name.length;
  for (let at = 0; at < name.length; at++) hash = (Math.imul(hash, 31) + name.charCodeAt(at)) | 0;
  return hash;
}

/** The names the table is built from: a test holds that no two of them share a hash. */
export const BUILT_IN_NAMES: readonly string[] = KINDS.flatMap(([, , names]) => words(names));
