// A switch, as clients see it: many write and read all the while, a bare one measures how long nothing was answered, and
// in the end every key must hold exactly what was acknowledged. Ordered switches between two nodes in sync, through the
// relay and through HAProxy; the same with libraries as they come; and a primary that is killed.
//
// Everything is on loopback. HAProxy is left out, and said so, where it is not installed; redis-py likewise.
//
// `node scripts/bench.mjs switch [--switches 100] [--clients 50,500] [--only relay|haproxy] [--case plain,stock,dead] [--json]`

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerFiles } from '../src/redis/server-files.ts';
import { serverFiles } from '../test/harness/fleet.ts';
import { lacksRedisPy } from '../test/harness/requirements.ts';
import { readTexts, strangerAmong } from './shared/options.ts';
import { thisPart } from './shared/parts.ts';
import { printVerdicts, progress } from './shared/report.ts';
import { measureDeathByHand, measureDeathBySentinels } from './switch/dead-primary.ts';
import { FRONTS, type FrontName } from './switch/fronts.ts';
import { runBareClient, runPlainClients } from './switch/plain-clients.ts';
import { type Deaths, judgeDeaths, judgeSwitches, reportDeaths, reportSwitches } from './switch/report.ts';
import { LIBRARIES, runStockClients } from './switch/stock-clients.ts';
import { type ClientKind, runSwitches, type Switches } from './switch/switches.ts';

const EXIT_USAGE = 2;
const SWITCHES_DEFAULT = 100;
const CLIENTS_DEFAULT = '50,500';
/** Libraries are judged over a tenth of the switches; HAProxy, which takes seconds for each, over a twentieth. */
const STOCK_SHARE = 0.1;
const HAPROXY_SHARE = 0.05;
const STOCK_CONNECTIONS = 10;
const CASES = ['plain', 'stock', 'dead'];
const DEATHS = 5;

interface Options {
  readonly switches: number;
  readonly clients: readonly number[];
  readonly fronts: readonly FrontName[];
  readonly cases: readonly string[];
  readonly json: boolean;
}

/** A string: what is wrong. */
function readOptions(): Options | string {
  const values = readTexts({
    switches: String(SWITCHES_DEFAULT),
    clients: CLIENTS_DEFAULT,
    only: FRONTS.join(','),
    case: CASES.join(','),
  });
  if (typeof values === 'string') return values;
  const { switches } = values;
  const [clients, only, cases] = [values.clients.split(','), values.only.split(','), values.case.split(',')];
  if (!/^[1-9]\d{0,3}$/.test(switches)) return '--switches needs a number from 1';
  if (!clients.every((text) => /^[1-9]\d{0,3}$/.test(text)))
    return '--clients needs numbers from 1, e.g. 50,500';
  const wrong = strangerAmong('case', cases, CASES) ?? strangerAmong('only', only, FRONTS);
  if (wrong !== null) return wrong;
  const fronts = FRONTS.filter((name) => only.includes(name));
  return { switches: Number(switches), clients: clients.map(Number), fronts, cases, json: values.json };
}

/** Without HAProxy, if it is not here. */
function possible(options: Options): Options {
  const hasHaproxy = spawnSync('haproxy', ['-v'], { stdio: 'ignore' }).status === 0;
  if (hasHaproxy || !options.fronts.includes('haproxy')) return options;
  console.error('haproxy is left out: apt-get install haproxy to compare with it');
  return { ...options, fronts: options.fronts.filter((name) => name !== 'haproxy') };
}

function share(switches: number, of: number): number {
  return Math.max(1, Math.ceil(switches * of));
}

async function allSwitches(options: Options, files: ServerFiles): Promise<Switches[]> {
  const { switches, fronts, cases } = options;
  const found: Switches[] = [];
  for (const front of fronts) {
    const few = share(switches, front === 'haproxy' ? HAPROXY_SHARE : STOCK_SHARE);
    const count = front === 'haproxy' ? few : switches;
    for (const connections of cases.includes('plain') ? options.clients : [])
      found.push(await runSwitches({ front, files, clients: 'plain', connections, switches: count }));
    const libraries: ClientKind[] = cases.includes('stock') ? [...LIBRARIES] : [];
    if (cases.includes('stock')) {
      const lacks = lacksRedisPy();
      if (lacks === false) libraries.push('redis-py');
      else console.error(`redis-py is left out: ${lacks}`);
    }
    for (const clients of libraries) {
      found.push(await runSwitches({ front, files, clients, connections: STOCK_CONNECTIONS, switches: few }));
    }
  }
  return found;
}

async function allDeaths({ fronts }: Options, files: ServerFiles): Promise<Deaths[]> {
  const repeat = async (what: string, measure: () => Promise<number>): Promise<number[]> => {
    const values: number[] = [];
    for (let round = 1; round <= DEATHS; round += 1) {
      progress(`dead primary, ${what}, ${round} of ${DEATHS}`);
      values.push(await measure());
    }
    return values;
  };
  const found: Deaths[] = [];
  for (const front of fronts) {
    const ms = await repeat(front, () => measureDeathByHand(front, files));
    found.push({ front, decidedBy: 'REPLICAOF NO ONE', ms });
  }
  if (fronts.includes('relay')) {
    const ms = await repeat('sentinels', measureDeathBySentinels);
    found.push({ front: 'relay', decidedBy: '+switch-master', ms });
  }
  return found;
}

async function measure(options: Options, files: ServerFiles): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-bench-'));
  process.env['TMPDIR'] = folder;
  // Processes go first: each has a handler of its own, registered before this one.
  process.on('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  const switches = await allSwitches(options, files);
  const deaths = options.cases.includes('dead') ? await allDeaths(options, files) : [];
  const verdicts = [...judgeSwitches(switches), ...judgeDeaths(deaths)];
  if (options.json) {
    console.log(JSON.stringify({ switches, deaths, verdicts }));
    return;
  }
  if (switches.length > 0) reportSwitches(switches);
  console.log('');
  if (deaths.length > 0) reportDeaths(deaths);
  console.log('');
  printVerdicts(verdicts);
}

async function main(): Promise<void> {
  const part = thisPart();
  const library = LIBRARIES.find((name) => name === part);
  if (part === 'plain') return runPlainClients();
  if (part === 'bare') return runBareClient();
  if (library !== undefined) return runStockClients(library);
  const options = readOptions();
  if (typeof options === 'string' || !existsSync('dist/main.js')) {
    console.error(typeof options === 'string' ? options : 'npm run build first');
    process.exitCode = EXIT_USAGE;
    return;
  }
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
  await measure(possible(options), await serverFiles('redis'));
}

await main().catch((error: unknown) => {
  progress('');
  console.error((error as Error).message);
  process.exit(1);
});
