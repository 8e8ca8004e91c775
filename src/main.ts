// The bundle's entry: finds out which command is meant and loads only that, so that a sentinel listens as soon as Node
// itself is up. Commands live in cli/, one file each.

import { basename } from 'node:path';

// Without a handler Node opens its inspector to whoever may send us this signal.
process.on('SIGUSR1', () => undefined);

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  const [first = ''] = argv;
  const isCommand = first === 'sentinel';
  const isSentinel = /redis-sentinel|valkey-sentinel/.test(basename(process.argv[1] ?? ''));
  const asksForHelp = ['-h', '--help', '-v', '--version'].includes((isCommand ? argv[1] : first) ?? '');
  // A sentinel's options are foreign and may be anything, so no parser of ours sees them.
  if (!asksForHelp && (isCommand || isSentinel || argv.includes('--sentinel'))) {
    const { runSentinelCommand } = await import('./cli/sentinel-command.ts');
    await runSentinelCommand(isCommand ? argv.slice(1) : argv);
  } else if (basename(process.argv[1] ?? '') === 'haproxy' && first !== 'relay-worker') {
    const { runHaproxyCommand } = await import('./cli/haproxy-command.ts');
    await runHaproxyCommand(argv);
  } else if (first === 'relay-worker') {
    const { startRelayWorker } = await import('./cli/relay-worker.ts');
    startRelayWorker();
  } else {
    const { runProgram } = await import('./cli/program.ts');
    await runProgram(argv);
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`baton: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 70;
});
