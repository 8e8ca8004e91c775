// redis-benchmark against one way of reaching Redis: requests a second and how long they took.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { environmentFor, type ServerFiles } from '../../src/redis/server-files.ts';
import type { Target } from '../../src/endpoint/route.ts';

/** It turns for ever when its connections are refused. */
const RUN_MS_MAX = 60_000;

export const COMMANDS = ['SET', 'GET'] as const;
export type Command = (typeof COMMANDS)[number];

export interface Case {
  readonly name: string;
  readonly title: string;
  readonly connections: number;
  readonly pipeline: number;
  /** Of each command: about half a second directly, on two quiet cores. */
  readonly requests: number;
}

export const CASES: readonly Case[] = [
  { name: 'c1', title: '1 connection', connections: 1, pipeline: 1, requests: 7_000 },
  { name: 'c50', title: '50 connections', connections: 50, pipeline: 1, requests: 40_000 },
  { name: 'c50p16', title: '50 connections, -P 16', connections: 50, pipeline: 16, requests: 400_000 },
  { name: 'c500', title: '500 connections', connections: 500, pipeline: 1, requests: 200_000 },
];

export interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export type Run = Readonly<Record<Command, Measured>>;

/** redis-benchmark of the same copy as the server; null: it came without. */
export function benchmarkFile(files: ServerFiles): string | null {
  const file = join(dirname(files.server), `${files.flavor}-benchmark`);
  return existsSync(file) ? file : null;
}

/** One run of SET and GET behind `wrapper`. */
export async function runLoad(options: {
  readonly files: ServerFiles;
  readonly program: string;
  readonly wrapper: readonly string[];
  readonly target: Target;
  readonly load: Case;
  /** Of the case's requests. */
  readonly share?: number;
}): Promise<Run> {
  const { files, program, wrapper, target, load, share = 1 } = options;
  const requests = Math.max(load.connections * load.pipeline, Math.round(load.requests * share));
  const count = [`-c ${load.connections}`, `-P ${load.pipeline}`, `-n ${requests}`];
  const words = `-h ${target.host} -p ${target.port} -t set,get --csv ${count.join(' ')}`.split(' ');
  const [command = '', ...args] = [...wrapper, program, ...words];
  const { stdout } = await promisify(execFile)(command, args, {
    env: environmentFor(files),
    timeout: RUN_MS_MAX,
    killSignal: 'SIGKILL',
  });
  return { SET: readLine(stdout, 'SET'), GET: readLine(stdout, 'GET') };
}

/** Columns: test, rps, then milliseconds: avg, min, p50, p95, p99, max. */
function readLine(csv: string, command: Command): Measured {
  const line = csv.split('\n').find((text) => text.startsWith(`"${command}"`));
  const columns = (line ?? '').split(',').map((cell) => Number(cell.replaceAll('"', '')));
  const [, perSecond, , , p50Ms, , p99Ms] = columns;
  if (perSecond === undefined || p50Ms === undefined || p99Ms === undefined)
    throw new Error(`redis-benchmark said nothing of ${command}: ${csv}`);
  return { perSecond, p50Ms, p99Ms };
}
