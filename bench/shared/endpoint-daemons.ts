// What stands between clients and Redis in a bench: `baton endpoint`, or HAProxy as a Redis tutorial sets it up.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askDaemon, orderDaemon } from '../../src/cli/control-client.ts';
import type { EndpointStatus, SwitchResult } from '../../src/daemon/endpoint/endpoint-daemon.ts';
import type { Target } from '../../src/endpoint/route.ts';
import { ManagedProcess } from '../../src/redis/managed-process.ts';
import { until } from '../../test/harness/wait.ts';

const BATON = join(process.cwd(), 'bin/baton');
const SWITCH_MS_MAX = 60_000;
/** Above the connections of any bench. */
const HAPROXY_CONNECTIONS_MAX = 9_000;

export class Baton {
  readonly process: ManagedProcess;

  private constructor(process: ManagedProcess) {
    this.process = process;
  }

  /** `baton endpoint ARGS` behind `wrapper`; resolves when it leads somewhere. */
  static async start(args: readonly string[], wrapper: readonly string[] = []): Promise<Baton> {
    const daemon: ManagedProcess = new ManagedProcess({
      name: 'baton-endpoint',
      // The folder of its control socket is known only once there is one.
      command: (folder) => [
        ...wrapper,
        'env',
        `RUNTIME_DIRECTORY=${folder}`,
        process.execPath,
        BATON,
        'endpoint',
        '--name',
        'bench',
        ...args,
      ],
      isReady: (output) => output.includes(' listens on '),
    });
    const baton = new Baton(daemon);
    try {
      await daemon.restart();
      await until(
        'the endpoint leads somewhere',
        async () => (await baton.status()).snapshot.backends.every(({ leadsTo }) => leadsTo.length > 0),
        () => daemon.output,
      );
    } catch (error) {
      await daemon.dispose();
      throw error;
    }
    return baton;
  }

  async status(): Promise<EndpointStatus> {
    const answer = await askDaemon(this.#socket, '/status');
    if (!answer.ok) throw new Error(answer.problem.sentence);
    return answer.value as EndpointStatus;
  }

  /** As `baton endpoint switch --to` does it, without the start of a process. */
  async switchTo(to: Target): Promise<SwitchResult> {
    const answer = await orderDaemon(this.#socket, '/switch', { to, backend: null }, SWITCH_MS_MAX);
    if (!answer.ok) throw new Error(answer.problem.sentence);
    return answer.value as SwitchResult;
  }

  get #socket(): string {
    return join(this.process.folder, 'endpoint-bench.sock');
  }
}

/** `isReady`: whether it answers where it listens. */
export async function startHaproxy(options: {
  readonly listen: Target;
  readonly servers: readonly Target[];
  readonly wrapper?: readonly string[];
  readonly isReady: () => Promise<boolean>;
}): Promise<ManagedProcess> {
  const { listen, servers, wrapper = [], isReady } = options;
  const haproxy = new ManagedProcess({
    name: 'haproxy',
    command: (folder) => [...wrapper, 'haproxy', '-db', '-f', join(folder, 'haproxy.cfg')],
    isReady,
  });
  writeFileSync(join(haproxy.folder, 'haproxy.cfg'), haproxyFile(listen, servers));
  try {
    await haproxy.restart();
  } catch (error) {
    await haproxy.dispose();
    throw error;
  }
  return haproxy;
}

function haproxyFile(listen: Target, servers: readonly Target[]): string {
  return `global
    maxconn ${HAPROXY_CONNECTIONS_MAX}

defaults
    mode tcp
    timeout connect 3s
    timeout client 1h
    timeout server 1h

listen redis
    bind ${listen.host}:${listen.port}
    option tcp-check
    tcp-check connect
    tcp-check send PING\\r\\n
    tcp-check expect string +PONG
    tcp-check send info\\ replication\\r\\n
    tcp-check expect string role:master
    tcp-check send QUIT\\r\\n
    tcp-check expect string +OK
${servers
  .map(
    ({ host, port }, index) =>
      `    server redis${index + 1} ${host}:${port} check inter 1s fall 2 rise 1 on-marked-down shutdown-sessions\n`,
  )
  .join('')}`;
}
