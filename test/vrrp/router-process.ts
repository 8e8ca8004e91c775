// A process with one VRRP daemon in it, for tests: its configuration is JSON in the first argument; SIGTERM stops it,
// each line of JSON on its input is a configuration to change to, and its log is what it prints.

import { createInterface } from 'node:readline';
import { ServiceManager } from '../../src/daemon/service-manager.ts';
import { VrrpDaemon } from '../../src/daemon/vrrp-daemon.ts';
import type { VrrpConf } from '../../src/vrrp/router-conf.ts';

const log = {
  write(level: string, text: string): void {
    process.stdout.write(`${level}: ${text}\n`);
  },
};
const parse = (text: string): VrrpConf => JSON.parse(text) as VrrpConf;

const started = VrrpDaemon.start({
  conf: parse(process.argv[2] ?? ''),
  log,
  table: 'baton_vrrp_test',
  manager: new ServiceManager((sentence) => log.write('warning', sentence)),
  exit: (code) => process.exit(code),
});
if (!started.ok) {
  process.stderr.write(`${started.problem.join('\n')}\n`);
  process.exit(1);
}
const daemon = started.value;
process.on('SIGTERM', () => daemon.terminate());
process.on('SIGUSR1', () => log.write('dump', JSON.stringify(daemon.dump())));
createInterface({ input: process.stdin }).on('line', (line) => {
  const reloaded = daemon.reload(parse(line));
  if (!reloaded.ok) log.write('warning', reloaded.problem.join('; '));
});
