// A machine for the tests of the reader: two interfaces, some users, some scripts.

import { assert } from '../../base/assert.ts';
import { Random } from '../../base/random.ts';
import { type Result, success } from '../../base/result.ts';
import type { KeepalivedConf } from './conf.ts';
import { type LoadedConf, loadKeepalivedConf } from './load.ts';
import type { ConfProblem } from './problems.ts';
import type { PathPart, Surroundings } from './surroundings.ts';

export interface World {
  /** Absolute path to text: what can be included. */
  readonly files?: Readonly<Record<string, string>>;
  /** Absolute path to what differs from a program of root's that all can run. */
  readonly paths?: Readonly<Record<string, Partial<PathPart> | null>>;
  readonly users?: readonly string[];
  readonly daemonUserId?: number;
  readonly configId?: string;
  readonly isLenient?: boolean;
  readonly interfaces?: Surroundings['interfaces'];
}

const USER_IDS: Readonly<Record<string, number>> = {
  root: 0,
  redis: 110,
  keepalived_script: 111,
  nobody: 65_534,
};

/** What `path` is unless the test says otherwise: root's, executable; what has `missing` in it does not exist. */
function partsOf(path: string, paths: NonNullable<World['paths']>): PathPart[] | null {
  if (path.includes('missing') || paths[path] === null) return null;
  const names = path.split('/').slice(1);
  const all = ['/', ...names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`)];
  return all.map((one) => ({
    path: one,
    kind: one === path ? 'file' : 'directory',
    userId: 0,
    groupId: 0,
    mode: 0o755,
    ...paths[one],
  }));
}

function matches(pattern: string, path: string): boolean {
  const source = pattern
    .replaceAll(/[.+^$(){}|[\]\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  return new RegExp(`^${source}$`).test(path);
}

export function surroundings(world: World = {}): Surroundings {
  const { files = {}, paths = {}, users = ['root', 'redis'], daemonUserId = 0 } = world;
  return {
    workingDirectory: '/etc/keepalived',
    readInclude: (pattern) => {
      const found = Object.entries(files).filter(([path]) => matches(pattern, path));
      return success(
        found.map(([path, text]) => ({ path, text, directory: path.slice(0, path.lastIndexOf('/')) })),
      );
    },
    pathParts: (path) => partsOf(path, paths),
    findProgram: (name) => (name.includes('missing') ? null : `/usr/bin/${name}`),
    user: (name) => {
      const userId = users.includes(name) ? USER_IDS[name] : undefined;
      return userId === undefined ? null : { userId, groupId: userId };
    },
    group: (name) => (users.includes(name) ? (USER_IDS[name] ?? null) : null),
    daemonUserId,
    daemonUserName: 'root',
    interfaces:
      world.interfaces === undefined
        ? [
            { name: 'lo', addresses: ['127.0.0.1'], isLoopback: true },
            { name: 'eth0', addresses: ['10.0.0.11'], isLoopback: false },
            { name: 'eth1', addresses: ['10.1.0.11'], isLoopback: false },
          ]
        : world.interfaces,
    hostName: 'db1.example.org',
    environment: (name) => (name === 'SITE' ? 'north' : null),
    random: new Random(1),
  };
}

export function load(text: string, world: World = {}): Result<LoadedConf, readonly ConfProblem[]> {
  const source = {
    path: 'k.conf',
    text,
    directory: '/etc/keepalived',
    configId: world.configId ?? null,
    isLenient: world.isLenient ?? false,
  };
  return loadKeepalivedConf(source, surroundings(world));
}

/** `where sentence` of each problem. */
export function told(problems: readonly ConfProblem[]): string[] {
  return problems.map(({ where, sentence }) => `${where} ${sentence}`);
}

/** The configuration of a file that has no errors. */
export function loaded(text: string, world?: World): KeepalivedConf {
  const result = load(text, world);
  assert(result.ok, result.ok ? '' : told(result.problem).join('\n'));
  return result.value.conf;
}

/** The warnings of a file that has no errors. */
export function warnings(text: string, world?: World): string[] {
  const result = load(text, world);
  assert(result.ok, result.ok ? '' : told(result.problem).join('\n'));
  return told(result.value.warnings);
}

/** The errors of a file that has some. */
export function errors(text: string, world?: World): string[] {
  const result = load(text, world);
  assert(!result.ok, 'the file has errors');
  return told(result.problem.filter(({ severity }) => severity === 'error'));
}

/** An instance with `lines` added to it; they begin on line 6. */
export function instance(lines = '', header = ''): string {
  return `${header}vrrp_instance VI_1 {\n  interface eth0\n  virtual_router_id 51\n  priority 100\n  virtual_ipaddress { 10.0.0.100 }\n${lines}\n}\n`;
}
