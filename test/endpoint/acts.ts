// What the acts of a random stream are made of (command-stream.ts): commands, and before some of them a word on how their
// replies are to be compared.

import { createHash } from 'node:crypto';
import type { Random } from '../../src/base/random.ts';
import { ALIKE, AS_A_SET, WHATEVER } from './replies.ts';

export type Command = readonly string[];
/** A few commands that leave nothing open behind them; made anew each time. */
export type Act = () => string[][];

/** Bytes that only a server can make. */
export interface Payloads {
  readonly value: string;
  readonly functions: string;
}

export const asSet = (...command: string[]): string[][] => [['ECHO', AS_A_SET], command];
export const alike = (...command: string[]): string[][] => [['ECHO', ALIKE], command];
export const whatever = (...command: string[]): string[][] => [['ECHO', WHATEVER], command];
/** `GET a; SET b c`, for commands whose words have no spaces. */
export const lines = (text: string): string[][] => text.split(';').map((line) => line.trim().split(' '));

export const SCRIPT = "return {KEYS[1], ARGV[1], redis.call('exists', KEYS[1])}";
export const WRITING = "return redis.call('append', KEYS[1], ARGV[1])";
export const FAILING = "return redis.call('incr', KEYS[1])";
export const hash = (script: string): string => createHash('sha1').update(script).digest('hex');
export const LIBRARY = `#!lua name=lib
redis.register_function('both', function(keys, args) return {keys[1], args[1]} end)
redis.register_function('write', function(keys, args) return redis.call('append', keys[1], args[1]) end)
redis.register_function{function_name='look', callback=function(keys) return redis.call('exists', keys[1]) end, flags={'no-writes'}}`;
/** In the year 2100. */
export const LATER = '4102444800';

/** Values by chance, few of each kind, so that acts meet. */
export const keyOf = (random: Random): string => `key${random.int(5)}`;
export const valueOf = (random: Random): string => 'v'.repeat(random.int(200));
