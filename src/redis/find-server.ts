// Finds a Redis or Valkey server to run: the one the operator names, else an installed one, else a private copy, else
// one fetched from the distribution's packages. Nothing is ever installed or enabled on the machine.

import { existsSync, readFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Result, failure, success } from '../base/result.ts';
import { fetchServer } from './fetch-server.ts';
import {
  type Flavor,
  type ServerFiles,
  findOnPath,
  findUnpacked,
  flavorOf,
  isExecutable,
} from './server-files.ts';

export interface FindOptions {
  /** Which servers will do, best first. Default: Redis, then Valkey. */
  readonly flavors?: readonly Flavor[];
  /** REDIS_SERVER, PATH, HOME and XDG_CACHE_HOME are read from here. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Where private copies live, a folder for each flavor. Default: {@link defaultCacheFolder}. */
  readonly cacheFolder?: string;
  /** Whether packages may be downloaded when nothing else was found. Default: yes. */
  readonly mayFetch?: boolean;
  /** Told, in a few words, what takes time. */
  readonly onProgress?: (step: string) => void;
}

/**
 * The first server found. `$REDIS_SERVER` decides alone when it is set and its flavor will do: if it can't be
 * executed that is a problem, since silently running another server would surprise whoever set it.
 */
export async function findServer(options: FindOptions = {}): Promise<Result<ServerFiles>> {
  const environment = options.environment ?? process.env;
  const flavors = options.flavors ?? ['redis', 'valkey'];
  const cacheFolder = options.cacheFolder ?? defaultCacheFolder(environment);

  const named = environment['REDIS_SERVER'] ?? '';
  if (named !== '' && flavors.includes(flavorOf(named))) return namedServer(named, environment);

  for (const flavor of flavors) {
    const server = findOnPath(`${flavor}-server`, environment['PATH'] ?? '');
    if (server !== null) {
      const cli = findOnPath(`${flavor}-cli`, environment['PATH'] ?? '');
      return success({ flavor, server, cli, libraryFolders: [], origin: 'PATH' });
    }
  }
  for (const flavor of flavors) {
    const copy = findUnpacked(join(cacheFolder, flavor), flavor);
    if (copy !== null) return success({ ...copy, origin: 'private copy' });
  }

  const reasons: string[] = [];
  if (options.mayFetch ?? true) {
    for (const flavor of flavors) {
      const fetched = await fetchServer({
        flavor,
        folder: join(cacheFolder, flavor),
        environment,
        onProgress: options.onProgress ?? (() => {}),
      });
      if (fetched.ok) return success({ ...fetched.value, origin: 'fetched' });
      reasons.push(`${flavor}: ${fetched.problem}`);
    }
  }
  const programs = flavors.map((flavor) => `${flavor}-server`).join(' or ');
  const why = reasons.length > 0 ? ` (could not fetch a private copy; ${reasons.join('; ')})` : '';
  return failure({
    code: 'no-server',
    sentence: `no ${programs} found: install one (sudo apt-get install ${flavors[0]}-server) or set REDIS_SERVER to its path${why}`,
  });
}

/**
 * Where private copies live: `.cache/servers` of the checkout this program runs from, so that removing the checkout
 * removes them; else `$XDG_CACHE_HOME/baton/servers`; a home that does not exist leaves the temporary folder.
 */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const checkout = findCheckout(dirname(fileURLToPath(import.meta.url)));
  if (checkout !== null) return join(checkout, '.cache/servers');
  const xdg = environment['XDG_CACHE_HOME'] ?? '';
  if (xdg.startsWith('/')) return join(xdg, 'baton/servers');
  const home = environment['HOME'] ?? homedir();
  if (existsSync(home)) return join(home, '.cache/baton/servers');
  return join(tmpdir(), `baton-${process.getuid?.() ?? 0}`, 'servers');
}

/** The checkout `folder` is in: our package with its sources beside it. An installed package has only the bundle. */
function findCheckout(folder: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    const manifest = join(at, 'package.json');
    if (existsSync(manifest) && existsSync(join(at, 'src/redis'))) {
      return /"name":\s*"baton"/.test(readFileSync(manifest, 'utf8')) ? at : null;
    }
    if (dirname(at) === at) return null;
  }
}

function namedServer(named: string, environment: NodeJS.ProcessEnv): Result<ServerFiles> {
  const searchPath = environment['PATH'] ?? '';
  const server = named.includes('/') ? resolve(named) : findOnPath(named, searchPath);
  if (server === null || !isExecutable(server)) {
    return failure({
      code: 'bad-redis-server',
      sentence: `REDIS_SERVER names ${named}, which is not a program that can be run: correct or unset it`,
    });
  }
  const flavor = flavorOf(server);
  const beside = join(dirname(server), `${flavor}-cli`);
  const cli = isExecutable(beside) ? beside : findOnPath(`${flavor}-cli`, searchPath);
  return success({ flavor, server, cli, libraryFolders: [], origin: 'REDIS_SERVER' });
}
