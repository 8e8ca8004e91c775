// `baton sentinel FILE`: a sentinel in place of redis-sentinel, started and stopped as that is (sentinel.md §2.1, §11):
// same arguments, same exit codes, the same things on standard error and in the log.

import { accessSync, constants, openSync, closeSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { randomBytes, randomInt } from 'node:crypto';
import { Random } from '../base/random.ts';
import type { Problem, Result } from '../base/result.ts';
import type { ControlSocket } from '../api/control-socket.ts';
import { runtimeFolder } from '../api/socket-paths.ts';
import {
  reportListening,
  reportReady,
  startInBackground,
  supervisorOf,
  takeBackgroundMark,
} from '../daemon/background.ts';
import { confFiles } from '../daemon/conf-files.ts';
import { NodeHost } from '../daemon/host.ts';
import { Log, logOptionsOf, type LogOptions } from '../daemon/log.ts';
import type { Machine } from '../daemon/machine.ts';
import { PidFile } from '../daemon/pid-file.ts';
import { governProcess } from '../daemon/process-life.ts';
import { SentinelDaemon } from '../daemon/sentinel-daemon.ts';
import { Syslog } from '../daemon/syslog.ts';
import { argumentsToLines } from '../sentinel/conf/arguments.ts';
import type { SentinelConf } from '../sentinel/conf/conf.ts';
import { loadConf, type LoadedConf } from '../sentinel/conf/load.ts';
import { rewriteConf } from '../sentinel/conf/rewrite.ts';
import type { Host } from '../sentinel/host.ts';
import { VERSION } from './version.ts';
import { isSentinelName, parseSentinelArguments, type SentinelArguments } from './sentinel-arguments.ts';

/** The releases whose behaviour clients are told to expect (HELLO, INFO). */
const PRODUCT_VERSIONS = { redis: '7.2.4', valkey: '8.0.1' } as const;

/** What a machine is made of. */
export interface MachineOptions {
  readonly conf: SentinelConf;
  readonly host: Host;
  readonly random: Random;
  readonly runId: string;
  readonly fastCrash: boolean;
  /** Whose sentinel it passes for, and in which release. */
  readonly product: { readonly flavour: 'redis' | 'valkey'; readonly version: string };
  /** Baton's own. */
  readonly version: string;
}

/**
 * Understands the configuration as far as a machine must (users, renamed commands) and says how to make one; or says
 * all that is wrong. The machine itself is made once the ports are bound.
 */
export type PrepareMachine = (options: MachineOptions) => Result<() => Machine, readonly Problem[]>;

const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** Where the log goes while nobody has said where. */
const FIRST_LOG: LogOptions = {
  level: 'notice',
  file: '',
  logFormat: 'legacy',
  logTimestampFormat: 'legacy',
};

/** Runs a sentinel. Settles when it has started; the process ends by itself, with its own exit code. */
export async function runSentinel(argv: readonly string[], prepareMachine: PrepareMachine): Promise<void> {
  const isInBackground = takeBackgroundMark();
  const parsed = parseSentinelArguments(argv);
  if (!parsed.ok) return giveUp(`baton: ${parsed.problem}`);
  const given = parsed.value;
  const configFile = given.file === null ? null : resolve(given.file);
  const text = readConfigFile(given.file, configFile);
  if (text === null || configFile === null) process.exit(1);

  const options = argumentsToLines(given.rest.map(toBytes));
  const standardInput = options.readsStandardInput ? readFileSync(0, 'latin1') : null;
  const loaded = loadConf(
    {
      path: toBytes(given.file ?? ''),
      text,
      extraLines: options.lines,
      ...(standardInput === null ? {} : { standardInput }),
    },
    { workingDirectory: toBytes(process.cwd()), ...confFiles },
  );
  if (!loaded.ok) {
    return giveUp(...loaded.problem.map(({ path, line, sentence }) => `${path}:${line}: ${sentence}`));
  }
  const { conf } = loaded.value;
  const supervisor = supervisorOf(conf.server);
  if (conf.server.daemonize && supervisor === 'none' && !isInBackground) {
    process.exit(await startInBackground(standardInput));
  }
  process.chdir(Buffer.from(conf.server.dir, 'latin1').toString('utf8'));
  const problem = problemOfLogFile(conf);
  if (problem !== null) return giveUp(problem);
  await serve({ configFile, loaded: loaded.value, given, isInBackground, supervisor, prepareMachine });
}

interface Settled {
  readonly configFile: string;
  readonly loaded: LoadedConf;
  readonly given: SentinelArguments;
  readonly isInBackground: boolean;
  readonly supervisor: ReturnType<typeof supervisorOf>;
  readonly prepareMachine: PrepareMachine;
}

async function serve(settled: Settled): Promise<void> {
  const { configFile, loaded, given } = settled;
  const { conf } = loaded;
  const log = openLog(conf);
  const pidFile = new PidFile(conf.server, settled.isInBackground);
  let controlSocket: ControlSocket | null = null;
  const cleanUp = (): void => {
    controlSocket?.close();
    pidFile.remove();
  };
  const flavour = basename(process.argv[1] ?? '').includes('valkey-sentinel') ? 'valkey' : 'redis';
  const prepared = settled.prepareMachine({
    conf,
    host: new NodeHost(configFile),
    random: new Random(randomInt(2 ** 48 - 1)),
    runId: randomBytes(20).toString('hex'),
    fastCrash: given.fastCrash,
    product: { flavour, version: PRODUCT_VERSIONS[flavour] },
    version: VERSION,
  });
  if (!prepared.ok) {
    const sentences = prepared.problem.map(({ where, sentence }) => `${where ?? given.file}: ${sentence}`);
    // As the reference: what the file says wrong goes to standard error, what an ACL file says wrong to the log.
    if (conf.server.aclFile === null) return giveUp(...sentences);
    for (const sentence of sentences) log.write('warning', sentence);
    process.exit(1);
  }
  let daemon: SentinelDaemon | null = null;
  governProcess({
    terminate: () => (daemon === null ? process.exit(0) : daemon.terminate()),
    report: (sentence) => log.write('warning', toBytes(sentence)),
    cleanUp,
  });
  const started = await SentinelDaemon.start({
    configFile,
    conf,
    log,
    createMachine: prepared.value,
    rewrite: (text, state) => rewriteConf(text, state, { included: loaded.included }),
    exit(code) {
      cleanUp();
      process.exit(code);
    },
  });
  if (!started.ok) {
    log.write('warning', toBytes(`${started.problem} Exiting.`));
    process.exit(1);
  }
  daemon = started.value;
  process.title = titleOf(daemon);
  const pidProblem = pidFile.write();
  if (pidProblem !== null) log.write('warning', toBytes(pidProblem));
  if (settled.isInBackground) reportListening();
  reportReady(settled.supervisor, 'Ready to accept connections', (sentence) =>
    log.write('warning', toBytes(sentence)),
  );

  // Loaded only now: clients of the quorum need not wait for an HTTP server.
  const { openControlSocket } = await import('../api/control-socket.ts');
  const opened = await openControlSocket({
    folder: runtimeFolder(),
    kind: 'sentinel',
    name: given.name ?? basename(configFile).replace(/\.conf$/, ''),
    distinction: String(conf.server.port === 0 ? conf.server.tls.port : conf.server.port),
    source: daemon,
  });
  if (opened.ok) controlSocket = opened.value;
  else log.write('notice', toBytes(`No control socket for "baton status": ${opened.problem}`));
}

/** The file's text, or null after its problem was logged, where the reference logs it. */
function readConfigFile(named: string | null, path: string | null): string | null {
  const log = new Log(FIRST_LOG);
  if (path === null || named === null) {
    log.write('warning', 'A sentinel keeps its state in its configuration file: name one. Exiting.');
    return null;
  }
  try {
    const text = readFileSync(path, 'latin1');
    accessSync(path, constants.W_OK);
    return text;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.write(
      'warning',
      toBytes(`The configuration file ${named} must be readable and writable: ${reason}. Exiting.`),
    );
    return null;
  }
}

function problemOfLogFile(conf: SentinelConf): string | null {
  const { file } = logOptionsOf(conf.server);
  if (file === '') return null;
  try {
    closeSync(openSync(file, 'a'));
    return null;
  } catch (error) {
    return `baton: the log file cannot be opened: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function openLog(conf: SentinelConf): Log {
  const options = logOptionsOf(conf.server);
  if (!conf.server.syslog.enabled) return new Log(options);
  const plain = new Log(options);
  const syslog = new Syslog(conf.server.syslog, (sentence) => plain.write('warning', toBytes(sentence)));
  return new Log({ ...options, forward: (level, text) => syslog.write(level, text) });
}

/** What `ps` shows. */
function titleOf(daemon: SentinelDaemon): string {
  const name = basename(process.argv[1] ?? '');
  const [address = ''] = daemon.listening;
  return `${isSentinelName(name) ? name : 'baton-sentinel'} ${address.replace(/^0\.0\.0\.0:/, '*:')} [sentinel]`;
}

/** Nothing was touched: the problems go to standard error, and the exit code is the reference's. */
function giveUp(...lines: readonly string[]): never {
  process.stderr.write(Buffer.from(`${lines.join('\n')}\n`, 'latin1'));
  process.exit(1);
}
