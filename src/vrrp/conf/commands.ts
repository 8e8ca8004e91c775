// Commands that a file names: their words, whom they run as, and whether it is safe to run them (vrrp.md §3.3).
//
// Differs from keepalived: a script that is missing, cannot be executed, or could be changed by others than root while
// it runs as root is refused at start, because keepalived drops it with a log line and an HA pair then has no check.

import type { Command } from '../router-conf.ts';
import type { ForeignUser } from './conf.ts';
import { maskSecrets, type Report, show, whereOf } from './problems.ts';
import { commandWords, scriptLineWords } from './script-words.ts';
import type { Context, PathPart, Surroundings } from './surroundings.ts';
import type { Statement } from './tree.ts';

export interface User {
  readonly user: string;
  readonly group: string | null;
}

/** Of `set_supplementary_groups` and of a group that begins with a colon. */
export const SUPPLEMENTARY_GROUPS =
  'supplementary groups are not supported: a command has the group that is named after its user, else the one of ' +
  'that user, and no other; name the group that it needs';

const DEFAULT_USER = 'keepalived_script';

/** Reads commands; knows the file's default user, and remembers every user that is not the daemon's own. */
export class Commands {
  readonly foreignUsers: ForeignUser[] = [];
  readonly #surroundings: Surroundings;
  readonly #report: Report;
  /** `script_user`. */
  defaultUser: User | null = null;
  /** `enable_script_security`. */
  needsSafeUser = false;

  constructor({ surroundings, report }: Context) {
    this.#surroundings = surroundings;
    this.#report = report;
  }

  /** The command of `keyword "command arguments" [user [group]]`, checked; null: reported. */
  readLine(statement: Statement): Command | null {
    const line = this.parseLine(statement);
    return line === null ? null : this.finish(statement, line.argv, line.user);
  }

  /** The same, with only its words read. */
  parseLine(statement: Statement): { readonly argv: readonly string[]; readonly user: User | null } | null {
    const { keyword, source } = statement;
    const words = scriptLineWords(source);
    if (words === null) {
      this.#report.error(keyword, 'open-quote', `a quote of ${show(keyword.text)} is not closed`);
      return null;
    }
    const [, command = '', user, group, ...rest] = words;
    const argv = commandWords(command);
    if (argv === null) {
      const sentence = `a quote inside the command of ${show(keyword.text)} is not closed`;
      this.#report.error(keyword, 'open-quote', sentence);
      return null;
    }
    if (argv.length === 0) {
      const sentence = `${show(keyword.text)} takes a command, "/path/script arguments", and may name a user and a group after it`;
      this.#report.error(keyword, 'missing-value', sentence);
      return null;
    }
    if (user !== undefined && (rest.length > 0 || this.#surroundings.user(user) === null)) {
      const whole = [command, user, ...(group === undefined ? [] : [group]), ...rest].join(' ');
      const sentence =
        `${show(user)}, the word after the command, is the user to run it as, and there is no such user; ` +
        `if it is an argument, quote the whole command: ${keyword.text} ${show(maskSecrets(whole)).replaceAll("'", '"')}`;
      this.#report.error(keyword, 'unquoted-command', sentence);
      return null;
    }
    return { argv, user: user === undefined ? null : { user, group: group ?? null } };
  }

  /** `argv` as a command of `asked`, or of the default user; null: reported at `statement`. */
  finish(statement: Statement, argv: readonly string[], asked: User | null): Command | null {
    const user = asked ?? this.#fallbackUser(statement);
    if (user === 'none') return null;
    const ids = user === null ? null : this.checkUser(statement, user);
    if (user !== null && ids === null) return null;
    const [program = '', ...args] = argv;
    const found = program.startsWith('<')
      ? this.#readabilityTest(statement, program.slice(1) || (args[0] ?? ''))
      : this.#program(statement, program, args);
    if (found === null) return null;
    const userId = ids ?? this.#surroundings.daemonUserId;
    if (userId === 0 && !this.#isSafe(statement, found.path)) return null;
    if (user !== null && userId !== this.#surroundings.daemonUserId) {
      this.foreignUsers.push({ ...user, where: whereOf(statement.keyword) });
    }
    return { argv: found.argv, user: user?.user ?? null, group: user?.group ?? null };
  }

  /** The id of a user that was named; null: there is none, or no such group, which is reported. */
  checkUser({ keyword }: Statement, { user, group }: User): number | null {
    const ids = this.#surroundings.user(user);
    if (ids === null) {
      this.#report.error(keyword, 'unknown-user', `there is no user ${show(user)}`);
    } else if (group?.startsWith(':') === true) {
      this.#report.unsupported(keyword, 'unsupported', SUPPLEMENTARY_GROUPS);
      return null;
    } else if (group !== null && this.#surroundings.group(group) === null) {
      this.#report.error(keyword, 'unknown-group', `there is no group ${show(group)}`);
      return null;
    }
    return ids?.userId ?? null;
  }

  /** null: the daemon's own. `none`: there should be one and is not, which is reported. */
  #fallbackUser({ keyword }: Statement): User | null | 'none' {
    if (this.defaultUser !== null) return this.defaultUser;
    if (this.#surroundings.user(DEFAULT_USER) !== null) return { user: DEFAULT_USER, group: null };
    if (!this.needsSafeUser) return null;
    const sentence =
      `enable_script_security is on and there is no user ${DEFAULT_USER}: ` +
      'name one with script_user in global_defs, or make that user';
    this.#report.error(keyword, 'no-script-user', sentence);
    return 'none';
  }

  #program(
    { keyword }: Statement,
    program: string,
    args: readonly string[],
  ): { readonly path: string; readonly argv: readonly string[] } | null {
    const path = program.includes('/') ? this.#absolute(program) : this.#surroundings.findProgram(program);
    const file = path === null ? undefined : this.#surroundings.pathParts(path)?.at(-1);
    if (path === null || file === undefined) {
      const looked = program.includes('/') ? '' : ' in PATH';
      this.#report.error(keyword, 'missing-script', `there is no ${show(program)}${looked}`);
      return null;
    }
    if (file.kind !== 'file' || (file.mode & 0o111) === 0) {
      const why = file.kind === 'file' ? `: chmod +x ${file.path}` : ': it is no file';
      this.#report.error(keyword, 'not-executable', `${show(program)} cannot be executed${why}`);
      return null;
    }
    return { path, argv: [path, ...args] };
  }

  /** `</path`: succeeds while the file can be read. */
  #readabilityTest(statement: Statement, path: string): { path: string; argv: readonly string[] } | null {
    return this.#program(statement, 'test', ['-r', this.#absolute(path)]);
  }

  #absolute(path: string): string {
    return path.startsWith('/') ? path : `${this.#surroundings.workingDirectory}/${path}`;
  }

  /** Nobody but root can change what root is to run. */
  #isSafe({ keyword }: Statement, path: string): boolean {
    const weak = this.#surroundings.pathParts(path)?.find((part) => weakness(part) !== null);
    if (weak === undefined) return true;
    const sentence =
      `${show(path)} would run as root, and ${weak.path === path ? 'it' : show(weak.path)} ${weakness(weak)}: ` +
      'give it to root, or name another user for the script';
    this.#report.error(keyword, 'unsafe-script', sentence);
    return false;
  }
}

const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;

/** Why others than root could replace what is there; null: they could not. */
function weakness(part: PathPart): string | null {
  if (part.userId !== 0) return 'does not belong to root';
  if (part.kind === 'directory' && (part.mode & STICKY) !== 0) return null;
  if ((part.mode & OTHERS_WRITE) !== 0) return 'can be written by everybody';
  if ((part.mode & GROUP_WRITES) !== 0 && part.groupId !== 0)
    return 'can be written by a group other than root';
  return null;
}
