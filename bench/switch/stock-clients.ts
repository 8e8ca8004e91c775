// Libraries as they come, with their own habits of connecting and trying again: what they tell an application counts.

import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { answerLines } from '../shared/parts.ts';
import type { Opening } from './plain-clients.ts';
import { Counting } from './tally.ts';

const AGAIN_AFTER_MS = 10;
/** An error that a server answered: what was asked was not done. */
const SERVERS_ERROR = /^[A-Z]{3,} /;

interface Library {
  incr(key: string): Promise<unknown>;
  get(key: string): Promise<unknown>;
  end(): Promise<void>;
}

export const LIBRARIES = ['ioredis', 'node-redis'] as const;
export type LibraryName = (typeof LIBRARIES)[number];

/** `open`, then `tally`, which stops it. */
export function runStockClients(name: LibraryName): void {
  const counting = new Counting();
  const running: Promise<void>[] = [];
  const stop = new AbortController();
  const count = async (library: Library, key: string): Promise<void> => {
    while (!stop.signal.aborted) {
      let isWritten = false;
      try {
        await library.incr(key);
        isWritten = true;
        counting.answered(key);
        counting.read(key, String(await library.get(key)));
      } catch (error) {
        const { message } = error as Error;
        counting.failed(message, !isWritten && !SERVERS_ERROR.test(message));
        await pause(AGAIN_AFTER_MS);
      }
    }
    await library.end();
  };
  answerLines({
    async open({ target, connections, prefix }: Opening) {
      for (let index = 0; index < connections; index += 1) {
        const onError = (error: Error): void => counting.failed(`'error': ${error.message}`, false);
        const library = await (name === 'ioredis' ? openIoredis : openNodeRedis)(target, onError);
        running.push(count(library, `${prefix}:${index}`));
      }
    },
    async tally() {
      stop.abort();
      await Promise.all(running);
      return counting.tally();
    },
  });
}

function openIoredis(target: Opening['target'], onError: (error: Error) => void): Promise<Library> {
  const client = new Redis({ ...target });
  client.on('error', onError);
  return Promise.resolve({
    incr: (key) => client.incr(key),
    get: (key) => client.get(key),
    end: async () => client.disconnect(),
  });
}

async function openNodeRedis(
  { host, port }: Opening['target'],
  onError: (error: Error) => void,
): Promise<Library> {
  const client = createClient({ socket: { host, port } });
  client.on('error', onError);
  await client.connect();
  return {
    incr: (key) => client.incr(key),
    get: (key) => client.get(key),
    end: async () => client.destroy(),
  };
}
