// The options of `baton vrrp`: keepalived's, with its letters, and Baton's own.

import { Option, type Command } from 'commander';
import type { VrrpOptions } from './vrrp.ts';

const DEFAULT_FILE = '/etc/keepalived/keepalived.conf';

interface Given {
  readonly useFile?: string;
  readonly pid?: string;
  readonly configId?: string;
  readonly check?: true;
  readonly configTest?: true;
  readonly lenient?: true;
  readonly logConsole?: true;
  readonly logDetail?: true;
  readonly vrrp?: true;
  readonly checkers?: true;
}

/** Adds `vrrp` and `vrrp status`; what they do is loaded when they are called. */
export function addVrrpCommand(program: Command): void {
  const vrrp = program
    .command('vrrp')
    .summary('hold floating addresses and serve virtual servers, with a keepalived.conf')
    .description(
      'Holds floating addresses by VRRP and serves virtual servers, in place of keepalived, in the foreground.',
    )
    .argument('[file]', `keepalived.conf (default: ${DEFAULT_FILE})`)
    .option('-f, --use-file <file>', 'the same')
    .option('-t, --config-test', 'check the file, say what was understood, and exit')
    .option('--check', 'the same')
    .option('--lenient', 'start although the file asks for things that are not supported')
    .option('-i, --config-id <id>', 'which of its "@id" lines count')
    .option('-p, --pid <file>', 'write the process id there')
    .option('-l, --log-console', 'log to standard output, not to the system log')
    .option('-D, --log-detail', 'log more')
    .option('-n, --dont-fork', 'nothing: it never does')
    .option('-P, --vrrp', 'only virtual routers')
    .option('-C, --checkers', 'only virtual servers')
    .action(async (file: string | undefined, given: Given) => {
      const { checkVrrp, runVrrp } = await import('./vrrp.ts');
      const options: VrrpOptions = {
        file: file ?? given.useFile ?? DEFAULT_FILE,
        // Both options are both halves, as with keepalived.
        half: given.vrrp === given.checkers ? 'both' : given.vrrp === true ? 'routers' : 'servers',
        configId: given.configId ?? null,
        pidFile: given.pid ?? null,
        lenient: given.lenient === true,
        logConsole: given.logConsole === true,
        logDetail: given.logDetail === true,
      };
      if (given.check === true || given.configTest === true) process.exitCode = checkVrrp(options);
      else await runVrrp(options);
    });
  vrrp
    .command('status')
    .summary('show what the running daemon knows')
    .description('Asks the VRRP daemon of this machine who holds which addresses.')
    .option('--json', 'print JSON')
    .addOption(new Option('--socket <path>', "the daemon's control socket, if there are several"))
    .action(async (options: { readonly json?: true; readonly socket?: string }) => {
      const { showVrrpStatus } = await import('./vrrp-status.ts');
      process.exitCode = await showVrrpStatus({
        json: options.json === true,
        socket: options.socket ?? null,
      });
    });
}
