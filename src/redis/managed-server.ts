// A Redis or Valkey server that we started, on a port of our choice: for the demo, the tests and the benches.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ManagedProcess } from './managed-process.ts';
import { isServing, probe } from './probe.ts';
import { type ServerFiles, environmentFor } from './server-files.ts';

export interface ManagedServerOptions {
  readonly files: ServerFiles;
  readonly port: number;
  /** Default 127.0.0.1. Also where its PING is asked. */
  readonly host?: string;
  /** Further lines of its configuration, e.g. `maxmemory 10mb`; a later line wins over ours (no persistence). */
  readonly directives?: readonly string[];
  /** Put before the program, e.g. `ip netns exec name`. */
  readonly wrapper?: readonly string[];
  /** Waits for this in its output instead of for its PING: for a server that can't be asked from here. */
  readonly readyOutput?: RegExp;
  /** What people call it. Default: flavor and port. */
  readonly name?: string;
}

/**
 * Not started yet when it is made; {@link ManagedServer.start} does both. It rewrites its `server.conf` itself, so its
 * role survives a restart.
 */
export class ManagedServer extends ManagedProcess {
  readonly host: string;
  readonly port: number;

  constructor(options: ManagedServerOptions) {
    const { files, port, host = '127.0.0.1', wrapper = [], readyOutput } = options;
    super({
      name: options.name ?? `${files.flavor}-${port}`,
      environment: environmentFor(files),
      command: (folder) => [...wrapper, files.server, join(folder, 'server.conf')],
      isReady: async (output) =>
        readyOutput === undefined ? isServing(await probe(host, port, 1_000)) : readyOutput.test(output),
    });
    this.host = host;
    this.port = port;
    const lines = [
      `bind ${host}`,
      `port ${port}`,
      `dir "${this.folder}"`,
      'daemonize no',
      'save ""',
      'appendonly no',
      ...(options.directives ?? []),
    ];
    writeFileSync(join(this.folder, 'server.conf'), `${lines.join('\n')}\n`);
  }

  /** Starts a server and returns it when it serves. Throws, with the end of its output, if it does not. */
  static async start(options: ManagedServerOptions): Promise<ManagedServer> {
    const server = new ManagedServer(options);
    try {
      await server.restart();
    } catch (error) {
      await server.dispose();
      throw error;
    }
    return server;
  }
}
