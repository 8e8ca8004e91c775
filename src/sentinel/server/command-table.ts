// The command table of one server: which name means which command, after `rename-command` (sentinel.md §1.2, §2.4).

import { failure, success, type Problem, type Result } from '../../base/result.ts';
import { withSubcommands, type Command } from './command.ts';
import { commandRows } from './command-rows.ts';
import { sentinelRows } from './sentinel-rows.ts';

/** What a request's first words name. */
export type Found =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'unknown-command' }
  | { readonly kind: 'unknown-subcommand'; readonly parent: Command };

export class CommandTable {
  /** All commands of a sentinel under their own names, renamed or not. ACL rules mean these. */
  readonly #original = new Map<string, Command>();
  /** Subcommands by full name. */
  readonly #subcommands = new Map<string, Command>();
  /** What clients may call, by the name they call it. */
  readonly #callable = new Map<string, Command>();

  private constructor(commands: readonly Command[]) {
    for (const command of commands) {
      this.#original.set(command.name, command);
      this.#callable.set(command.name, command);
      for (const subcommand of command.subcommands) this.#subcommands.set(subcommand.name, subcommand);
    }
  }

  /**
   * `renames`: lower-case name to the new name, or to '' to take the command away. Problems are those Redis refuses to
   * start for: a name that is no command, or a new name that is taken.
   */
  static make(
    flavour: 'redis' | 'valkey',
    renames: ReadonlyMap<string, string>,
  ): Result<CommandTable, Problem[]> {
    const table = new CommandTable(commandRows(sentinelRows(flavour === 'valkey')));
    const problems: Problem[] = [];
    for (const [from, to] of renames) {
      const command = table.#callable.get(from.toLowerCase());
      if (command === undefined) {
        problems.push({
          code: 'bad-rename',
          sentence: `rename-command: a sentinel has no command '${from}'; its commands are ${[...table.#original.keys()].join(', ')}.`,
        });
        continue;
      }
      table.#callable.delete(from.toLowerCase());
      if (to === '') continue;
      if (table.#callable.has(to.toLowerCase())) {
        problems.push({
          code: 'bad-rename',
          sentence: `rename-command: '${from}' cannot be called '${to}', which is the name of another command.`,
        });
        continue;
      }
      table.#callable.set(to.toLowerCase(), command);
    }
    return problems.length === 0 ? success(table) : failure(problems);
  }

  /** What the request `args` calls. Names are case-insensitive. */
  find(args: readonly string[]): Found {
    const command = this.#callable.get((args[0] ?? '').toLowerCase());
    if (command === undefined) return { kind: 'unknown-command' };
    const [, given] = args;
    if (command.subcommands.length === 0 || given === undefined) return { kind: 'command', command };
    const subcommand = this.#subcommands.get(`${command.name}|${given.toLowerCase()}`);
    if (subcommand === undefined) return { kind: 'unknown-subcommand', parent: command };
    return { kind: 'command', command: subcommand };
  }

  /** The command of that full name (`client|kill`), as COMMAND INFO is given it; hidden ones are found too. */
  byName(name: string): Command | undefined {
    const [parent = '', sub] = name.toLowerCase().split('|', 2);
    const command = this.#callable.get(parent);
    if (command === undefined || sub === undefined) return command;
    return name.split('|').length === 2 ? this.#subcommands.get(`${command.name}|${sub}`) : undefined;
  }

  /** The same under original names, as ACL rules use them: renaming changes no one's rights. */
  byOriginalName(name: string): Command | undefined {
    return this.#original.get(name) ?? this.#subcommands.get(name);
  }

  /** The commands clients can call. */
  commands(): readonly Command[] {
    return [...this.#callable.values()];
  }

  /** Those and their subcommands, as far as they are told of. */
  *listed(): Generator<Command> {
    for (const command of withSubcommands(this.#callable.values())) if (command.isListed) yield command;
  }
}
