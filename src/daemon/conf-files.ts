// The files that a configuration refers to, for its loader (sentinel/conf/load.ts): includes with wildcards, scripts,
// folders. Paths are byte strings on the loader's side and UTF-8 on the system's.

import { accessSync, constants, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { failure, success, type Result } from '../base/result.ts';
import { isExecutable } from './executable.ts';

const toPath = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');
const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

const MATCHES_MAX = 10_000;

/** A segment of a pattern as a regular expression; null if it has no wildcard. */
function wildcard(segment: string): RegExp | null {
  if (!/[*?[]/.test(segment)) return null;
  let source = '';
  for (let at = 0; at < segment.length; at += 1) {
    const character = segment[at] ?? '';
    const close = character === '[' ? segment.indexOf(']', at + 2) : -1;
    if (character === '*') source += '.*';
    else if (character === '?') source += '.';
    else if (close !== -1) {
      const set = segment.slice(at + 1, close).replaceAll(/[\\\]^]/g, '\\$&');
      source += `[${set.replace(/^(!|\\\^)/, '^')}]`;
      at = close;
    } else source += character.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  }
  // As for a shell: names that begin with a dot must be asked for.
  return new RegExp(`^${segment.startsWith('.') ? '' : '(?!\\.)'}${source}$`, 's');
}

/** The files that match the absolute `pattern`, sorted. Folders that cannot be read match nothing. */
export function expandPattern(pattern: string): string[] {
  let found = ['/'];
  for (const segment of pattern.split('/').filter((part) => part !== '')) {
    const expression = wildcard(segment);
    found = found.flatMap((folder) => {
      if (expression === null) return [join(folder, segment)];
      try {
        return readdirSync(folder)
          .filter((name) => expression.test(name))
          .map((name) => join(folder, name));
      } catch {
        return [];
      }
    });
    if (found.length > MATCHES_MAX) found.length = MATCHES_MAX;
  }
  return found.sort();
}

/** See `Surroundings` of the loader. */
export const confFiles = {
  readInclude(pattern: string): Result<readonly { readonly path: string; readonly text: string }[], string> {
    try {
      return success(
        expandPattern(toPath(pattern)).map((path) => ({
          path: toBytes(path),
          text: readFileSync(path, 'latin1'),
        })),
      );
    } catch (error) {
      return failure(toBytes(error instanceof Error ? error.message : String(error)));
    }
  },

  isExecutable,
  isDirectory(path: string): boolean {
    try {
      accessSync(toPath(path), constants.X_OK);
      return statSync(toPath(path)).isDirectory();
    } catch {
      return false;
    }
  },
};
