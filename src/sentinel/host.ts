// What the quorum machine may ask its host and have answered at once. These are facts about the process and its
// files, asked for rarely and only when somebody's command needs them; time and randomness are not among them.

import type { Result } from '../base/result.ts';

/** For INFO's Server, Clients and CPU sections. */
export interface ProcessFacts {
  readonly pid: number;
  /** e.g. `Linux 6.1.0 x86_64`. */
  readonly os: string;
  readonly arch: string;
  readonly executable: string;
  /** Absolute. */
  readonly configFile: string;
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
  /** Wall clock, microseconds. */
  readonly serverTimeMicros: number;
}

export interface Host {
  /** Lower-case hexadecimal SHA-256 of a byte string. */
  sha256(bytes: string): string;
  /** `count` hexadecimal digits that nobody can guess (ACL GENPASS). */
  secretHex(count: number): string;
  facts(): ProcessFacts;
  /** Whether a script path can be run by us; relative paths count from the working directory. */
  isExecutable(path: string): boolean;
  /** A whole small file as a byte string (ACL LOAD). The problem is a sentence. */
  readTextFile(path: string): Result<string, string>;
  /** Replaces a file durably (ACL SAVE). The problem is a sentence. */
  writeTextFile(path: string, text: string): Result<null, string>;
}
