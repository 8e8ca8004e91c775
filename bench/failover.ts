// How long a group is without a writable primary. Three voters, a primary, two replicas; the primary dies, and each data
// node is asked to SET every 2 ms on its own port until one accepts; then until the other replica streams from it.
//
// `node scripts/bench.mjs failover [--rounds 10] [--only redis|baton] [--how kill|freeze|both] [--down-after 1000]`

import { setTimeout as pause } from 'node:timers/promises';
import {
  BATON_FAST_CRASH,
  type Contender,
  benchOptions,
  printRatio,
  withFleet,
} from './shared/contenders.ts';
import { printTable, progress, quantile } from './shared/report.ts';
import { firstAcceptedWrite, streamsAt } from './shared/write-probe.ts';

interface Times {
  readonly writableMs: number[];
  readonly followedMs: number[];
}

async function main(): Promise<void> {
  const { rounds, contenders, more } = benchOptions(10, { how: 'both', 'down-after': '1000' });
  const downAfterMs = Number(more['down-after']);
  for (const how of more['how'] === 'both' ? ['kill', 'freeze'] : [more['how'] ?? 'kill']) {
    const hasBaton = contenders.some(({ kind }) => kind === 'baton');
    const all = how === 'kill' && hasBaton ? [...contenders, BATON_FAST_CRASH] : contenders;
    const times = new Map<Contender, Times>(
      all.map((contender) => [contender, { writableMs: [], followedMs: [] }]),
    );
    for (let round = 1; round <= rounds; round += 1) {
      for (const [contender, { writableMs, followedMs }] of times) {
        progress(`${how}, round ${round} of ${rounds}: ${contender.name}`);
        const { writable, followed } = await measure(contender, how, downAfterMs);
        writableMs.push(writable);
        followedMs.push(followed);
      }
    }
    report(how, downAfterMs, times);
  }
}

/** One failover in a fresh fleet: milliseconds from the primary's death. */
function measure(
  contender: Contender,
  how: string,
  downAfterMs: number,
): Promise<{ writable: number; followed: number }> {
  return withFleet(contender, { downAfterMs }, async (fleet) => {
    const [primary, ...replicas] = fleet.nodes();
    if (primary === undefined) throw new Error('a group has a primary');
    // Voters ping each second: a death at another moment of that second each time.
    await pause(1_000 + Math.random() * 1_000);
    const diedAt = performance.now();
    if (how === 'freeze') primary.server.freeze();
    else await primary.server.kill();
    const first = await firstAcceptedWrite(replicas, 2);
    const others = replicas.filter((replica) => replica !== first.node);
    const followed = await Promise.all(others.map((replica) => streamsAt(replica, first.node)));
    return { writable: first.atMs - diedAt, followed: Math.max(...followed) - diedAt };
  });
}

function report(how: string, downAfterMs: number, times: ReadonlyMap<Contender, Times>): void {
  const what = how === 'freeze' ? 'SIGSTOP' : 'kill -9';
  const ms = (value: number): string => value.toFixed(0);
  const rows: string[][] = [];
  const medians = new Map<string, number>();
  for (const [contender, { writableMs, followedMs }] of times) {
    medians.set(contender.name, quantile(writableMs, 0.5));
    const cells = [writableMs, followedMs].flatMap((values) =>
      [0.5, 0.9, 1].map((p) => ms(quantile(values, p))),
    );
    rows.push([contender.name, ...cells]);
  }
  const head = [
    `${what}, down-after ${downAfterMs}`,
    'writable ms: median',
    'p90',
    'worst',
    'followed ms: median',
    'p90',
    'worst',
  ];
  printTable(head, rows);
  printRatio(`${what}, median until writable`, medians.get('redis-sentinel'), medians.get('Baton'));
  console.log('');
}

await main();
