// What a usable Redis or Valkey is made of, as files, and how to run them. A private copy brings its own libraries,
// so a program is never started by its path alone: the environment belongs to it.

import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';

/** Whose server it is. Both speak the same protocol; some packages have one, some the other. */
export type Flavor = 'redis' | 'valkey';

/** A server that can be started here. */
export interface ServerFiles {
  readonly flavor: Flavor;
  /** Absolute path of `redis-server` or `valkey-server`. With `--sentinel` the same program is a sentinel. */
  readonly server: string;
  /** Absolute path of `redis-cli` or `valkey-cli`; null if it came without. */
  readonly cli: string | null;
  /** Folders with the libraries of a private copy, for LD_LIBRARY_PATH; empty for an installed server. */
  readonly libraryFolders: readonly string[];
  /** Where it was found, for people. */
  readonly origin: 'REDIS_SERVER' | 'PATH' | 'private copy' | 'fetched';
}

/** Whether `path` is a file this process may execute. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The first `name` in the folders of `searchPath` (a PATH), or null. */
export function findOnPath(name: string, searchPath: string): string | null {
  for (const folder of searchPath.split(delimiter)) {
    const candidate = join(folder, name);
    if (folder.startsWith('/') && isExecutable(candidate)) return candidate;
  }
  return null;
}

/** The flavor by the program's name; whatever is not called valkey is taken for Redis. */
export function flavorOf(path: string): Flavor {
  return basename(path).startsWith('valkey') ? 'valkey' : 'redis';
}

/** The server unpacked under `root` as a package lays it out, or null if there is none. */
export function findUnpacked(root: string, flavor: Flavor): Omit<ServerFiles, 'origin'> | null {
  const server = join(root, 'usr/bin', `${flavor}-server`);
  if (!isExecutable(server)) return null;
  const cli = join(root, 'usr/bin', `${flavor}-cli`);
  return { flavor, server, cli: isExecutable(cli) ? cli : null, libraryFolders: libraryFoldersUnder(root) };
}

/** The environment to run any program of `files` in. */
export function environmentFor(files: ServerFiles, base: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  if (files.libraryFolders.length === 0) return base;
  const inherited = base['LD_LIBRARY_PATH'];
  const folders = inherited === undefined ? files.libraryFolders : [...files.libraryFolders, inherited];
  return { ...base, LD_LIBRARY_PATH: folders.join(delimiter) };
}

/** Folders under `root` that hold shared libraries; packages put them one level below `lib`, by architecture. */
function libraryFoldersUnder(root: string): string[] {
  const folders: string[] = [];
  for (const library of ['usr/lib', 'lib']) {
    const parent = join(root, library);
    for (const name of foldersIn(parent)) {
      const folder = join(parent, name);
      if (readdirSync(folder).some((file) => /\.so(\.|$)/.test(file))) folders.push(folder);
    }
  }
  return folders;
}

function foldersIn(parent: string): string[] {
  try {
    return readdirSync(parent, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}
