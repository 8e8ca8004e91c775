// Started under the name haproxy: its command line, its exit codes, and its name among the processes, by which
// keepalived's track_script finds it.

import type { EndpointOptions } from './endpoint-arguments.ts';
import { parseHaproxyArguments, type HaproxyArguments } from './haproxy-arguments.ts';
import { VERSION } from './version.ts';

export async function runHaproxyCommand(argv: readonly string[]): Promise<void> {
  process.title = 'haproxy';
  const parsed = parseHaproxyArguments(argv);
  if (!parsed.ok) return fail(parsed.problem);
  if (parsed.value.kind === 'version') {
    process.stdout.write(`Baton ${VERSION}, in place of HAProxy\n`);
    return;
  }
  const { folder, isCheck, isQuiet, before } = parsed.value;
  if (folder !== null) {
    try {
      process.chdir(folder);
    } catch (error) {
      return fail(`-C ${folder}: ${(error as Error).message}`);
    }
  }
  const options = optionsFrom(parsed.value);
  const { checkEndpoint, runEndpoint } = await import('./endpoint.ts');
  if (isCheck) {
    process.exitCode = checkEndpoint(options, { isQuiet });
    if (process.exitCode === 0 && !isQuiet) process.stdout.write('Configuration file is valid\n');
    return;
  }
  if (before.pids.length > 0) {
    // With a file that is no good nothing is done to those who serve.
    process.exitCode = checkEndpoint(options, { isQuiet: true });
    if (process.exitCode !== 0) return;
    const { takeOver } = await import('./haproxy-predecessors.ts');
    const taken = await takeOver(before, parsed.value.file);
    if (!taken.ok) return fail(taken.problem.join('\nhaproxy (baton): '));
    // It goes on with the new file, under its own process id.
    if (taken.value === 'reads-anew') return;
  }
  await runEndpoint(options);
}

function optionsFrom({ file, isDaemon, staysInForeground, pidFile }: HaproxyArguments): EndpointOptions {
  return {
    file,
    ...(isDaemon ? { daemon: true as const } : {}),
    ...(staysInForeground ? { foreground: true as const } : {}),
    ...(pidFile === null ? {} : { pid: pidFile }),
  };
}

function fail(problem: string): void {
  process.stderr.write(`haproxy (baton): ${problem}\n`);
  process.exitCode = 1;
}
