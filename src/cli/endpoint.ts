// `baton endpoint`: one plain port that is always the primary, in the foreground, until a signal ends it.

import { readFileSync } from 'node:fs';
import type { ApiResponse } from '../api/routes.ts';
import type { ControlSocket } from '../api/control-socket.ts';
import { runtimeFolder } from '../api/socket-paths.ts';
import { failure, success, type Result } from '../base/result.ts';
import { EndpointDaemon } from '../daemon/endpoint/endpoint-daemon.ts';
import { Log } from '../daemon/log.ts';
import { PidFile } from '../daemon/pid-file.ts';
import { governProcess } from '../daemon/process-life.ts';
import type { Credentials, EndpointsConf } from '../endpoint/endpoint-conf.ts';
import { targetText } from '../endpoint/route.ts';
import type { EndpointOptions } from './endpoint-command.ts';
import { endpointsFromFlags } from './endpoint-arguments.ts';

const EXIT_USAGE = 2;
const WORKERS_MAX = 64;
const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

function complain(problems: readonly string[]): void {
  for (const problem of problems) process.stderr.write(`baton: ${problem}\n`);
}

/** `--check`: says what was understood, or what is wrong. Returns the exit code. */
export function checkEndpoint(options: EndpointOptions): number {
  const conf = readConf(options);
  if (!conf.ok) {
    complain(conf.problem);
    return EXIT_USAGE;
  }
  for (const { name, binds, backend, path } of conf.value.frontends) {
    const listens = binds.map((bind) => (bind.kind === 'unix' ? bind.path : targetText(bind))).join(' ');
    process.stdout.write(`${name}: listens on ${listens}, leads to ${backend}, path ${path}\n`);
  }
  return 0;
}

/** Runs until a signal ends it. The process ends by itself, with its own exit code. */
export async function runEndpoint(options: EndpointOptions): Promise<void> {
  const log = new Log({ level: 'notice', file: '', logFormat: 'legacy', logTimestampFormat: 'legacy' });
  let daemon: EndpointDaemon | null = null;
  let controlSocket: ControlSocket | null = null;
  const pidFile = new PidFile({ pidFile: options.pid === undefined ? null : toBytes(options.pid) }, false);
  const cleanUp = (): void => {
    controlSocket?.close();
    pidFile.remove();
  };
  governProcess({
    terminate: () => (daemon === null ? process.exit(0) : daemon.terminate()),
    report: (sentence) => log.write('warning', toBytes(sentence)),
    cleanUp,
  });
  const conf = readConf(options);
  if (!conf.ok) {
    complain(conf.problem);
    process.exit(EXIT_USAGE);
  }
  const started = await EndpointDaemon.start({
    conf: conf.value,
    paths: {
      cgroup: options.cgroup ?? null,
      coversAllNamespaces: options.netns === 'all',
      workers: options.workers === undefined ? null : Number(options.workers),
      masquerade: options.masquerade === 'no' ? 'no' : 'auto',
      name: nameOf(options),
    },
    log,
    exit(code) {
      cleanUp();
      process.exit(code);
    },
  });
  if (!started.ok) {
    complain(started.problem);
    process.exit(1);
  }
  daemon = started.value;
  for (const { endpoint, listens, path, because } of daemon.chosen) {
    log.write('notice', `${endpoint} listens on ${listens.join(', ')}, path ${path}: ${because}`);
  }
  const pidProblem = pidFile.write();
  if (pidProblem !== null) log.write('warning', toBytes(pidProblem));
  const { openControlSocket } = await import('../api/control-socket.ts');
  const opened = await openControlSocket({
    folder: runtimeFolder(),
    kind: 'endpoint',
    name: nameOf(options),
    distinction: String(process.pid),
    source: { status: () => daemon?.status(), orders: ordersFor(daemon) },
  });
  if (opened.ok) controlSocket = opened.value;
  else log.write('notice', toBytes(`No control socket for "baton endpoint status": ${opened.problem}`));
}

const nameOf = ({ name, primary }: EndpointOptions): string => name ?? primary ?? 'servers';

function ordersFor(daemon: EndpointDaemon): Record<string, (body: unknown) => Promise<ApiResponse>> {
  const done = (isDone: boolean, sentence: string): ApiResponse => ({
    status: 200,
    body: { isDone, sentence },
  });
  return {
    '/switch': async (body) => {
      const { to, backend } = fieldsOf(body);
      const target = fieldsOf(to);
      const { host, port } = target;
      const where = typeof host === 'string' && typeof port === 'number' ? { host, port } : null;
      return {
        status: 200,
        body: await daemon.switchTo(typeof backend === 'string' ? backend : null, where),
      };
    },
    '/server': (body) => {
      const { server, state, backend } = fieldsOf(body);
      if (typeof server !== 'string' || (state !== 'drain' && state !== 'maint' && state !== 'ready')) {
        return Promise.resolve(done(false, 'an order names a server and one of drain, maint, ready'));
      }
      const having = daemon
        .status()
        .snapshot.backends.filter(
          ({ name, servers }) =>
            (typeof backend !== 'string' || name === backend) && servers.some((one) => one.name === server),
        );
      for (const { name } of having) daemon.setState(name, server, state);
      const names = having.map(({ name }) => name).join(', ');
      return Promise.resolve(
        having.length === 0
          ? done(false, `there is no server ${server}: "baton endpoint status" lists them`)
          : done(true, `${server} is ${state} in ${names}`),
      );
    },
  };
}

function fieldsOf(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}

function readConf(options: EndpointOptions): Result<EndpointsConf, readonly string[]> {
  const problems: string[] = [];
  const credentials = (flag: string, file: string | undefined): Credentials | null => {
    if (file === undefined) return null;
    const read = readCredentials(file);
    if (read.ok) return read.value;
    problems.push(`${flag} ${file}: ${read.problem}`);
    return null;
  };
  const secrets = {
    servers: credentials('--auth-file', options.authFile),
    sentinels: credentials('--sentinel-auth-file', options.sentinelAuthFile),
  };
  if (options.netns !== undefined && options.netns !== 'all')
    problems.push(`--netns ${options.netns}: only "all" is known`);
  if (options.masquerade !== undefined && options.masquerade !== 'auto' && options.masquerade !== 'no') {
    problems.push(`--masquerade ${options.masquerade}: "auto" or "no"`);
  }
  const workers = Number(options.workers ?? '1');
  if (!Number.isInteger(workers) || workers < 1 || workers > WORKERS_MAX) {
    problems.push(`--workers ${options.workers ?? ''}: a number from 1 to ${WORKERS_MAX}`);
  }
  const conf = endpointsFromFlags(options, secrets);
  if (!conf.ok) problems.push(...conf.problem);
  return conf.ok && problems.length === 0 ? success(conf.value) : failure(problems);
}

/** `password` or `user password`, in the first line. */
function readCredentials(file: string): Result<Credentials, string> {
  try {
    const [line = ''] = readFileSync(file, 'latin1').split(/\r?\n/);
    const words = line.split(/\s+/).filter((word) => word !== '');
    const [first, second] = words;
    if (first === undefined || words.length > 2)
      return failure('its first line is "password" or "user password"');
    return success(
      second === undefined ? { user: null, password: first } : { user: first, password: second },
    );
  } catch (error) {
    return failure((error as Error).message);
  }
}
