// Fetches a server from the distribution's signed packages without root: apt-get tells what this machine lacks,
// downloads it, dpkg-deb unpacks it into our own folder. Unlike an installation this starts and enables nothing.
//
// Three sources are tried in turn: the package lists the machine has; lists of our own from the machine's sources
// (it may have none, as in container images); and, for Debian, lists of our own with backports, where Valkey lives
// on releases older than it.

import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Result, failure, success } from '../base/result.ts';
import { type Flavor, type ServerFiles, findOnPath, findUnpacked } from './server-files.ts';

/** A mirror that does not answer must not hold up `npm start` for longer than this. */
const COMMAND_MS_MAX = 120_000;

const DEBIAN_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface FetchOptions {
  readonly flavor: Flavor;
  /** Where the packages are unpacked; replaced as a whole, and only once it is complete. */
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly onProgress: (step: string) => void;
}

/** Downloads and unpacks a server. The problem is a phrase for people. */
export async function fetchServer(
  options: FetchOptions,
): Promise<Result<Omit<ServerFiles, 'origin'>, string>> {
  const searchPath = options.environment['PATH'] ?? '';
  for (const tool of ['apt-get', 'dpkg-deb']) {
    if (findOnPath(tool, searchPath) === null) return failure(`this machine has no ${tool}`);
  }
  let work: string;
  try {
    mkdirSync(dirname(options.folder), { recursive: true });
    work = mkdtempSync(`${options.folder}.fetch-`);
  } catch (error) {
    return failure(`cannot write to ${dirname(options.folder)}: ${(error as Error).message}`);
  }
  try {
    return await fetchInto(work, options);
  } catch (error) {
    return failure((error as Error).message);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function fetchInto(
  work: string,
  options: FetchOptions,
): Promise<Result<Omit<ServerFiles, 'origin'>, string>> {
  const { flavor, environment, onProgress } = options;
  const packageName = `${flavor}-server`;
  let lastProblem = `no package ${packageName}`;
  for (const source of sourcesToTry(work)) {
    if (source.refresh) {
      onProgress(`reading the package lists for ${packageName}`);
      const update = await run('apt-get', [...source.options, '-qq', 'update'], work, environment);
      if (update.exitCode !== 0) {
        lastProblem = lastLine(update.output);
        continue;
      }
    }
    const plan = await run(
      'apt-get',
      [...source.options, '-s', 'install', '--no-install-recommends', packageName],
      work,
      environment,
    );
    const missing = [...plan.output.matchAll(/^Inst (\S+) (?:\[[^\]]*\] )?\((\S+)/gm)].map(
      ([, name, version]) => `${name}=${version}`,
    );
    if (plan.exitCode !== 0 || missing.length === 0) {
      lastProblem =
        plan.exitCode === 0 ? `${packageName} is installed but not on PATH` : lastLine(plan.output);
      continue;
    }

    onProgress(`fetching ${missing.map((item) => item.replace(/=.*/, '')).join(', ')}`);
    const packages = join(work, 'packages');
    mkdirSync(packages, { recursive: true });
    const download = await run(
      'apt-get',
      [...source.options, '-qq', 'download', ...missing],
      packages,
      environment,
    );
    if (download.exitCode !== 0) {
      lastProblem = lastLine(download.output);
      continue;
    }
    const unpacked = join(work, 'root');
    for (const file of readdirSync(packages)) {
      const extract = await run('dpkg-deb', ['-x', join(packages, file), unpacked], work, environment);
      if (extract.exitCode !== 0) return failure(lastLine(extract.output));
    }
    if (findUnpacked(unpacked, flavor) === null)
      return failure(`${packageName} holds no usr/bin/${packageName}`);
    rmSync(options.folder, { recursive: true, force: true });
    renameSync(unpacked, options.folder);
    const files = findUnpacked(options.folder, flavor);
    return files === null ? failure(`${options.folder} vanished while it was written`) : success(files);
  }
  return failure(lastProblem);
}

interface PackageSource {
  readonly options: readonly string[];
  /** Whether its lists have to be downloaded first. */
  readonly refresh: boolean;
}

function sourcesToTry(work: string): PackageSource[] {
  // `download` as root drops to the user _apt, who may not enter our folder.
  const asOurselves = ['-oAPT::Sandbox::User='];
  const lists = join(work, 'lists');
  const archives = join(work, 'cache');
  mkdirSync(join(lists, 'partial'), { recursive: true });
  mkdirSync(join(archives, 'archives/partial'), { recursive: true });
  const ownState = [...asOurselves, `-oDir::State::Lists=${lists}`, `-oDir::Cache=${archives}`];
  const sources: PackageSource[] = [
    { options: asOurselves, refresh: false },
    { options: ownState, refresh: true },
  ];
  const codename = debianCodename();
  if (codename !== null && existsSync(DEBIAN_KEYRING)) {
    const list = join(work, 'sources.list');
    const mirror = `[signed-by=${DEBIAN_KEYRING}] http://deb.debian.org/debian`;
    writeFileSync(list, `deb ${mirror} ${codename} main\ndeb ${mirror} ${codename}-backports main\n`);
    sources.push({
      options: [
        ...ownState,
        `-oDir::Etc::SourceList=${list}`,
        '-oDir::Etc::SourceParts=/dev/null',
        `-oAPT::Default-Release=${codename}-backports`,
      ],
      refresh: true,
    });
  }
  return sources;
}

/** e.g. `bookworm`; null where this is not Debian. */
function debianCodename(): string | null {
  try {
    const release = readFileSync('/etc/os-release', 'utf8');
    return /^ID=debian$/m.test(release) ? (/^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1] ?? null) : null;
  } catch {
    return null;
  }
}

/** Runs a command to its end; both outputs together, since only people read them. */
function run(
  command: string,
  args: readonly string[],
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<{ exitCode: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: folder,
      env: { ...environment, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: COMMAND_MS_MAX,
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString('latin1');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => resolve({ exitCode: -1, output: error.message }));
    child.on('close', (code) => resolve({ exitCode: code ?? -1, output }));
  });
}

function lastLine(output: string): string {
  return output.trimEnd().split('\n').at(-1) ?? '';
}
