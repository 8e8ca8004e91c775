import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { recognisePing, type RedisPing } from './redis-cli.ts';
import { commandWords } from './script-words.ts';

describe('a command line that pings a Redis', () => {
  const at = (host: string, port: number, needs: RedisPing['needs'] = null): RedisPing => ({
    host,
    port,
    needs,
  });
  const cases: readonly (readonly [command: string, ping: RedisPing | null])[] = [
    ['redis-cli ping', at('127.0.0.1', 6379)],
    ['/usr/bin/redis-cli -h 10.0.0.1 -p 6380 PING', at('10.0.0.1', 6380)],
    ['valkey-cli -h 10.0.0.1 ping', at('10.0.0.1', 6379)],
    ['redis-cli -s /run/redis.sock ping', at('/run/redis.sock', 0)],
    ['redis-cli -a secret ping', at('127.0.0.1', 6379, 'auth-file')],
    ['redis-cli --no-auth-warning --user u --pass p -p 7000 ping', at('127.0.0.1', 7000, 'auth-file')],
    ['redis-cli -u redis://u:p@10.0.0.1:6380 ping', at('10.0.0.1', 6380, 'auth-file')],
    ['redis-cli --tls ping', at('127.0.0.1', 6379, 'tls')],
    ['timeout 2 redis-cli -p 6380 ping', at('127.0.0.1', 6380)],
    ['/usr/bin/timeout -k 1 2s redis-cli ping', at('127.0.0.1', 6379)],
    ['sh -c "redis-cli -p 6380 ping | grep -q PONG"', at('127.0.0.1', 6380)],
    ['bash -c "REDISCLI_AUTH=x redis-cli ping"', at('127.0.0.1', 6379, 'auth-file')],
    ['redis-cli -p $PORT ping', null],
    ['redis-cli -p 70000 ping', null],
    ['redis-cli info', null],
    ['redis-cli get ping', null],
    ['redis-cli', null],
    ['/etc/keepalived/redis_check.sh 127.0.0.1 6379', null],
    ['killall -0 redis-server', null],
  ];
  for (const [command, ping] of cases) {
    it(`${command}: ${ping === null ? 'is none' : JSON.stringify(ping)}`, () => {
      assert.deepEqual(recognisePing(commandWords(command) ?? []), ping);
    });
  }
});
