// Started under the name haproxy: its command line, its exit codes, and its name among the processes, by which
// keepalived's track_script finds it.

import { parseHaproxyArguments } from './haproxy-arguments.ts';

export async function runHaproxyCommand(argv: readonly string[]): Promise<void> {
  process.title = 'haproxy';
  const parsed = parseHaproxyArguments(argv);
  if (!parsed.ok) {
    process.stderr.write(`haproxy (baton): ${parsed.problem}\n`);
    process.exitCode = 1;
    return;
  }
  const { file, isCheck, isDaemon, pidFile } = parsed.value;
  const { checkEndpoint, runEndpoint } = await import('./endpoint.ts');
  const options = {
    file,
    ...(isDaemon ? { daemon: true as const } : {}),
    ...(pidFile === null ? {} : { pid: pidFile }),
  };
  if (isCheck) process.exitCode = checkEndpoint(options);
  else await runEndpoint(options);
}
