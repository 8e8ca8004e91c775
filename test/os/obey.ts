// How a process that a test directs hears and answers: one JSON line each way (hosts.ts is the other end).

import { createInterface } from 'node:readline';

/** One JSON line; sets become arrays and bytes hexadecimal. */
export function say(message: object): void {
  const text = JSON.stringify(message, (_key, value: unknown) => {
    if (value instanceof Set) return [...value];
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
  });
  process.stdout.write(`${text}\n`);
}

/** Does what the lines on standard input ask for. `stop` lets go of it. */
export function obey(operations: object): { stop(): void } {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const { id, call, args } = JSON.parse(line) as { id: number; call: string; args: unknown[] };
    const operation = (operations as Record<string, (...args: readonly unknown[]) => unknown>)[call];
    void Promise.resolve()
      .then(() => operation?.(...args))
      .then(
        (result) => say({ id, result: result ?? null }),
        (error: Error & { code?: string; syscall?: string }) =>
          say({ id, error: { code: error.code, syscall: error.syscall, message: error.message } }),
      );
  });
  return {
    stop() {
      lines.close();
      process.stdin.destroy();
    },
  };
}
