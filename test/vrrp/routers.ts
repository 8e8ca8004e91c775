// Virtual routers on the two hosts of test/os/hosts.ts: ours, and keepalived's.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

/** Starts keepalived with this text as its file. `wrapper`: as for {@link startOurs}. */
export function startKeepalived(
  test: Cleanup,
  host: Host,
  text: string,
  ...wrapper: readonly string[]
): Router {
  const folder = mkdtempSync(join(tmpdir(), 'baton-keepalived-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'keepalived.conf');
  writeFileSync(file, text);
  const pidFiles = [
    '-p',
    join(folder, 'pid'),
    '-r',
    join(folder, 'vrrp.pid'),
    '-c',
    join(folder, 'checkers.pid'),
  ];
  const words = [...wrapper, 'keepalived', '-n', '-l', '-D', '-P', '-G', '-f', file, ...pidFiles];
  return startCommand(test, host, words);
}

/** Starts any command on a host. */
export function startCommand(test: Cleanup, host: Host, words: readonly string[]): Router {
  const child = spawn('ip', ['netns', 'exec', host.namespace, ...words], { stdio: 'pipe' });
  const router = new Router(child);
  test.after(async () => {
    // Also what hangs; keepalived's children end with their parent.
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await router.ended;
  });
  return router;
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
