// What watching costs: processor time and memory of a voter, one of three, that watches idle primaries without replicas
// at the default down-after. Printed is the mean of the three, who do the same.
//
// `node scripts/bench.mjs cost [--rounds 1] [--only redis|baton] [--primaries 1,50,200] [--seconds 30] [--settle 15]`

import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type Contender, benchOptions, printRatio, withFleet } from './shared/contenders.ts';
import { printTable, progress, quantile } from './shared/report.ts';

interface Cost {
  /** Milliseconds of processor time in a second, for each primary. */
  readonly cpuMs: number;
  readonly memoryMiB: number;
}

async function main(): Promise<void> {
  const { rounds, contenders, more } = benchOptions(1, {
    primaries: '1,50,200',
    seconds: '30',
    settle: '15',
  });
  for (const primaries of (more['primaries'] ?? '').split(',').map(Number)) {
    const costs = new Map<Contender, Cost[]>(contenders.map((contender) => [contender, []]));
    for (let round = 1; round <= rounds; round += 1) {
      for (const [contender, list] of costs) {
        progress(`${primaries} primaries, round ${round} of ${rounds}: ${contender.name}`);
        list.push(await measure(contender, primaries, Number(more['settle']), Number(more['seconds'])));
      }
    }
    report(primaries, costs);
  }
}

function measure(contender: Contender, primaries: number, settleS: number, seconds: number): Promise<Cost> {
  const groups = Array.from({ length: primaries }, (_, index) => `group-${index + 1}`);
  const options = { groups, replicas: 0, downAfterMs: 30_000, failoverTimeoutMs: 180_000 };
  return withFleet(contender, options, async (fleet) => {
    await pause(settleS * 1_000);
    const pids = fleet.voters.map((voter) => voter.process.pid ?? 0);
    const startAt = performance.now();
    const before = pids.map(cpuMsOf);
    await pause(seconds * 1_000);
    const elapsedS = (performance.now() - startAt) / 1_000;
    const spent = pids.map((pid, index) => cpuMsOf(pid) - (before[index] ?? 0));
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    return { cpuMs: mean(spent) / elapsedS / primaries, memoryMiB: mean(pids.map(residentMiBOf)) };
  });
}

function report(primaries: number, costs: ReadonlyMap<Contender, Cost[]>): void {
  const rows: string[][] = [];
  const medians = new Map<string, number>();
  for (const [contender, list] of costs) {
    const cpuMs = quantile(
      list.map((cost) => cost.cpuMs),
      0.5,
    );
    const memoryMiB = Math.max(...list.map((cost) => cost.memoryMiB));
    medians.set(contender.kind, cpuMs);
    rows.push([contender.name, cpuMs.toFixed(3), (cpuMs * primaries).toFixed(1), memoryMiB.toFixed(0)]);
  }
  printTable([`watching ${primaries}`, 'CPU ms/s per primary', 'CPU ms/s in all', 'memory MiB'], rows);
  printRatio(`CPU at ${primaries}`, medians.get('redis'), medians.get('baton'));
  console.log('');
}

/** Processor time of all threads so far, by the scheduler's own clock: /proc/PID/stat counts in steps of 10 ms. */
function cpuMsOf(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
  }
  return nanoseconds / 1e6;
}

function residentMiBOf(pid: number): number {
  const [, kiB = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return Number(kiB) / 1024;
}

await main();
