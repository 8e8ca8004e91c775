// What reading keepalived.conf has to ask the machine about. The reader touches nothing itself.

import type { Random } from '../../base/random.ts';
import type { Report } from './problems.ts';
import type { ReadInclude } from './preprocess.ts';

/** A file or directory, or one on the way to it. */
export interface PathPart {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'other';
  readonly userId: number;
  readonly groupId: number;
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
}

export interface UserIds {
  readonly userId: number;
  /** The user's own group. */
  readonly groupId: number;
}

export interface KnownInterface {
  readonly name: string;
  /** In canonical text. */
  readonly addresses: readonly string[];
  readonly isLoopback: boolean;
}

export interface Surroundings {
  /** Absolute: what relative paths of scripts and of the file itself are relative to. */
  readonly workingDirectory: string;
  readonly readInclude: ReadInclude;
  /**
   * From `/` to `path`, every directory and last the file itself; where a symbolic link is on the way, both its own
   * place and its target's. null: it does not exist.
   */
  readonly pathParts: (path: string) => readonly PathPart[] | null;
  /** Where a program without a slash in its name is; null: nowhere in PATH. */
  readonly findProgram: (name: string) => string | null;
  readonly user: (name: string) => UserIds | null;
  /** The id of a group. */
  readonly group: (name: string) => number | null;
  readonly daemonUserId: number;
  readonly daemonUserName: string;
  /** Every network interface; null: not known, and not checked. */
  readonly interfaces: readonly KnownInterface[] | null;
  readonly hostName: string;
  /** null: not set. */
  readonly environment: (name: string) => string | null;
  readonly random: Random;
}

/** What every reader of a block needs. */
export interface Context {
  readonly report: Report;
  readonly surroundings: Surroundings;
}
