// Many groups lose their primary in the same instant: how long until all are writable again, and who was slowest. Three
// voters; each group a primary and a replica. Replicas are asked to SET every 10 ms: more often, and the asking would
// compete with the voters for the processor.
//
// `node scripts/bench.mjs storm [--rounds 3] [--only redis|baton] [--groups 50] [--down-after 1000]`

import { setTimeout as pause } from 'node:timers/promises';
import { type Contender, benchOptions, printRatio, withFleet } from './shared/contenders.ts';
import { printTable, progress, quantile } from './shared/report.ts';
import { firstAcceptedWrite } from './shared/write-probe.ts';

const FAILOVER_TIMEOUT_MS = 10_000;

async function main(): Promise<void> {
  const { rounds, contenders, more } = benchOptions(3, { groups: '50', 'down-after': '1000' });
  const groups = Array.from({ length: Number(more['groups']) }, (_, index) => `group-${index + 1}`);
  const downAfterMs = Number(more['down-after']);
  const slowest = new Map<Contender, number[]>(contenders.map((contender) => [contender, []]));
  const rows: string[][] = [];
  for (let round = 1; round <= rounds; round += 1) {
    for (const contender of contenders) {
      progress(`round ${round} of ${rounds}: ${contender.name}`);
      const times = await measure(contender, groups, downAfterMs);
      slowest.get(contender)?.push(Math.max(...times));
      rows.push([
        contender.name,
        String(round),
        ...[0, 0.5, 0.9, 1].map((p) => quantile(times, p).toFixed(0)),
      ]);
    }
  }
  const setting = `${groups.length} groups, down-after ${downAfterMs}, failover-timeout ${FAILOVER_TIMEOUT_MS}`;
  printTable([setting, 'round', 'first ms', 'median', 'p90', 'all writable'], rows);
  const [redis, baton] = ['redis', 'baton'].map((kind) => {
    const values = [...slowest]
      .filter(([contender]) => contender.kind === kind)
      .flatMap(([, times]) => times);
    return values.length > 0 ? quantile(values, 0.5) : undefined;
  });
  printRatio('median of the slowest', redis, baton);
}

/** Milliseconds from the deaths to a writable primary, for each group. */
function measure(contender: Contender, groups: readonly string[], downAfterMs: number): Promise<number[]> {
  const options = { groups, replicas: 1, downAfterMs, failoverTimeoutMs: FAILOVER_TIMEOUT_MS };
  return withFleet(contender, options, async (fleet) => {
    await pause(2_000);
    const diedAt = performance.now();
    await Promise.all(
      groups.flatMap((group) => fleet.nodes(group).slice(0, 1)).map((node) => node.server.kill()),
    );
    return Promise.all(
      groups.map(async (group) => {
        const { atMs } = await firstAcceptedWrite(fleet.nodes(group).slice(1), 10);
        return atMs - diedAt;
      }),
    );
  });
}

await main();
