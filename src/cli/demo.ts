// `baton demo`: its options and their help. What it does is in demo/.

import { styleText } from 'node:util';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { FAULTS, type Fault, parseScript } from '../demo/fault-table.ts';

interface DemoFlags {
  readonly plain?: true;
  readonly script?: readonly Fault[];
  readonly json?: true;
  readonly nodes: number;
  readonly members: number;
  readonly fastCrash: 'yes' | 'no';
}

const faultLines = FAULTS.map(
  ({ key, name, explanation }) => `  ${key}  ${name.padEnd('freeze-primary'.length)}  ${explanation}`,
);

const HELP = `
Everything is real: servers from this machine (or fetched from its distribution's packages, without
root and without installing them), members that are "baton sentinel" processes, an endpoint that is a
"baton endpoint", and a stock client that writes all the time and knows nothing but the endpoint's
port. All of it listens on 127.0.0.1 only, and is gone when the demo ends.

On the live screen, press a key; with --plain, type it or its name and Enter; in a script, use the name:
${faultLines.join('\n')}
  q  quit

Examples:
  baton demo                                      look, press k, look again
  baton demo --fast-crash no                      the same with what redis-sentinel can know of a crash
  baton demo --script kill-primary,restart        without a person; exit code 0 if the fleet was whole
                                                  again after each fault, and no write failed or was
                                                  lost over a switchover
  baton demo --script freeze-primary,thaw --json  the same for programs

Exit codes: 0 done, 1 failed, 2 usage.`;

/** Adds the command to `program`. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .summary('fail over a real Redis, here and now, and watch')
    .description(
      'Starts a real primary, replicas, members and an endpoint on this machine and shows live how they take a crash, a freeze or a switchover.',
    )
    .option('--plain', 'print lines instead of a live screen (as when the output is no terminal)')
    .addOption(
      new Option('--script <faults>', 'do this, one after the other, and exit: names with commas').argParser(
        toScript,
      ),
    )
    .option('--json', "the script's summary as JSON; the lines go to standard error")
    .addOption(
      new Option('--nodes <n>', 'servers: one primary, the rest replicas')
        .default(3)
        .argParser(between(2, 9)),
    )
    .addOption(new Option('--members <n>', 'members that vote').default(3).argParser(between(1, 9)))
    .addOption(
      new Option('--fast-crash <yes|no>', 'a process that provably ended is down at once')
        .default('yes')
        .choices(['yes', 'no']),
    )
    .addHelpText('after', HELP)
    .action(async (flags: DemoFlags, command: Command) => {
      if (flags.json === true && flags.script === undefined) {
        command.error('baton: --json prints what a script came to: it needs --script', { exitCode: 2 });
      }
      const hasColour = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
      const { runDemo } = await import('../demo/demo.ts');
      process.exitCode = await runDemo({
        program: process.argv[1] ?? '',
        nodes: flags.nodes,
        members: flags.members,
        fastCrash: flags.fastCrash === 'yes',
        isPlain: flags.plain === true,
        script: flags.script ?? null,
        isJson: flags.json === true,
        paint: hasColour ? (style, text) => styleText(style, text) : (_style, text) => text,
      });
    });
}

function toScript(text: string): readonly Fault[] {
  const parsed = parseScript(text);
  if (!parsed.ok) throw new InvalidArgumentError(parsed.problem);
  return parsed.value;
}

function between(lowest: number, highest: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < lowest || number > highest) {
      throw new InvalidArgumentError(`It takes a number from ${lowest} to ${highest}.`);
    }
    return number;
  };
}
