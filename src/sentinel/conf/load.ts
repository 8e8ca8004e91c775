// Reads sentinel.conf (sentinel.md §2.2 to §2.4): text in, a SentinelConf or everything that is wrong with it out.
// Files, globs and permissions are outside and asked for through `Surroundings`.

import { failure, type Result, success } from '../../base/result.ts';
import { splitArguments } from '../../base/split-arguments.ts';
import type { SentinelConf } from './conf.ts';
import { type ServerDraft, serverDraft, word } from './directive-kinds.ts';
import { generalDirective } from './general.ts';
import { ignoredDirective } from './ignored.ts';
import { type ConfProblem, type Fault, maskSecrets, show, showName, wordStarts } from './problems.ts';
import {
  canonicalLine,
  finishSentinel,
  type Pass,
  SENTINEL_LINES,
  type SentinelDraft,
  sentinelDraft,
  valueCounts,
} from './sentinel-lines.ts';

export interface ConfFile {
  /** As problems shall name it. */
  readonly path: string;
  readonly text: string;
}

/** The file and what the command line adds to it. */
export interface ConfSource extends ConfFile {
  /** What standard input had, if the command line asked for it. */
  readonly standardInput?: string;
  /** From `argumentsToLines`. */
  readonly extraLines: readonly string[];
}

/** What a file can refer to. All paths are absolute. */
export interface Surroundings {
  /** The working directory at start. */
  readonly workingDirectory: string;
  /**
   * The files that match `pattern`, sorted; `*`, `?` and `[` are wildcards, and only a pattern with one may match
   * nothing. The problem is a sentence.
   */
  readonly readInclude: (pattern: string) => Result<readonly ConfFile[], string>;
  readonly isExecutable: (path: string) => boolean;
  /** Whether `path` is a directory that can be worked in. */
  readonly isDirectory: (path: string) => boolean;
}

export interface LoadedConf {
  readonly conf: SentinelConf;
  /** What included files say, as the rewriter would say it: it is not repeated in the file. */
  readonly included: ReadonlySet<string>;
}

/** Of the file with everything it includes. Bytes. */
export const CONF_SIZE_MAX = 16 * 1024 * 1024;
const INCLUDE_DEPTH_MAX = 16;
const INCLUDED_FILES_MAX = 1000;
const PROBLEMS_MAX = 100;
const SHOWN_LINE_MAX = 500;

/** The commands a sentinel has, which `rename-command` can rename (sentinel.md §1.2). */
const COMMANDS: readonly string[] =
  'acl auth client command hello info ping psubscribe publish punsubscribe role sentinel shutdown subscribe unsubscribe'.split(
    ' ',
  );

/** Reads a whole configuration. All problems come back at once, in the order of the lines. */
export function loadConf(
  source: ConfSource,
  surroundings: Surroundings,
): Result<LoadedConf, readonly ConfProblem[]> {
  return new Loader(surroundings).load(source);
}

/** One line with words in it. */
interface Line {
  readonly path: string;
  /** From 1. */
  readonly number: number;
  /** As it stands, with its indent. */
  readonly raw: string;
  readonly words: readonly string[];
  readonly origin: 'file' | 'include';
  /** Counts all lines in reading order. */
  readonly order: number;
}

class Loader {
  readonly #surroundings: Surroundings;
  readonly #problems: { readonly order: number; readonly problem: ConfProblem }[] = [];
  readonly #server: ServerDraft;
  readonly #sentinel: SentinelDraft = sentinelDraft();
  readonly #sentinelLines: Line[] = [];
  /** By user name. */
  readonly #users = new Map<string, { readonly rules: string; readonly line: Line }>();
  #aclFileLine: Line | null = null;
  /** What each of our commands is called now: current name to first name. */
  readonly #commands = new Map(COMMANDS.map((name) => [name, name]));
  readonly #included = new Set<string>();
  #bytes = 0;
  #files = 0;
  #lines = 0;
  #problemCount = 0;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.#server = serverDraft(surroundings.workingDirectory);
  }

  load(source: ConfSource): Result<LoadedConf, readonly ConfProblem[]> {
    this.#readText(source, 'file', 0);
    if (source.standardInput !== undefined) {
      this.#readText({ path: 'standard input', text: source.standardInput }, 'file', 0);
    }
    this.#readText({ path: 'command line', text: source.extraLines.join('\n') }, 'file', 0);
    this.#applySentinelLines();
    this.#checkUsers();
    if (this.#problems.length > 0) return failure(this.#sortedProblems(source.path));
    const server = {
      ...this.#server,
      users: [...this.#users.values()].map((user) => user.rules),
      renamedCommands: this.#renamedCommands(),
    };
    return success({ conf: { ...finishSentinel(this.#sentinel), server }, included: this.#included });
  }

  #readText(file: ConfFile, origin: Line['origin'], depth: number): void {
    this.#bytes += file.text.length;
    if (this.#bytes > CONF_SIZE_MAX) {
      this.#addProblem(this.#lines, {
        code: 'too-large',
        sentence: `the configuration is larger than ${CONF_SIZE_MAX} bytes`,
        ...placeOf(file.path),
      });
      return;
    }
    for (const [index, raw] of file.text.split('\n').entries()) {
      this.#lines += 1;
      const trimmed = trim(raw);
      if (trimmed === '' || trimmed.startsWith('#')) continue;
      const words = splitArguments(trimmed);
      const line = {
        path: file.path,
        number: index + 1,
        raw,
        words: words ?? [],
        origin,
        order: this.#lines,
      };
      if (words === null) {
        this.#report(line, {
          code: 'bad-quotes',
          word: 0,
          sentence: 'a quote is not closed, or is followed by neither a blank nor the end of the line',
        });
      } else if (words.length > 0) {
        const fault = this.#readLine(line, words as [string, ...string[]], depth);
        if (fault !== null) this.#report(line, fault);
      }
    }
  }

  #readLine(line: Line, [first, ...values]: readonly [string, ...string[]], depth: number): Fault | null {
    const name = first.toLowerCase();
    // A lone `sentinel` says nothing that we don't know.
    if (name === 'sentinel') {
      if (values.length > 0) this.#sentinelLines.push(line);
      return null;
    }
    if (name === 'include') return this.#readInclude(values, depth);
    if (line.origin === 'include') this.#included.add([name, ...values.map(word)].join(' '));
    const general = generalDirective(name);
    if (general !== null) {
      if (name === 'aclfile') this.#aclFileLine = line;
      if (!general.takesMany && values.length !== 1) return wrongCount(name, 'one value', values.length);
      return general.read(this.#server, spread(general.takesMany, values) ?? []);
    }
    if (name === 'dir') return this.#changeDirectory(values);
    if (name === 'user') return this.#addUser(line, values);
    if (name === 'rename-command') return this.#renameCommand(values);
    if (name === 'loadmodule') return values.length > 0 ? null : wrongCount(name, 'the path of a module', 0);
    const ignored = ignoredDirective(name);
    if (ignored !== null) {
      return ignored === 'many' || values.length === 1 ? null : wrongCount(name, 'one value', values.length);
    }
    if (name.includes('.')) return values.length > 0 ? null : wrongCount(name, 'a value', 0);
    return { code: 'unknown-directive', word: 0, sentence: `unknown directive ${showName(first)}` };
  }

  #readInclude(values: readonly string[], depth: number): Fault | null {
    const pattern = values[0];
    if (pattern === undefined || values.length > 1) return wrongCount('include', 'one path', values.length);
    if (depth === INCLUDE_DEPTH_MAX) {
      return {
        code: 'bad-include',
        word: 1,
        sentence: `files include one another more than ${INCLUDE_DEPTH_MAX} deep`,
      };
    }
    const found = this.#surroundings.readInclude(absolute(this.#server.dir, pattern));
    if (!found.ok)
      return { code: 'bad-include', word: 1, sentence: `cannot include ${show(pattern)}: ${found.problem}` };
    for (const file of found.value) {
      this.#files += 1;
      if (this.#files > INCLUDED_FILES_MAX) {
        return {
          code: 'bad-include',
          word: 1,
          sentence: `more than ${INCLUDED_FILES_MAX} files are included`,
        };
      }
      if (this.#bytes > CONF_SIZE_MAX) return null;
      this.#readText(file, 'include', depth + 1);
    }
    return null;
  }

  #changeDirectory(values: readonly string[]): Fault | null {
    const path = values[0];
    if (path === undefined || values.length > 1) return wrongCount('dir', 'one path', values.length);
    const target = absolute(this.#server.dir, path);
    if (!this.#surroundings.isDirectory(target)) {
      return { code: 'bad-dir', word: 1, sentence: `${show(path)} is not a directory that can be entered` };
    }
    this.#server.dir = target;
    return null;
  }

  #addUser(line: Line, values: readonly string[]): Fault | null {
    const [name, ...rules] = values;
    if (name === undefined) return wrongCount('user', 'a name and rules', 0);
    const known = this.#users.get(name);
    if (known !== undefined && known.line.origin === line.origin) {
      return { code: 'duplicate-user', word: 1, sentence: `user ${show(name)} is defined twice` };
    }
    // As with masters, the file's own line counts before an included one (sentinel-lines.ts).
    if (known === undefined || line.origin === 'file') {
      this.#users.set(name, { rules: [name, ...rules].map(word).join(' '), line });
    }
    return null;
  }

  #renameCommand(values: readonly string[]): Fault | null {
    const [from, to] = values;
    if (from === undefined || to === undefined || values.length > 2) {
      return wrongCount('rename-command', 'a command and its new name', values.length);
    }
    const command = this.#commands.get(from.toLowerCase());
    if (command === undefined) {
      return {
        code: 'unknown-command',
        word: 1,
        sentence: `a sentinel has no command ${show(from)} to rename`,
      };
    }
    this.#commands.delete(from.toLowerCase());
    if (to === '') return null;
    if (this.#commands.has(to.toLowerCase())) {
      return { code: 'duplicate-command', word: 2, sentence: `there is already a command ${show(to)}` };
    }
    this.#commands.set(to.toLowerCase(), command);
    return null;
  }

  #renamedCommands(): ReadonlyMap<string, string> {
    const renamed = new Map(COMMANDS.map((name) => [name, '']));
    for (const [now, first] of this.#commands) renamed.set(first, now);
    for (const [first, now] of renamed) if (first === now) renamed.delete(first);
    return renamed;
  }

  #applySentinelLines(): void {
    const passes: Readonly<Record<Pass, Line[]>> = { global: [], monitor: [], detail: [] };
    for (const line of this.#sentinelLines) {
      const option = (line.words[1] as string).toLowerCase();
      const kind = SENTINEL_LINES.get(option);
      if (kind === undefined) {
        this.#report(line, {
          code: 'unknown-directive',
          word: 1,
          sentence: `unknown directive ${showName(option)} after "sentinel"`,
        });
        continue;
      }
      const count = line.words.length - 2;
      const { least, most } = valueCounts(kind.usage);
      if (count >= least && count <= most) passes[kind.pass].push(line);
      else {
        if (kind.pass === 'monitor') this.#sentinel.refusedNames.add(line.words[2] ?? '');
        this.#report(line, wrongCount(`sentinel ${option}`, kind.usage, count, 1));
      }
    }
    for (const line of [...passes.global, ...passes.monitor, ...passes.detail]) {
      const [, option = '', ...values] = line.words;
      const fault = SENTINEL_LINES.get(option.toLowerCase())?.apply(this.#sentinel, values, {
        origin: line.origin,
        isExecutable: (path) => this.#surroundings.isExecutable(absolute(this.#server.dir, path)),
      });
      if (fault) this.#report(line, fault);
      else if (line.origin === 'include') {
        this.#included.add(canonicalLine(line.words.slice(1)));
      }
    }
  }

  #checkUsers(): void {
    const line = this.#aclFileLine;
    if (line === null || this.#server.aclFile === null || this.#users.size === 0) return;
    const sentence = 'users are defined both by "user" lines and in an aclfile: keep them in one place';
    this.#report(line, { code: 'users-twice', word: 0, sentence });
  }

  #report(line: Line, fault: Fault): void {
    const column = (wordStarts(line.raw)[fault.word] ?? 0) + 1;
    this.#addProblem(line.order, {
      code: fault.code,
      sentence: fault.sentence,
      where: `${line.path}:${line.number}:${column}`,
      path: line.path,
      line: line.number,
      text: maskSecrets(trim(line.raw)).slice(0, SHOWN_LINE_MAX),
    });
  }

  #addProblem(order: number, problem: ConfProblem): void {
    this.#problemCount += 1;
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ order, problem });
  }

  #sortedProblems(path: string): ConfProblem[] {
    const problems = this.#problems.sort((a, b) => a.order - b.order).map(({ problem }) => problem);
    const unsaid = this.#problemCount - problems.length;
    if (unsaid > 0)
      problems.push({ code: 'more', sentence: `and ${unsaid} more problems`, ...placeOf(path) });
    return problems;
  }
}

function placeOf(path: string): Pick<ConfProblem, 'where' | 'path' | 'line' | 'text'> {
  return { where: path, path, line: 0, text: '' };
}

/** Without the blanks around it. Loops, since a pattern takes quadratic time on a hostile line. */
export function trim(line: string): string {
  const isBlank = (at: number): boolean => ' \t\r\n'.includes(line[at] as string);
  let start = 0;
  let end = line.length;
  while (start < end && isBlank(start)) start += 1;
  while (end > start && isBlank(end - 1)) end -= 1;
  return line.slice(start, end);
}

function wrongCount(name: string, expected: string, count: number, word = 0): Fault {
  const got = count === 0 ? 'none' : `${count} word${count === 1 ? '' : 's'}`;
  return { code: 'bad-arguments', word, sentence: `${name} takes ${expected}, not ${got}` };
}

/** One value that holds several words counts as those words, where several are allowed: `bind "127.0.0.1 ::1"`. */
function spread(takesMany: boolean, values: readonly string[]): readonly string[] | null {
  const only = values[0];
  return takesMany && values.length === 1 && only !== undefined && only !== ''
    ? splitArguments(only)
    : values;
}

/** `path` as seen from the absolute `directory`, without `.` and `..`. */
export function absolute(directory: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${directory}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
