// Virtual routers on the hosts of test/os: ours, and keepalived's.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import type { VrrpConf } from '../../src/vrrp/router-conf.ts';
import { LINK, type Cleanup, type Host } from '../os/hosts.ts';
import { lacksKeepalived, lacksNetworkNamespaces } from '../harness/requirements.ts';
import { until } from '../harness/wait.ts';

/** `false`, or why such tests can't run. */
export const skip = lacksNetworkNamespaces() || lacksKeepalived();

/** One daemon on one host. */
export class Router {
  readonly process: ChildProcess;
  readonly ended: Promise<number | null>;
  /** All it said. */
  output = '';

  constructor(child: ChildProcess) {
    this.process = child;
    const collect = (text: string): void => {
      this.output += text;
    };
    child.stdout?.setEncoding('latin1').on('data', collect);
    child.stderr?.setEncoding('latin1').on('data', collect);
    child.stdin?.on('error', () => undefined);
    this.ended = new Promise((done) => child.once('exit', done));
  }

  says(what: string | RegExp, patienceMs = 10_000): Promise<boolean> {
    const isThere = (): boolean =>
      typeof what === 'string' ? this.output.includes(what) : what.test(this.output);
    return until(String(what), isThere, () => this.output, patienceMs);
  }
}

/** Whether `host` has `address`, asked of its kernel. */
export function holds(host: Host, address: string): boolean {
  return host.run('ip', '-o', 'address', 'show', 'dev', LINK).includes(` ${address}/`);
}

/** Milliseconds until `probe` is true, looked at every 20 ms or so. */
export async function takes(probe: () => boolean, patienceMs = 10_000): Promise<number> {
  const since = performance.now();
  while (!probe()) {
    if (performance.now() - since > patienceMs) throw new Error(`not within ${patienceMs} ms`);
    await new Promise((done) => setTimeout(done, 20));
  }
  return performance.now() - since;
}

let bundle: Promise<string> | undefined;

/** Starts a daemon of ours. `wrapper`: a program that takes a command, e.g. to run it with fewer rights. */
export async function startOurs(
  test: Cleanup,
  host: Host,
  conf: VrrpConf,
  ...wrapper: readonly string[]
): Promise<Router> {
  bundle ??= bundleProcess('router-process');
  const words = [...wrapper, process.execPath, await bundle, JSON.stringify(conf)];
  return startCommand(test, host, words);
}

/** A running keepalived; signals that are to hit at once go to the process that speaks VRRP. */
export class Keepalived extends Router {
  readonly #pidFile: string;

  constructor(child: ChildProcess, pidFile: string) {
    super(child);
    this.#pidFile = pidFile;
  }

  /** Throws if there is no such process any more. */
  signalVrrp(signal: NodeJS.Signals): void {
    const pid = Number(readFileSync(this.#pidFile, 'latin1'));
    // The file outlives a crash, and its number may be somebody else's by now.
    if (!this.#isOurs(pid)) throw new Error('it has ended');
    process.kill(pid, signal);
  }

  /** Also one that was forked a moment ago and has written its number nowhere. The parent must be stopped, or it forks another. */
  killChildren(): void {
    for (const pid of readdirSync('/proc').map(Number)) {
      if (!(pid > 0) || pid === this.process.pid || !this.#isOurs(pid)) continue;
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  #isOurs(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(this.#pidFile);
    } catch {
      return false;
    }
  }

  /** As when the machine has no memory left: neither process can say goodbye for the other. */
  crash(): void {
    this.process.kill('SIGSTOP');
    this.killChildren();
    this.process.kill('SIGKILL');
  }
}

/** Starts keepalived with this text as its file. `wrapper`: as for {@link startOurs}. */
export function startKeepalived(
  test: Cleanup,
  host: Host,
  text: string,
  ...wrapper: readonly string[]
): Keepalived {
  const file = join(temporaryFolder(), 'keepalived.conf');
  writeFileSync(file, text);
  return startKeepalivedOn(test, host, file, 'none', ...wrapper);
}

/** Starts keepalived with this file. `id`: which of its `@id` lines count. */
export function startKeepalivedOn(
  test: Cleanup,
  host: Host,
  file: string,
  id = 'none',
  ...wrapper: readonly string[]
): Keepalived {
  const folder = temporaryFolder();
  const pidFile = join(folder, 'vrrp.pid');
  const pidFiles = ['-p', join(folder, 'pid'), '-r', pidFile, '-c', join(folder, 'checkers.pid')];
  const words = [...wrapper, 'keepalived', '-n', '-l', '-D', '-P', '-G', '-i', id, '-f', file, ...pidFiles];
  const router = new Keepalived(spawnOn(host, words), pidFile);
  test.after(() => end(router));
  return router;
}

const folders: string[] = [];
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that goes with this process: a test's own end comes before its daemons', and their scripts may still write. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'baton-vrrp-'));
  folders.push(folder);
  return folder;
}

/** Starts any command on a host. */
export function startCommand(test: Cleanup, host: Host, words: readonly string[]): Router {
  const router = new Router(spawnOn(host, words));
  test.after(() => end(router));
  return router;
}

function spawnOn(host: Host, words: readonly string[]): ChildProcess {
  return spawn('ip', ['netns', 'exec', host.namespace, ...words], { stdio: 'pipe' });
}

/** Also what hangs or was left frozen. Nothing that it began may hold a pipe to this process open. */
async function end(router: Router): Promise<void> {
  router.process.kill('SIGSTOP');
  if (router instanceof Keepalived) router.killChildren();
  router.process.kill('SIGKILL');
  await router.ended;
  for (const pipe of [router.process.stdin, router.process.stdout, router.process.stderr]) pipe?.destroy();
}

/** One of the processes beside this file as a program that Node can run; its path. */
export async function bundleProcess(name: string): Promise<string> {
  const outfile = resolve('.cache/tests/vrrp', `${name}-${process.pid}.mjs`);
  await build({
    entryPoints: [`test/vrrp/${name}.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    logLevel: 'warning',
  });
  return outfile;
}
