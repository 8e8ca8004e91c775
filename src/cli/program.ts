// `baton` without a foreign command line: help that teaches, and the commands that have options of our own.

import { Command, CommanderError, Option } from 'commander';
import { addDemoCommand } from './demo.ts';
import { VERSION } from './version.ts';
import { addEndpointCommand } from './endpoint-command.ts';
import { addVrrpCommand } from './vrrp-command.ts';

/** Usage or configuration (style: exit codes). */
const EXIT_USAGE = 2;

const EXAMPLES = `
Examples:
  baton demo                          fail over a real Redis, here and now, and watch
  baton sentinel sentinel.conf        in place of: redis-sentinel sentinel.conf
  baton sentinel sentinel.conf --port 26380 --fast-crash yes
  baton vrrp keepalived.conf          in place of: keepalived -n -f keepalived.conf
  baton status                        who is primary, who follows, what was decided
  baton status --json                 the same for programs
  baton simulate --seeds 1000         a thousand runs under faults; --seed N tells the story of one

A sentinel takes the arguments that redis-sentinel takes: the file, then its directives as
"--name value", then "-" to read more of them from standard input. Two are Baton's own:
  --fast-crash yes    a primary whose process is provably gone counts as down at once
  --name NAME         what "baton status" calls this daemon (default: after the file)
Installed under the name redis-sentinel or valkey-sentinel, baton is that program.

Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 no daemon reachable, 70 a bug.`;

/** Builds the program; later commands join here, one file each. */
export function createProgram(): Command {
  const program = new Command('baton')
    .description(
      'Keeps one writable Redis or Valkey primary reachable: detects its death, agrees with the other members, promotes the best replica.',
    )
    .version(VERSION, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .addHelpText('after', EXAMPLES);
  program
    .command('sentinel')
    .summary('run as a sentinel, with a sentinel.conf')
    .description('Runs as a sentinel, with a sentinel.conf, in place of redis-sentinel.')
    .argument('<file>', 'sentinel.conf; it must be writable, the state is kept in it')
    .argument('[directives...]', '--name value: further lines of the file')
    .usage('FILE [--name value ...] [--fast-crash yes] [-]')
    .addHelpText('after', EXAMPLES)
    .action(() => program.error('baton: sentinel needs a configuration file', { exitCode: 1 }));
  program
    .command('status')
    .summary('show what the running daemon knows')
    .description('Asks the daemon of this machine who is primary, who follows it and what was decided.')
    .option('--json', 'print JSON')
    .addOption(new Option('--socket <path>', "the daemon's control socket, if there are several"))
    .action(async (options: { readonly json?: true; readonly socket?: string }) => {
      const { showStatus } = await import('./status.ts');
      process.exitCode = await showStatus({ json: options.json === true, socket: options.socket ?? null });
    });
  addVrrpCommand(program);
  addEndpointCommand(program);
  addDemoCommand(program);
  program
    .command('simulate')
    .summary('play faults against the quorum or floating addresses')
    .description(
      'Runs the quorum, or floating addresses, in a simulator, under faults; --help lists its options.',
    )
    .argument('[options...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (options: readonly string[]) => {
      const { simulate } = await import('./simulate.ts');
      process.exitCode = simulate(options);
    });
  return program;
}

/** Has the command and all below it throw where they would exit, and say whose help says more. */
function overrideExits(command: Command, name = command.name()): void {
  command.exitOverride().showHelpAfterError(`(${name} --help says more)`);
  for (const below of command.commands) overrideExits(below, `${name} ${below.name()}`);
}

/** Runs `baton` with `argv`, without the interpreter and the script. Sets the exit code. */
export async function runProgram(argv: readonly string[]): Promise<void> {
  // `baton … | head`: whoever read has read enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  const program = createProgram();
  overrideExits(program);
  try {
    if (argv.length === 0) program.help({ error: true });
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has printed what there is to say. It calls wrong usage 1.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
}
