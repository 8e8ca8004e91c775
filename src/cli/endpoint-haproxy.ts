// A haproxy.cfg from the disk, for `baton endpoint FILE`.

import { readFileSync, statSync } from 'node:fs';
import { failure, success, type Result } from '../base/result.ts';
import type { HaproxyFile } from '../endpoint/conf/haproxy/haproxy-conf.ts';
import type { KernelPath } from '../endpoint/conf/haproxy/kernel-path.ts';
import { readHaproxy } from '../endpoint/conf/haproxy/read-haproxy.ts';

/** A configuration is text that people write. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;

const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const toText = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

export interface HaproxyOptions {
  /** What is not served is left out with a warning. */
  readonly isLenient: boolean;
  readonly environment: NodeJS.ProcessEnv;
  /** The path that is named for it, where it is one of the kernel; absent or null: it is none. */
  readonly kernelPath?: KernelPath | null;
}

/** Sentences begin with `path:line:column`. The configuration is of byte strings, what is said is text. */
export function readHaproxyFile(
  path: string,
  { isLenient, environment, kernelPath = null }: HaproxyOptions,
): Result<HaproxyFile, readonly string[]> {
  let text: string;
  try {
    const file = statSync(path);
    if (file.isDirectory()) return failure([`${path} is a folder: name the file`]);
    if (file.size > FILE_BYTES_MAX) return failure([`${path} is longer than 4 MiB: it is no configuration`]);
    text = readFileSync(path, 'latin1');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // A mistyped command is taken for a file.
    const hint = code === 'ENOENT' && !/[./]/.test(path) ? '; "baton endpoint --help" lists commands' : '';
    return failure([`${path} cannot be read: ${message}${hint}`]);
  }
  const variables = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value === undefined ? value : toBytes(value)]),
  );
  const read = readHaproxy(text, { path: toBytes(path), isLenient, environment: variables, kernelPath });
  if (!read.ok) return failure(read.problem.map(toText));
  return success({ ...read.value, warnings: read.value.warnings.map(toText) });
}
