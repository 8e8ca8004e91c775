// `baton endpoint`: one plain port that is always the primary, until a signal ends it.

import type { ControlSocket } from '../api/control-socket.ts';
import { runtimeFolder } from '../api/socket-paths.ts';
import {
  reportListening,
  reportProblems,
  startInBackground,
  takeBackgroundMark,
} from '../daemon/background.ts';
import { Doors } from '../daemon/endpoint/doors.ts';
import { EndpointDaemon } from '../daemon/endpoint/endpoint-daemon.ts';
import type { EndpointLog } from '../daemon/endpoint/endpoint-journal.ts';
import type { ChosenPath } from '../daemon/endpoint/open-paths.ts';
import { LogTargets } from '../daemon/endpoint/log-targets.ts';
import { Log } from '../daemon/log.ts';
import { PidFile } from '../daemon/pid-file.ts';
import { governProcess } from '../daemon/process-life.ts';
import { ServiceManager } from '../daemon/service-manager.ts';
import { findIds, type Ids } from '../daemon/user-ids.ts';
import type { HaproxyProcess } from '../endpoint/conf/haproxy/haproxy-conf.ts';
import { targetText } from '../endpoint/route.ts';
import type { Capability } from '../os/capabilities.ts';
import { becomingUser } from '../os/keep-capabilities.ts';
import type { EndpointOptions } from './endpoint-arguments.ts';
import { ordersFor } from './endpoint-control.ts';
import { aboutOf, doorsOf, nameOf, readPlan, staysAwake, workersOf } from './endpoint-plan.ts';
import { EndpointReloader } from './endpoint-reload.ts';

const EXIT_USAGE = 2;
const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

const complaints = (problems: readonly string[]): readonly string[] =>
  problems.map((problem) => `baton: ${problem}`);

function complain(problems: readonly string[]): void {
  for (const line of complaints(problems)) process.stderr.write(`${line}\n`);
}

/** `--check`: says what was understood (unless `isQuiet`), or what is wrong. Returns the exit code. */
export function checkEndpoint(options: EndpointOptions, { isQuiet = false } = {}): number {
  const plan = readPlan(options);
  if (!plan.ok) {
    complain(plan.problem);
    // As `haproxy -c`.
    return options.file === null ? EXIT_USAGE : 1;
  }
  if (isQuiet) return 0;
  const { conf, warnings } = plan.value;
  for (const { name, binds, backend, path, branchOf } of conf.frontends) {
    const listens = binds.map((bind) => (bind.kind === 'unix' ? bind.path : targetText(bind))).join(' ');
    const where = branchOf === undefined ? `listens on ${listens}` : `serves clients of ${branchOf}`;
    process.stdout.write(`${name}: ${where}, leads to ${backend}, path ${path}\n`);
  }
  for (const { name, role, source, servers } of conf.backends) {
    const who =
      source.kind === 'sentinels'
        ? `the sentinels' ${source.group}`
        : servers.map((one) => one.name).join(' ');
    process.stdout.write(`${name}: ${role.kind} of ${who}\n`);
  }
  for (const warning of warnings) process.stdout.write(`warning: ${warning}\n`);
  return 0;
}

/** Runs until a signal ends it. The process ends by itself, with its own exit code. */
export async function runEndpoint(options: EndpointOptions): Promise<void> {
  const isInBackground = takeBackgroundMark();
  const console = new Log({ level: 'notice', file: '', logFormat: 'legacy', logTimestampFormat: 'legacy' });
  const warn = (sentence: string): void => console.write('warning', toBytes(sentence));
  const closing: (() => void)[] = [];
  const cleanUp = (): void => {
    for (const close of closing.splice(0)) close();
  };
  let daemon: EndpointDaemon | null = null;
  let exitCode: number | null = null;
  // In the background the service manager has long been answered, by the first process's end.
  const manager = new ServiceManager(warn, isInBackground ? {} : process.env);
  governProcess({
    terminate: () => {
      manager.stopping();
      if (daemon === null) process.exit(0);
      daemon.terminate();
    },
    report: warn,
    cleanUp,
  });
  const plan = readPlan(options);
  if (!plan.ok) {
    complain(plan.problem);
    process.exit(options.file === null ? EXIT_USAGE : 1);
  }
  const { conf, process: settings, warnings, tlsFiles } = plan.value;
  for (const warning of warnings) warn(warning);
  const wantsBackground =
    options.daemon === true || (settings?.isDaemon === true && options.foreground !== true);
  if (wantsBackground && !isInBackground) process.exit(await startInBackground(null));
  const runAs = idsOf(settings);
  const log: EndpointLog =
    settings === null || settings.logs.length === 0
      ? console
      : new LogTargets(settings.logs, 'haproxy', warn);
  const started = await EndpointDaemon.start({
    conf,
    paths: {
      cgroup: options.cgroup ?? null,
      coversAllNamespaces: options.netns === 'all',
      workers: workersOf(options, settings),
      staysAwake: staysAwake(options, settings),
      clientsMax: settings?.connectionsMax ?? null,
      masquerade: options.masquerade === 'no' ? 'no' : 'auto',
      runAs,
      name: nameOf(options),
      tlsFiles,
    },
    about: aboutOf(plan.value),
    log,
    exit(code) {
      cleanUp();
      process.exit(exitCode ?? code);
    },
  });
  // In the background nobody sees our standard error.
  const say = async (problems: readonly string[]): Promise<void> =>
    isInBackground ? reportProblems(complaints(problems)) : complain(problems);
  if (!started.ok) {
    await say(started.problem);
    process.exit(1);
  }
  daemon = started.value;
  for (const { endpoint, listens, path, because } of daemon.chosen) {
    const where = listens.length === 0 ? 'serves a part of the clients' : `listens on ${listens.join(', ')}`;
    log.write('notice', `${endpoint} ${where}, path ${path}: ${because}`);
  }
  const running = daemon;
  const doors = new Doors({
    view: (withSessions) => running.view(withSessions),
    order: (order) => running.order(order),
  });
  closing.push(() => doors.close());
  const reloader = new EndpointReloader({ daemon: running, doors, options, log, manager });
  // The second is what HAProxy's unit sends its master.
  for (const signal of ['SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => void reloader.reload());
  const pidFile = new PidFile({ pidFile: pidFileOf(options, settings) }, isInBackground && settings === null);
  const pidProblem = pidFile.write();
  closing.push(() => pidFile.remove());
  if (pidProblem !== null) warn(pidProblem);
  const problems = await doors.configure(doorsOf(plan.value));
  for (const { sentence, isPort } of problems) if (!isPort) warn(sentence);
  const ports = problems.filter(({ isPort }) => isPort).map(({ sentence }) => sentence);
  if (ports.length > 0) {
    // What serves already is taken back in order.
    await say(ports);
    exitCode = 1;
    daemon.terminate();
    return;
  }
  const orders = ordersFor(daemon, (file) => reloader.reload(file));
  const controlSocket = await openControl(daemon, nameOf(options), orders, warn);
  if (controlSocket !== null) closing.push(() => controlSocket.close());
  // HAProxy, too, gives its rights up once it has bound its ports.
  if (runAs !== null) becomeUser(runAs, rightsOf(daemon));
  if (isInBackground) reportListening();
  manager.ready();
  if (manager.watchdogMs !== null) setInterval(() => manager.alive(), manager.watchdogMs / 2);
}

const pidFileOf = (options: EndpointOptions, settings: HaproxyProcess | null): string | null =>
  options.pid === undefined ? (settings?.pidFile ?? null) : toBytes(options.pid);

/** Whom the file says to run as; null: as we are. Exits if there is no such user. */
function idsOf(settings: HaproxyProcess | null): Ids | null {
  if (settings === null || (settings.user === null && settings.group === null)) return null;
  const ids = findIds(settings.user, settings.group);
  if (ids.ok) return ids.value;
  complain([`${ids.problem}: make it, or leave "user" and "group" out`]);
  process.exit(1);
}

/** What its paths need as long as they run: to renew a route, and to end connections. A reload needs no more. */
function rightsOf({ chosen }: EndpointDaemon): readonly Capability[] {
  const takes = (wanted: ChosenPath['path']): boolean => chosen.some(({ path }) => path === wanted);
  if (takes('socket')) return ['CAP_NET_ADMIN', 'CAP_BPF'];
  return takes('nat') ? ['CAP_NET_ADMIN'] : [];
}

function becomeUser({ uid, gid }: Ids, rights: readonly Capability[]): void {
  if (process.getuid?.() !== 0) return;
  process.setgroups?.([]);
  if (gid !== undefined) process.setgid?.(gid);
  if (uid !== undefined) becomingUser(rights, () => process.setuid?.(uid));
}

async function openControl(
  daemon: EndpointDaemon,
  name: string,
  orders: ReturnType<typeof ordersFor>,
  warn: (sentence: string) => void,
): Promise<ControlSocket | null> {
  const { openControlSocket } = await import('../api/control-socket.ts');
  const opened = await openControlSocket({
    folder: runtimeFolder(),
    kind: 'endpoint',
    name,
    distinction: String(process.pid),
    source: { status: () => daemon.status(), orders },
  });
  if (opened.ok) return opened.value;
  warn(`No control socket for "baton endpoint status": ${opened.problem}`);
  return null;
}
