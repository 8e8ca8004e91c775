// Answers the machine's questions about the process and its files (sentinel/host.ts).

import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { machine, release, type } from 'node:os';
import { failure, success, type Result } from '../base/result.ts';
import type { Host, ProcessFacts } from '../sentinel/host.ts';
import { replaceFileSync } from '../store/replace-file.ts';
import { isExecutable } from './executable.ts';

/** No text file that the machine asks for is longer; a longer one was named by mistake. */
const TEXT_FILE_BYTES_MAX = 64 * 1024 * 1024;

const toPath = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');
const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const reasonOf = (error: unknown): string => toBytes(error instanceof Error ? error.message : String(error));

export class NodeHost implements Host {
  readonly #configFile: string;

  /** `configFile`: absolute, as Node names it (not a byte string). */
  constructor(configFile: string) {
    this.#configFile = configFile;
  }

  sha256(bytes: string): string {
    return createHash('sha256').update(bytes, 'latin1').digest('hex');
  }

  secretHex(count: number): string {
    return randomBytes(Math.ceil(count / 2))
      .toString('hex')
      .slice(0, count);
  }

  facts(): ProcessFacts {
    const cpu = process.resourceUsage();
    return {
      pid: process.pid,
      os: `${type()} ${release()} ${machine()}`,
      arch: process.arch.includes('64') ? '64' : '32',
      executable: toBytes(process.argv[1] ?? process.execPath),
      configFile: toBytes(this.#configFile),
      cpuUserSeconds: cpu.userCPUTime / 1e6,
      cpuSystemSeconds: cpu.systemCPUTime / 1e6,
      serverTimeMicros: Math.round((performance.timeOrigin + performance.now()) * 1000),
    };
  }

  isExecutable(path: string): boolean {
    return isExecutable(path);
  }

  readTextFile(path: string): Result<string, string> {
    try {
      const { size } = statSync(toPath(path));
      if (size > TEXT_FILE_BYTES_MAX)
        return failure(`${path} has ${size} bytes, too many for what it should be`);
      return success(readFileSync(toPath(path), 'latin1'));
    } catch (error) {
      return failure(reasonOf(error));
    }
  }

  writeTextFile(path: string, text: string): Result<null, string> {
    return replaceFileSync(toPath(path), text);
  }
}
