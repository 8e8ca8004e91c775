// What the connect hook costs a connect(), and how long a switch takes. Clients do nothing but connect, to a listener on
// loopback: one outside of the hook's cgroup, and one inside that asks for the listener's own address and for the
// endpoint's in turn.
//
// Needs root, cgroup2 and python3. The hook is attached to a cgroup folder that this makes.
//
//     node scripts/bench.mjs connect-hook [connects of each kind]

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SocketPath } from '../src/daemon/endpoint/socket-path.ts';
import type { Route } from '../src/endpoint/route.ts';
import { bootClockMs } from '../src/os/boot-clock.ts';
import { cgroupFolder } from '../src/os/cgroup.ts';
import { freePorts } from '../src/redis/free-port.ts';
import { until } from '../test/harness/wait.ts';
import { printTable, quantile } from './shared/report.ts';
import { intoCgroup } from '../test/harness/into-cgroup.ts';

const CONNECTS_DEFAULT = 30_000;
const BLOCK = 500;
const SWITCHES = 200;
const LED_CONNECTIONS = [0, 100, 1_000];

/** Accepts on two ports and closes what is closed. */
const LISTENER = `
import socket, selectors, sys
sel = selectors.DefaultSelector()
for port in sys.argv[1:]:
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('127.0.0.1', int(port))); s.listen(4096); sel.register(s, selectors.EVENT_READ, True)
print('ready', flush=True)
while True:
    for key, _ in sel.select():
        if key.data: sel.register(key.fileobj.accept()[0], selectors.EVENT_READ, False)
        else:
            try:
                if key.fileobj.recv(64): continue
            except OSError: pass
            sel.unregister(key.fileobj); key.fileobj.close()
`;

/** A line "connect PORT COUNT": microseconds of each connect(). "hold PORT COUNT": keeps so many. "held": how many live. */
const CLIENT = `
import socket, struct, sys, time, json, select
held = []
reset = struct.pack('ii', 1, 0)
for line in sys.stdin:
    verb, *args = line.split()
    if verb == 'connect':
        port, count = map(int, args); took = []
        for _ in range(count):
            s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            at = time.perf_counter_ns(); s.connect(('127.0.0.1', port)); took.append((time.perf_counter_ns() - at) / 1000)
            s.close()
        print(json.dumps(took), flush=True)
    elif verb == 'hold':
        for _ in range(int(args[1])):
            s = socket.socket(); s.connect(('127.0.0.1', int(args[0]))); held.append(s)
        print('[]', flush=True)
    else:
        alive = []
        for s in held:
            p = select.poll(); p.register(s, select.POLLIN)
            (s.close if p.poll(0) else lambda: alive.append(s))()
        held = alive
        print(json.dumps([len(held)]), flush=True)
`;

class Client {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(wrapper: readonly string[]) {
    const [command, ...args] = [...wrapper, '/usr/bin/python3', '-c', CLIENT];
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('no output');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask(line: string): Promise<number[]> {
    this.#child.stdin?.write(`${line}\n`);
    const { value } = (await this.#lines.next()) as { value: string };
    return JSON.parse(value) as number[];
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

async function main(): Promise<void> {
  const connects = Number(process.argv[2] ?? CONNECTS_DEFAULT);
  const mount = cgroupFolder(null);
  if (!mount.ok) throw new Error(mount.problem.sentence);
  const folder = join(mount.value, `baton-bench-${process.pid}`);
  mkdirSync(folder);
  const [first = 0, second = 0, endpoint = 0] = await freePorts(3);
  const listener = spawn('/usr/bin/python3', ['-c', LISTENER, `${first}`, `${second}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const outside = new Client([]);
  const inside = new Client(intoCgroup(folder));
  const opened = SocketPath.open({
    cgroup: folder,
    coversAllNamespaces: false,
    listens: new Map([['main', () => [{ host: '127.0.0.1', port: endpoint }]]]),
    warn: (sentence) => process.stderr.write(`${sentence}\n`),
  });
  try {
    if (!opened.ok) throw new Error(opened.problem.sentence);
    await once(listener.stdout, 'data');
    let generation = 0;
    const lead = (port: number, isRefresh = false): void => {
      const server = { name: 's', host: '127.0.0.1', port, weight: 1, connectionsMax: null };
      if (!isRefresh) generation++;
      const route: Route = {
        endpoint: 'main',
        generation,
        servers: [server],
        balance: 'roundrobin',
        deadline: bootClockMs() + 600_000,
        endsOthers: true,
        because: 'measuring',
      };
      opened.value.apply(route);
    };

    lead(first);
    const took: Record<string, number[]> = { 'no hook': [], 'hook, another address': [], 'hook, led': [] };
    for (let block = 0; block < connects / BLOCK; block++) {
      for (const [name, client, port] of [
        ['no hook', outside, first],
        ['hook, another address', inside, first],
        ['hook, led', inside, endpoint],
      ] as const) {
        took[name]?.push(...(await client.ask(`connect ${port} ${BLOCK}`)));
      }
    }
    const base = quantile(took['no hook'] ?? [], 0.5);
    printTable(
      [`connect(), ${connects} each`, 'median us', 'p99 us', 'dearer by us (median)'],
      Object.entries(took).map(([name, values]) => [
        name,
        quantile(values, 0.5).toFixed(2),
        quantile(values, 0.99).toFixed(2),
        (quantile(values, 0.5) - base).toFixed(2),
      ]),
    );

    const rows: string[][] = [];
    const timed = (act: () => void): number => {
      const startedAtMs = performance.now();
      act();
      return (performance.now() - startedAtMs) * 1_000;
    };
    const refreshes = Array.from({ length: SWITCHES }, () => timed(() => lead(first, true)));
    rows.push(['refresh', quantile(refreshes, 0.5).toFixed(0), quantile(refreshes, 0.99).toFixed(0)]);
    for (const led of LED_CONNECTIONS) {
      const values: number[] = [];
      for (let round = 0; round < (led === 0 ? SWITCHES : 10); round++) {
        const [from, to] = round % 2 === 0 ? [first, second] : [second, first];
        lead(from);
        await inside.ask(`hold ${endpoint} ${led}`);
        const before = opened.value.status().connectionsReset;
        const startedAtMs = performance.now();
        lead(to);
        // Resets are spread over turns of the loop.
        while (opened.value.status().connectionsReset < before + led) await nextTurn();
        values.push((performance.now() - startedAtMs) * 1_000);
        if ((await inside.ask('held'))[0] !== 0) throw new Error('a connection outlived the switch');
      }
      rows.push([
        `switch that resets ${led} connections`,
        quantile(values, 0.5).toFixed(0),
        quantile(values, 0.99).toFixed(0),
      ]);
    }
    console.log('');
    printTable(['within the daemon', 'median us', 'p99 us'], rows);
  } finally {
    if (opened.ok) await opened.value.close();
    await outside.end();
    await inside.end();
    listener.kill('SIGKILL');
    await until('the cgroup is empty', () => {
      rmdirSync(folder);
      return true;
    });
  }
}

await main();
