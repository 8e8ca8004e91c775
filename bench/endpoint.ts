// What stands between a client and Redis, and what it costs: nothing, the three paths of `baton endpoint`, and HAProxy as
// a Redis tutorial sets it up. Client, proxy and Redis are machines of their own (network namespaces on a bridge).
// redis-benchmark sends SET and GET on every way in turn, in another order each round; ratios are taken within a round.
//
// Needs root, iproute2, util-linux, nft, haproxy and redis-benchmark. The socket path is attached to a cgroup folder that
// this makes, where its client is. Everything is removed again, on Ctrl-C too.
//
// `node scripts/bench.mjs endpoint [--rounds 5] [--only direct,socket,nat,relay,transparent,haproxy]
//                                  [--case c1,c50,c50p16,c500,idle] [--json]`

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { socketPathProblem } from '../src/daemon/endpoint/socket-path.ts';
import type { ServerFiles } from '../src/redis/server-files.ts';
import { serverFiles } from '../test/harness/fleet.ts';
import { Network } from '../test/harness/namespaces.ts';
import { lacksNetworkNamespaces } from '../test/harness/requirements.ts';
import { type Idle, measureIdle, runIdleClient } from './endpoint/idle.ts';
import { benchmarkFile, type Case, CASES, type Run, runLoad } from './endpoint/load.ts';
import { judge, judgeIdle, reportCase, type Rounds } from './endpoint/report.ts';
import { MACHINE_COUNT, type Way, WAY_NAMES, type WayName, World } from './endpoint/ways.ts';
import { readTexts, strangerAmong } from './shared/options.ts';
import { thisPart } from './shared/parts.ts';
import { printVerdicts, progress } from './shared/report.ts';

const EXIT_USAGE = 2;
const ROUNDS_DEFAULT = 5;
/** Of a case's requests, sent once beforehand so that nobody is measured cold. */
const WARM_UP_SHARE = 0.5;
/** As `--only` has them; nat is two ways. */
const ONLY_NAMES = ['direct', 'socket', 'nat', 'relay', 'transparent', 'haproxy'];
const CASE_NAMES = [...CASES.map(({ name }) => name), 'idle'];

interface Options {
  readonly rounds: number;
  readonly ways: readonly WayName[];
  readonly cases: readonly Case[];
  readonly hasIdle: boolean;
  readonly json: boolean;
}

/** A string: what is wrong. */
function readOptions(): Options | string {
  const values = readTexts({
    rounds: String(ROUNDS_DEFAULT),
    only: ONLY_NAMES.join(','),
    case: CASE_NAMES.join(','),
  });
  if (typeof values === 'string') return values;
  const [only, cases] = [values.only.split(','), values.case.split(',')];
  if (!/^[1-9]\d{0,3}$/.test(values.rounds)) return '--rounds needs a number from 1';
  const wrong = strangerAmong('only', only, ONLY_NAMES) ?? strangerAmong('case', cases, CASE_NAMES);
  if (wrong !== null) return wrong;
  return {
    rounds: Number(values.rounds),
    // Everything is compared with the direct way.
    ways: WAY_NAMES.filter(
      (name) => name === 'direct' || only.includes(name === 'nat-gateway' ? 'nat' : name),
    ),
    cases: CASES.filter(({ name }) => cases.includes(name)),
    hasIdle: cases.includes('idle') && only.includes('relay'),
    json: values.json,
  };
}

/** What keeps the bench from running here; null: nothing. */
function whatIsMissing({ ways }: Options, files: ServerFiles): string | null {
  const lacks = lacksNetworkNamespaces();
  if (lacks !== false) return lacks;
  const works = (command: string, ...args: readonly string[]): boolean =>
    spawnSync(command, args, { stdio: 'ignore' }).status === 0;
  const without = 'or choose the others with --only';
  if (!existsSync('dist/main.js')) return 'npm run build first';
  if (!works('nsenter', '--version')) return 'needs nsenter: apt-get install util-linux';
  if (files.cli === null || benchmarkFile(files) === null)
    return `needs redis-cli and redis-benchmark beside ${files.server}: apt-get install redis-tools`;
  if (ways.includes('haproxy') && !works('haproxy', '-v'))
    return `needs haproxy: apt-get install haproxy, ${without}`;
  if (ways.includes('nat') && !works('nft', '--version'))
    return `needs nft: apt-get install nftables, ${without}`;
  const problem = ways.includes('socket')
    ? socketPathProblem({ cgroup: null, coversAllNamespaces: false })
    : null;
  return problem === null ? null : `no socket path here: ${problem}; ${without}`;
}

/** Every case on every way, in another order each round. */
async function compare(world: World, files: ServerFiles, { rounds, cases }: Options): Promise<Rounds> {
  const program = benchmarkFile(files) ?? '';
  const found = new Map(cases.map((load) => [load, new Map<WayName, Run[]>()]));
  const run = async (way: Way, load: Case, share?: number): Promise<Run> => {
    const close = await way.open?.();
    try {
      const { wrapper, target } = way;
      return await runLoad({
        files,
        program,
        wrapper,
        target,
        load,
        ...(share === undefined ? {} : { share }),
      });
    } catch (error) {
      throw new Error(`${way.name}, ${load.title}: ${(error as Error).message}`, { cause: error });
    } finally {
      await close?.();
    }
  };
  for (const load of cases) {
    for (const way of world.ways) {
      progress(`warming up: ${load.title}, ${way.name}`);
      if (way.open === null) await run(way, load, WARM_UP_SHARE);
    }
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const [load, byWay] of found) {
      for (const way of shuffled(world.ways)) {
        progress(`round ${round} of ${rounds}: ${load.title}, ${way.name}`);
        const runs = byWay.get(way.name) ?? [];
        byWay.set(way.name, runs);
        runs.push(await run(way, load));
      }
    }
  }
  return found;
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function printJson(rounds: Rounds, idle: Idle | null): void {
  const cases = Object.fromEntries([...rounds].map(([{ name }, byWay]) => [name, Object.fromEntries(byWay)]));
  console.log(JSON.stringify({ cases, idle, verdicts: verdictsOf(rounds, idle) }));
}

const verdictsOf = (rounds: Rounds, idle: Idle | null): ReturnType<typeof judge> => [
  ...judge(rounds),
  ...(idle === null ? [] : [judgeIdle(idle)]),
];

/** `ss` and conntrack in other words: who Redis thinks its client is, and whether netfilter follows the connection. */
function reportSocketPath(world: World): void {
  const way = world.ways.find(({ name }) => name === 'socket');
  if (way === undefined) return;
  const followed = world.followedOnClient();
  console.log(
    `socket path: Redis sees the client itself (${world.addressSeenBy(way)}); connections that netfilter follows ` +
      `on the client's machine: ${followed ?? 'none (not loaded there)'}\n`,
  );
}

async function measure(options: Options, files: ServerFiles): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-bench-'));
  process.env['TMPDIR'] = folder;
  const network = Network.make(`baton-bench-${process.pid}`, MACHINE_COUNT);
  // However it ends. The folder last: nobody writes there any more.
  process.on('exit', () => {
    network.remove();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });
  const world = await World.make(network, files, options.ways);
  try {
    const rounds = await compare(world, files, options);
    const idle = options.hasIdle ? await measureIdle(world) : null;
    if (options.json) return printJson(rounds, idle);
    for (const load of rounds.keys()) {
      reportCase(load, rounds);
      console.log('');
    }
    reportSocketPath(world);
    printVerdicts(verdictsOf(rounds, idle));
  } finally {
    await world.dispose();
  }
}

async function main(): Promise<void> {
  if (thisPart() === 'idle') return runIdleClient();
  const options = readOptions();
  const files = await serverFiles('redis');
  const problem = typeof options === 'string' ? options : whatIsMissing(options, files);
  if (typeof options === 'string' || problem !== null) {
    console.error(problem);
    process.exitCode = EXIT_USAGE;
    return;
  }
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  await measure(options, files);
}

await main().catch((error: unknown) => {
  progress('');
  console.error((error as Error).message);
  process.exit(1);
});
