// What a client does with data: every command on keys, those that wait included.

import type { Random } from '../../src/base/random.ts';
import { type Act, LATER, type Payloads, alike, asSet, keyOf, lines, valueOf } from './acts.ts';

export function actsOnData(random: Random, payloads: Payloads): readonly Act[] {
  const key = (): string => keyOf(random);
  const value = (): string => valueOf(random);
  const wait = (): string => String(random.int(8) / 1_000 + 0.001);
  return [
    () => lines(`SET ${key()} 10; GET ${key()}; MGET ${key()} list nosuch; INCR counter`),
    () => [
      ['SET', key(), value()],
      ['GETRANGE', key(), '1', '3'],
      ['STRLEN', key()],
    ],
    () => lines(`SET n 5; DECR n; INCRBY n 7; DECRBY n 2; INCRBYFLOAT n 0.5; GETDEL n; GETSET ${key()} x`),
    () =>
      lines('SET s abcdef; SUBSTR s 1 2; SETRANGE s 2 XY; APPEND s z; GETEX s; LCS s s; SETNX s y; GET list'),
    () => lines(`SETEX e ${LATER} v; PSETEX e ${LATER} v; MSET a 1 b 2; MSETNX a 1 d 2; DEL a b d; UNLINK e`),
    () =>
      lines(
        'SETBIT bits 7 1; GETBIT bits 7; BITCOUNT bits; BITPOS bits 1; BITOP NOT nbits bits; BITFIELD bits GET u4 0; BITFIELD_RO bits GET u4 0',
      ),
    () => [
      ...lines(
        `SET k v; EXPIREAT k ${LATER}; EXPIRETIME k; PEXPIRETIME k; PERSIST k; PEXPIREAT k ${LATER}000`,
      ),
      ...alike('TTL', 'k'),
      ...alike('PTTL', 'k'),
      ...lines('EXPIRE k 1000; PEXPIRE k 100000; EXPIRE nosuch 1'),
    ],
    () =>
      lines(
        'SET k v; EXISTS k nosuch; TYPE k; TOUCH k; RENAME k k2; RENAMENX k2 k3; COPY k3 k4; MOVE k4 9; DEL k3; DBSIZE; RENAME nosuch x',
      ),
    () => [...asSet('KEYS', '*'), ...alike('RANDOMKEY'), ...asSet('SCAN', '0', 'COUNT', '1000')],
    () => [
      ['SET', 'd', 'v'],
      ['DUMP', 'd'],
      ['RESTORE', 'd', '0', payloads.value],
      ['RESTORE', 'd2', '0', payloads.value, 'REPLACE'],
      ['RESTORE-ASKING', 'd3', '0', payloads.value, 'REPLACE'],
      ['GET', 'd2'],
      ['DEL', 'd2', 'd3'],
    ],
    () => [
      ['LPUSH', 'list', value(), 'x'],
      ['RPUSH', 'list', value()],
      ['LTRIM', 'list', '0', '5'],
      ...lines(
        'LRANGE list 0 3; LLEN list; LINDEX list 0; LPOS list x; LSET list 0 y; LINSERT list BEFORE y z; LREM list 1 z',
      ),
    ],
    () =>
      lines(
        'LPUSHX nolist a; RPUSHX nolist a; LPUSH from 1 2 3; LMOVE from to LEFT RIGHT; RPOPLPUSH from to; LPOP to; RPOP to 2; LMPOP 1 from LEFT; DEL from to; LSET nolist 0 a',
      ),
    () => [
      ...lines(
        'RPUSH nums 3 1 2; SORT nums; SORT nums DESC STORE sorted; SORT_RO nums ALPHA; DEL nums sorted',
      ),
    ],
    () => [
      ['HSET', 'hash', key(), value(), 'n', '1'],
      ...lines(
        `HGET hash ${key()}; HMGET hash n nosuch; HLEN hash; HEXISTS hash n; HSTRLEN hash n; HINCRBY hash n 2; HINCRBYFLOAT hash n 1.5; HSETNX hash n 1; HMSET hash m 1; HDEL hash m`,
      ),
      ...asSet('HGETALL', 'hash'),
      ...asSet('HKEYS', 'hash'),
      ...asSet('HVALS', 'hash'),
      ...asSet('HSCAN', 'hash', '0'),
      ...asSet('HRANDFIELD', 'hash', '100'),
    ],
    () => [
      ...lines(
        'SADD set a b c; SADD set2 b c d; SCARD set; SISMEMBER set a; SMISMEMBER set a x; SMOVE set set2 a; SREM set2 d; SINTERCARD 2 set set2; SINTERSTORE set3 set set2; SUNIONSTORE set3 set set2; SDIFFSTORE set3 set set2',
      ),
      ...['SINTER', 'SUNION', 'SDIFF'].flatMap((name) => asSet(name, 'set', 'set2')),
      ...asSet('SMEMBERS', 'set'),
      ...asSet('SRANDMEMBER', 'set', '100'),
      ...asSet('SSCAN', 'set', '0'),
      ...asSet('SPOP', 'set', '100'),
      ['DEL', 'set', 'set2', 'set3'],
    ],
    () =>
      lines(
        `ZADD zset ${random.int(9)} ${key()} 3 m; ZADD zset2 1 m 2 n; ZCARD zset; ZCOUNT zset 0 5; ZSCORE zset m; ZMSCORE zset m x; ZRANK zset m; ZREVRANK zset m; ZINCRBY zset 2 m; ZRANGE zset 0 -1 WITHSCORES; ZREVRANGE zset 0 -1; ZRANGEBYSCORE zset 0 9; ZREVRANGEBYSCORE zset 9 0`,
      ),
    () =>
      lines(
        'ZADD lex 0 a 0 b 0 c; ZLEXCOUNT lex - +; ZRANGEBYLEX lex - [b; ZREVRANGEBYLEX lex + -; ZREMRANGEBYLEX lex [a [a; ZREMRANGEBYRANK lex 0 0; ZREMRANGEBYSCORE lex 0 0; ZREM lex a',
      ),
    () => [
      ...lines(
        'ZADD z1 1 a 2 b 3 c; ZADD z2 1 b 2 c; ZINTER 2 z1 z2; ZUNION 2 z1 z2; ZDIFF 2 z1 z2; ZINTERCARD 2 z1 z2; ZINTERSTORE z3 2 z1 z2; ZUNIONSTORE z3 2 z1 z2; ZDIFFSTORE z3 2 z1 z2; ZRANGESTORE z4 z1 0 1; ZPOPMIN z1; ZPOPMAX z1; ZMPOP 1 z2 MIN',
      ),
      ...asSet('ZSCAN', 'z1', '0'),
      ...asSet('ZRANDMEMBER', 'z1', '100'),
      ['DEL', 'z1', 'z2', 'z3', 'z4'],
    ],
    () =>
      lines(
        'PFADD hll a b; PFCOUNT hll; PFADD hll2 c; PFMERGE hll3 hll hll2; PFCOUNT hll3; PFDEBUG ENCODING hll; PFCOUNT list',
      ),
    () =>
      lines(
        'GEOADD geo 13.36 38.11 p 15.08 37.50 c; GEODIST geo p c km; GEOHASH geo p; GEOPOS geo p; GEOSEARCH geo FROMMEMBER p BYRADIUS 200 km ASC; GEOSEARCHSTORE geo2 geo FROMMEMBER p BYRADIUS 200 km; GEORADIUS geo 15 37 200 km ASC; GEORADIUSBYMEMBER geo p 200 km ASC; GEORADIUS_RO geo 15 37 200 km ASC; GEORADIUSBYMEMBER_RO geo p 200 km ASC',
      ),
    () => [
      ...lines(
        'DEL stream; XADD stream 1-1 f v; XADD stream 2-1 f v g w; XADD stream 1-1 f v; XLEN stream; XRANGE stream - +; XREVRANGE stream + - COUNT 1; XREAD COUNT 1 STREAMS stream 0; XDEL stream 1-1; XTRIM stream MAXLEN 5; XSETID stream 9-9',
      ),
      ...alike('XADD', 'other', '*', 'f', 'v'),
      ['DEL', 'other'],
    ],
    () => [
      ...lines(
        'DEL st; XADD st 1-1 f v; XGROUP CREATE st g 0; XGROUP CREATECONSUMER st g c; XGROUP SETID st g 0; XREADGROUP GROUP g c COUNT 1 STREAMS st >; XPENDING st g; XCLAIM st g d 0 1-1; XAUTOCLAIM st g c 0 0; XACK st g 1-1; XGROUP DELCONSUMER st g c; XINFO STREAM st; XINFO GROUPS st',
      ),
      ...alike('XINFO', 'CONSUMERS', 'st', 'g'),
      ...lines('XGROUP DESTROY st g; XREADGROUP GROUP g c STREAMS st >'),
    ],
    // Those that wait: for what is there, for what does not come, and inside a transaction.
    () => [
      ['LPUSH', 'pop', value(), 'y'],
      ...lines(
        'BLPOP pop 0; BRPOP pop 0; LPUSH pop a b; BLMOVE pop pop2 LEFT LEFT 0; BRPOPLPUSH pop pop2 0; BLMPOP 0 1 pop2 LEFT; BLMPOP 0 1 pop2 LEFT; ZADD zpop 1 a 2 b 3 c; BZPOPMIN zpop 0; BZPOPMAX zpop 0; BZMPOP 0 1 zpop MIN',
      ),
    ],
    () => [
      ['BLPOP', 'none', wait()],
      ['BRPOP', 'none', wait()],
      ['BLMOVE', 'none', 'none2', 'LEFT', 'LEFT', wait()],
      ['GET', key()],
    ],
    () => [
      ['BRPOPLPUSH', 'none', 'none2', wait()],
      ['BLMPOP', wait(), '1', 'none', 'LEFT'],
      ['BZPOPMIN', 'none', wait()],
    ],
    () => [
      ['BZPOPMAX', 'none', wait()],
      ['BZMPOP', wait(), '1', 'none', 'MIN'],
      ['BLPOP', 'none', '-1'],
      ['BLPOP', key(), 'x'],
    ],
    () =>
      lines(
        'XREAD BLOCK 3 STREAMS nostream $; XREAD BLOCK 3 COUNT 1 STREAMS stream 0; XGROUP CREATE st2 g $ MKSTREAM; XREADGROUP GROUP g c BLOCK 3 STREAMS st2 >; DEL st2',
      ),
    () => lines('MULTI; BLPOP none 0; XREAD BLOCK 0 STREAMS nostream $; EXEC; GET counter'),
  ];
}
