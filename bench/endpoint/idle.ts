// What a connection that does nothing costs the relay: so many are opened, each asks once and is then silent.

import { connect, type Socket } from 'node:net';
import { readdirSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Target } from '../../src/endpoint/route.ts';
import { progress } from '../shared/report.ts';
import { answerLines, AskedPart } from '../shared/parts.ts';
import { CLIENT, type World } from './ways.ts';

export const IDLE_CONNECTIONS = 10_000;
const AT_A_TIME = 100;
const SETTLE_MS = 3_000;

export interface Idle {
  readonly bytesEach: number;
  /** Of {@link IDLE_CONNECTIONS}, those that answered again in the end. */
  readonly held: number;
}

/** Memory is measured in a relay that has done nothing else. */
export async function measureIdle(world: World): Promise<Idle> {
  progress(`${IDLE_CONNECTIONS} idle connections`);
  const relay = await world.idleRelay();
  const client = new AskedPart('idle', world.on(CLIENT));
  try {
    await pause(SETTLE_MS);
    const before = memoryOfTree(relay.pid);
    await client.ask('open', { target: relay.target, count: IDLE_CONNECTIONS } satisfies Opening);
    await pause(SETTLE_MS);
    const after = memoryOfTree(relay.pid);
    const held = await client.ask<number>('ping');
    return { bytesEach: (after - before) / IDLE_CONNECTIONS, held };
  } finally {
    await client.end();
    await relay.end();
  }
}

interface Opening {
  readonly target: Target;
  readonly count: number;
}

/** The client's own side. */
export function runIdleClient(): void {
  const sockets: Socket[] = [];
  const ping = async (socket: Socket): Promise<boolean> => {
    if (socket.destroyed) return false;
    socket.write('PING\r\n');
    const answer = await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    return String(answer[0]).startsWith('+PONG');
  };
  answerLines({
    async open({ target, count }: Opening) {
      for (let opened = 0; opened < count; opened += AT_A_TIME) {
        const batch = Array.from({ length: Math.min(AT_A_TIME, count - opened) }, () =>
          connect({ ...target }),
        );
        // Whoever is cut off is missed at the second question.
        for (const socket of batch) socket.on('error', () => {});
        await Promise.all(batch.map(ping));
        sockets.push(...batch);
      }
    },
    async ping() {
      let held = 0;
      for (const socket of sockets) if (await ping(socket)) held += 1;
      return held;
    },
  });
}

/** Resident memory of a process and its descendants, in bytes; pages that several share count once (Pss). */
function memoryOfTree(pid: number): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // The second field, the program's name, may hold anything; the fourth is the parent.
    const parent = /^\d+ \(.*\) \S (\d+)/s.exec(readProc(`${name}/stat`))?.[1];
    parents.set(Number(name), Number(parent));
  }
  const isOfTree = (one: number | undefined): boolean =>
    one === pid || (one !== undefined && one > 1 && isOfTree(parents.get(one)));
  return [...parents.keys()]
    .filter(isOfTree)
    .map((one) => Number(/^Pss:\s+(\d+)/m.exec(readProc(`${one}/smaps_rollup`))?.[1] ?? 0) * 1024)
    .reduce((sum, bytes) => sum + bytes, 0);
}

function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'latin1');
  } catch {
    // It has just ended.
    return '';
  }
}
