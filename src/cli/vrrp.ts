// `baton vrrp FILE`: floating addresses in place of keepalived, with its file and its options, always in the foreground.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { ControlSocket } from '../api/control-socket.ts';
import { runtimeFolder } from '../api/socket-paths.ts';
import { failure, success, type Result } from '../base/result.ts';
import { endpointsFromKeepalived } from '../importers/keepalived.ts';
import { halvesOf, KeepalivedDaemon, type KeepalivedHalves } from '../daemon/keepalived-daemon.ts';
import { keepalivedSurroundings } from '../daemon/keepalived-surroundings.ts';
import { Log } from '../daemon/log.ts';
import { makeFolder } from '../daemon/make-folder.ts';
import { PidFile } from '../daemon/pid-file.ts';
import { governProcess } from '../daemon/process-life.ts';
import { ServiceManager } from '../daemon/service-manager.ts';
import { Syslog } from '../daemon/syslog.ts';
import type { VrrpLog } from '../daemon/vrrp-journal.ts';
import { capabilityAdvice, effectiveCapabilities } from '../os/capabilities.ts';
import { findNft } from '../os/nft.ts';
import { describeCheck, describeProblem } from '../vrrp/conf/describe.ts';
import { loadKeepalivedConf, type LoadedConf } from '../vrrp/conf/load.ts';

export interface VrrpOptions {
  readonly file: string;
  /** Virtual routers alone (keepalived's -P), virtual servers alone (-C), or what the file has. */
  readonly half: 'both' | 'routers' | 'servers';
  readonly configId: string | null;
  readonly pidFile: string | null;
  readonly lenient: boolean;
  readonly logConsole: boolean;
  readonly logDetail: boolean;
}

/** keepalived's codes of a test that failed (vrrp.md §1.12). */
const EXIT_NO_FILE = 4;
const EXIT_BAD_FILE = 5;
const EXIT_BAD_SCRIPT = 6;
/** What is wrong with a script rather than with the file. */
const SCRIPT_PROBLEMS: ReadonlySet<string> = new Set([
  'unsafe-script',
  'missing-script',
  'not-executable',
  'no-script-user',
]);
/** Usage or configuration (style: exit codes). */
const EXIT_CONFIGURATION = 2;

/** A file that was read, and what of it is to run. */
interface Read {
  readonly loaded: LoadedConf;
  readonly halves: KeepalivedHalves;
  /** All of the file and of its translation. */
  readonly warnings: readonly Said[];
}

type Said = Parameters<typeof describeProblem>[0];

interface Unusable {
  readonly exitCode: number;
  /** Byte strings. */
  readonly lines: readonly string[];
}

const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const print = (stream: NodeJS.WriteStream, lines: readonly string[]): void => {
  for (const line of lines) stream.write(Buffer.from(`${line}\n`, 'latin1'));
};

/** `-t`, `--check`: says what was understood, or what is wrong. Returns the exit code. */
export function checkVrrp(options: VrrpOptions): number {
  const read = readConf(options);
  if (!read.ok) {
    print(process.stderr, read.problem.lines);
    return read.problem.exitCode;
  }
  const { loaded, warnings } = read.value;
  print(process.stdout, describeCheck(loaded.conf, warnings, findNft() !== null));
  return 0;
}

/** Runs until a signal ends it. The process ends by itself, with its own exit code. */
export async function runVrrp(options: VrrpOptions): Promise<void> {
  // V8 forgets the compiled form of what has not run for a while, which in a backup is the take-over.
  setFlagsFromString('--no-flush-bytecode');
  const log = openLog(options);
  let daemon: KeepalivedDaemon | null = null;
  let controlSocket: ControlSocket | null = null;
  const manager = new ServiceManager((sentence) => log.write('warning', toBytes(sentence)));
  const pidFile = new PidFile({ pidFile: options.pidFile === null ? null : toBytes(options.pidFile) }, false);
  const cleanUp = (): void => {
    controlSocket?.close();
    pidFile.remove();
  };
  governProcess({
    terminate: () => (daemon === null ? process.exit(0) : daemon.terminate()),
    report: (sentence) => log.write('warning', toBytes(sentence)),
    cleanUp,
  });
  process.on('SIGHUP', () => {
    if (daemon === null) return;
    manager.reloading();
    // Also with a file that was refused: the service goes on.
    void reload(daemon, options, log).finally(() => manager.ready());
  });
  const name = basename(options.file).replace(/\.conf$/, '');
  process.on('SIGUSR1', () => {
    if (daemon !== null) dump(`vrrp-${name}.data.json`, daemon.dump(), log);
  });
  process.on('SIGUSR2', () => {
    if (daemon === null) return;
    const stats = daemon.dump().map((entry) => ({ iname: entry.data['iname'], ...entry.stats }));
    dump(`vrrp-${name}.stats.json`, stats, log);
  });

  const read = readConf(options);
  if (!read.ok) {
    for (const line of read.problem.lines) log.write('warning', line);
    if (!options.logConsole) print(process.stderr, read.problem.lines);
    process.exit(EXIT_CONFIGURATION);
  }
  for (const line of read.value.warnings.flatMap(describeProblem)) log.write('warning', line);
  const started = await KeepalivedDaemon.start({
    halves: read.value.halves,
    log,
    table: guardTableName(options.file),
    manager,
    exit(code) {
      cleanUp();
      process.exit(code);
    },
  });
  if (!started.ok) {
    for (const line of started.problem) log.write('warning', toBytes(line));
    if (!options.logConsole) print(process.stderr, started.problem.map(toBytes));
    process.exit(1);
  }
  daemon = started.value;
  process.title = `baton-vrrp ${options.file}`;
  const pidProblem = pidFile.write();
  if (pidProblem !== null) log.write('warning', toBytes(pidProblem));

  const { openControlSocket } = await import('../api/control-socket.ts');
  const opened = await openControlSocket({
    folder: runtimeFolder(),
    kind: 'vrrp',
    name,
    distinction: String(process.pid),
    source: daemon,
  });
  if (opened.ok) controlSocket = opened.value;
  else log.write('notice', toBytes(`No control socket for "baton vrrp status": ${opened.problem}`));
  manager.ready();
}

/** The same for each start with this file, and another for any other file. */
function guardTableName(file: string): string {
  const name = basename(file)
    .replace(/\.conf$/, '')
    .replaceAll(/\W/g, '_')
    .slice(0, 64);
  const digest = createHash('sha256').update(resolve(file)).digest('hex');
  return `baton_vrrp_${name}_${digest.slice(0, 8)}`;
}

/** Reads the file and refuses what this process could not do. */
function readConf(options: VrrpOptions): Result<Read, Unusable> {
  const path = resolve(options.file);
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    return failure({
      exitCode: EXIT_NO_FILE,
      lines: [toBytes(`${options.file} cannot be read: ${(error as Error).message}`)],
    });
  }
  const loaded = loadKeepalivedConf(
    {
      path: toBytes(options.file),
      text,
      directory: toBytes(dirname(path)),
      configId: options.configId === null ? null : toBytes(options.configId),
      isLenient: options.lenient,
    },
    keepalivedSurroundings(),
  );
  if (!loaded.ok) {
    const errors = loaded.problem.filter(({ severity }) => severity === 'error');
    const onlyScripts = errors.every(({ code }) => SCRIPT_PROBLEMS.has(code));
    const lines = loaded.problem.flatMap(describeProblem);
    return failure({ exitCode: onlyScripts ? EXIT_BAD_SCRIPT : EXIT_BAD_FILE, lines });
  }
  const has = effectiveCapabilities();
  const missing = (['CAP_SETUID', 'CAP_SETGID'] as const).filter((one) => !has.has(one));
  const { foreignUsers } = loaded.value.conf;
  if (missing.length > 0 && foreignUsers.length > 0) {
    const lines = foreignUsers.map(
      ({ where, user }) => `${where}: a command as ${user} ${capabilityAdvice(...missing)}`,
    );
    return failure({ exitCode: EXIT_BAD_FILE, lines });
  }
  return split(loaded.value, options);
}

/** What of the file is to run; or what of that can't be. */
function split(loaded: LoadedConf, { half, lenient }: VrrpOptions): Result<Read, Unusable> {
  const { conf, warnings } = loaded;
  const hasServers = conf.balancer.virtualServers.length > 0;
  const wantsRouters = half === 'routers' || (half === 'both' && (conf.instances.length > 0 || !hasServers));
  if (half === 'routers' || !hasServers) {
    if (half !== 'servers') return success({ loaded, halves: halvesOf(conf, null, wantsRouters), warnings });
    return failure({
      exitCode: EXIT_BAD_FILE,
      lines: ['there is no virtual_server in the file, so -C has nothing to do'],
    });
  }
  const translated = endpointsFromKeepalived(conf, lenient);
  if (!translated.ok) {
    return failure({
      exitCode: EXIT_BAD_FILE,
      lines: [...warnings, ...translated.problem].flatMap(describeProblem),
    });
  }
  const halves = halvesOf(conf, translated.value.conf, wantsRouters);
  return success({ loaded, halves, warnings: [...warnings, ...translated.value.warnings] });
}

/** SIGHUP. With a file that can't be used, all stays as it is. */
async function reload(daemon: KeepalivedDaemon, options: VrrpOptions, log: VrrpLog): Promise<void> {
  const read = readConf(options);
  const lines = read.ok ? read.value.warnings.flatMap(describeProblem) : read.problem.lines;
  for (const line of lines) log.write('warning', line);
  const reloaded = read.ok ? await daemon.reload(read.value.halves) : failure([]);
  for (const line of reloaded.ok ? [] : reloaded.problem) log.write('warning', toBytes(line));
  const refused = read.ok
    ? 'was read anew, but what is said above could not be done: SIGHUP tries again'
    : 'was not read anew: the configuration before it stays';
  const outcome = reloaded.ok ? 'was read anew' : refused;
  log.write(reloaded.ok ? 'notice' : 'warning', toBytes(`${options.file} ${outcome}`));
}

/** Into our own folder: a name that all can guess in /tmp could be somebody's link. */
function dump(name: string, content: unknown, log: VrrpLog): void {
  const folder = runtimeFolder();
  try {
    if (folder === null) throw new Error('neither RUNTIME_DIRECTORY nor XDG_RUNTIME_DIR is set');
    makeFolder(folder);
    writeFileSync(join(folder, name), `${JSON.stringify(content, null, 2)}\n`, 'latin1');
    log.write('notice', toBytes(`the state was written to ${join(folder, name)}`));
  } catch (error) {
    log.write('warning', toBytes(`the state could not be written: ${(error as Error).message}`));
  }
}

/** The console with `-l`, else the system's log, as keepalived. */
function openLog(options: VrrpOptions): VrrpLog {
  const level = options.logDetail ? 'verbose' : 'notice';
  const consoleLog = new Log({ level, file: '', logFormat: 'legacy', logTimestampFormat: 'legacy' });
  if (options.logConsole) return consoleLog;
  const syslog = new Syslog({ ident: 'baton-vrrp', facility: 'user' }, (sentence) =>
    consoleLog.write('warning', toBytes(sentence)),
  );
  return {
    write(lineLevel, text) {
      if (lineLevel !== 'debug' && (options.logDetail || lineLevel !== 'verbose'))
        syslog.write(lineLevel, text);
    },
  };
}
