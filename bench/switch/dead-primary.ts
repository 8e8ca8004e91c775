// A primary dies, another is decided upon: how long until a client of the endpoint is answered again from then on.

import { setTimeout as pause } from 'node:timers/promises';
import { bootClockMs } from '../../src/os/boot-clock.ts';
import { freePort } from '../../src/redis/free-port.ts';
import type { ServerFiles } from '../../src/redis/server-files.ts';
import { startFleet } from '../../test/harness/fleet.ts';
import { until } from '../../test/harness/wait.ts';
import { Baton } from '../shared/endpoint-daemons.ts';
import { AskedPart } from '../shared/parts.ts';
import { Front, type FrontName } from './fronts.ts';
import type { Gap } from './plain-clients.ts';

const RAMP_UP_MS = 1_000;
const DOWN_AFTER_MS = 1_000;

/** performance.now() as the boot clock would have it. */
const toBootMs = (atMs: number): number => bootClockMs() - performance.now() + atMs;

/** Decided by hand, at once: milliseconds from the answer to REPLICAOF NO ONE to the bare client's first success. */
export async function measureDeathByHand(name: FrontName, files: ServerFiles): Promise<number> {
  const front = await Front.start(name, files);
  const bare = new AskedPart('bare');
  try {
    await front.settled();
    await bare.ask('open', { target: front.target, connections: 1, prefix: 'bare' });
    await pause(RAMP_UP_MS);
    await bare.ask('mark');
    const promotedAtMs = await front.killPrimary();
    await bare.ask('next');
    const { untilMs } = await bare.ask<Gap>('gap');
    return untilMs - toBootMs(promotedAtMs);
  } finally {
    await bare.end();
    await front.dispose();
  }
}

/** Decided by three redis-sentinels: from the first `+switch-master` that any of them published. */
export async function measureDeathBySentinels(): Promise<number> {
  const ends: (() => Promise<void>)[] = [];
  try {
    const fleet = await startFleet(
      { after: (end) => ends.push(end) },
      { voters: ['redis', 'redis', 'redis'], replicas: 2, downAfterMs: DOWN_AFTER_MS },
    );
    const target = { host: '127.0.0.1', port: await freePort() };
    const sentinels = fleet.voters.map((voter) => `127.0.0.1:${voter.target.port}`).join(',');
    const words = `--sentinels ${sentinels} --primary mymaster --listen 127.0.0.1:${target.port} --path relay`;
    const baton = await Baton.start(words.split(' '));
    ends.push(() => baton.process.dispose());
    const bare = new AskedPart('bare');
    ends.push(() => bare.end());
    await bare.ask('open', { target, connections: 1, prefix: 'bare' });
    await pause(RAMP_UP_MS);
    await bare.ask('mark');
    const diedAtMs = performance.now();
    await fleet.nodes()[0]?.server.kill();
    const decidedAtMs = await until('sentinels decide', () => {
      const published = fleet.voters.flatMap(({ events }) =>
        events.filter(({ name, atMs }) => name === '+switch-master' && atMs > diedAtMs),
      );
      return published.length > 0 && Math.min(...published.map(({ atMs }) => atMs));
    });
    await bare.ask('next');
    const { untilMs } = await bare.ask<Gap>('gap');
    return untilMs - toBootMs(decidedAtMs);
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}
