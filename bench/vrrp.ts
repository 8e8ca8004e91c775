// The floating address, keepalived's and ours: two pairs of hosts and a client on one bridge, each pair with the same
// keepalived.conf and a Redis on either host. Round by round the active host of one pair, then of the other, meets a
// fault; adverts are captured on the wire, and the client pings and writes through the address all the while. The
// clock runs from the last advert captured to the successor's first.
//
// Needs root, iproute2 and keepalived. All is in network namespaces, which are removed again, on Ctrl-C too.
//
// `node scripts/bench.mjs vrrp [--rounds 6] [--case crash,loss,term,redis,adverts] [--timing v2,v3,v3-fast]
//                              [--only keepalived|baton] [--json]`

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentFor } from '../src/redis/server-files.ts';
import { serverFiles } from '../test/harness/fleet.ts';
import { Network, runInsideNetwork } from '../test/harness/namespaces.ts';
import { lacksKeepalived, lacksNetworkNamespaces } from '../test/harness/requirements.ts';
import { printVerdicts, progress, type Verdict } from './shared/report.ts';
import { runClient } from './vrrp/client.ts';
import { compare, MACHINE_COUNT, MACHINES } from './vrrp/comparison.ts';
import type { Contender, Timing } from './vrrp/pair.ts';
import { readTexts, strangerAmong } from './shared/options.ts';
import { thisPart } from './shared/parts.ts';
import { measurePunctuality, runTimers, type Punctuality } from './vrrp/punctuality.ts';
import { reportPunctuality, reportTiming, type Rounds } from './vrrp/report.ts';
import { FAULTS, type Fault } from './vrrp/round.ts';

const EXIT_USAGE = 2;
const ROUNDS_DEFAULT = 6;
/** With the default rounds: 6,000 adverts and some more. */
const PUNCTUALITY_SECONDS = 62;

const TIMINGS: Readonly<Record<string, Timing>> = {
  v2: { name: 'v2, 1 s', version: 2, advertIntervalMs: 1_000 },
  v3: { name: 'v3, 1 s', version: 3, advertIntervalMs: 1_000 },
  'v3-fast': { name: 'v3, 0.1 s', version: 3, advertIntervalMs: 100 },
};
const TIMINGS_DEFAULT = 'v2,v3-fast';
const CONTENDERS_DEFAULT = 'keepalived,baton';
const CASES = [...FAULTS, 'adverts'];

interface Options {
  readonly rounds: number;
  readonly faults: readonly Fault[];
  readonly hasAdverts: boolean;
  readonly timings: readonly Timing[];
  readonly contenders: readonly Contender[];
  readonly json: boolean;
}

/** A string: what is wrong. */
function readOptions(): Options | string {
  const values = readTexts({
    rounds: String(ROUNDS_DEFAULT),
    case: CASES.join(','),
    timing: TIMINGS_DEFAULT,
    only: CONTENDERS_DEFAULT,
  });
  if (typeof values === 'string') return values;
  const { rounds } = values;
  const [cases, timings, only] = [values.case.split(','), values.timing.split(','), values.only.split(',')];
  if (!/^[1-9]\d{0,5}$/.test(rounds)) return '--rounds needs a number from 1';
  const wrong =
    strangerAmong('case', cases, CASES) ??
    strangerAmong('timing', timings, Object.keys(TIMINGS)) ??
    strangerAmong('only', only, CONTENDERS_DEFAULT.split(','));
  if (wrong !== null) return wrong;
  const contenders = (['keepalived', 'Baton'] as const).filter((contender) =>
    only.includes(contender.toLowerCase()),
  );
  return {
    rounds: Number(rounds),
    faults: FAULTS.filter((fault) => cases.includes(fault)),
    hasAdverts: cases.includes('adverts'),
    timings: timings.flatMap((name) => TIMINGS[name] ?? []),
    contenders,
    json: values.json,
  };
}

/** What keeps the bench from running here; null: nothing. */
function whatIsMissing({ contenders }: Options): string | null {
  const lacks = lacksNetworkNamespaces() || (contenders.includes('keepalived') && lacksKeepalived());
  if (lacks !== false) return lacks;
  return contenders.includes('Baton') && !existsSync('dist/main.js') ? 'npm run build first' : null;
}

/** Makes the network and a folder for everything, and runs this program again inside. */
async function outside(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-bench-'));
  process.env['TMPDIR'] = folder;
  const inside = runInsideNetwork(MACHINE_COUNT, { isShown: true });
  // After what runInsideNetwork does at exit: nobody writes there any more.
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  await inside.catch(() => {
    // What went wrong was said inside.
    process.exitCode = 1;
  });
}

async function inside(network: Network, options: Options): Promise<void> {
  const files = await serverFiles('redis');
  if (files.cli === null) throw new Error('the check of the tutorials needs redis-cli');
  const results: { timing: Timing; rounds: Rounds }[] = [];
  const verdicts: Verdict[] = [];
  for (const timing of options.faults.length === 0 ? [] : options.timings) {
    const rounds = await compare({ ...options, network, files, timing });
    results.push({ timing, rounds });
    if (options.json) continue;
    verdicts.push(...reportTiming(timing, rounds));
    console.log('');
  }
  let punctuality: Punctuality | null = null;
  if (options.hasAdverts) {
    const seconds = Math.ceil((PUNCTUALITY_SECONDS * options.rounds) / ROUNDS_DEFAULT);
    progress(`adverts on time, ${seconds} s`);
    punctuality = await measurePunctuality({
      network,
      machines: new Map(options.contenders.map((contender) => [contender, MACHINES[contender][0]])),
      seconds,
      environment: environmentFor(files),
    });
    if (!options.json) verdicts.push(...reportPunctuality(punctuality));
  }
  if (options.json) printJson(results, punctuality);
  printVerdicts(verdicts);
}

function printJson(
  results: readonly { readonly timing: Timing; readonly rounds: Rounds }[],
  punctuality: Punctuality | null,
): void {
  const timings = results.map(({ timing, rounds }) => ({
    ...timing,
    faults: Object.fromEntries(
      [...rounds].map(([fault, byContender]) => [fault, Object.fromEntries(byContender)]),
    ),
  }));
  const adverts =
    punctuality === null
      ? null
      : { lateMs: Object.fromEntries(punctuality.lateMs), timersLateMs: punctuality.timersLateMs };
  console.log(JSON.stringify({ timings, adverts }));
}

async function main(): Promise<void> {
  const part = thisPart();
  if (part === 'client') return runClient();
  if (part === 'timers') return runTimers();
  const options = readOptions();
  const problem = typeof options === 'string' ? options : null;
  const network = Network.around();
  const missing = typeof options === 'string' || network !== null ? null : whatIsMissing(options);
  if (typeof options === 'string' || missing !== null) {
    console.error(problem ?? missing);
    process.exitCode = EXIT_USAGE;
    return;
  }
  await (network === null ? outside() : inside(network, options));
}

await main().catch((error: unknown) => {
  console.error((error as Error).message);
  process.exit(1);
});
