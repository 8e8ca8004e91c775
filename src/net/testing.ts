// For tests of this room: a sink that records events, servers, and certificates made on the spot.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import type { Event } from '../sentinel/io.ts';
import type { EventSink } from './event-sink.ts';

/** Records what is pushed, and settles by calling `flush`. */
export class RecordingSink implements EventSink {
  readonly events: Event[] = [];
  /** What a machine would do about an event. */
  react: (event: Event) => void = () => undefined;
  flush: () => void = () => undefined;

  push(event: Event): void {
    this.events.push(event);
    this.react(event);
  }

  settle(): void {
    this.flush();
  }

  ofKind<Kind extends Event['kind']>(kind: Kind): Extract<Event, { kind: Kind }>[] {
    return this.events.filter((event): event is Extract<Event, { kind: Kind }> => event.kind === kind);
  }
}

/** Lets a server listen on a free port of loopback, which it returns; after the test it is gone with its connections. */
export async function listening(test: { after(fn: () => void): void }, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** Settles when `condition` holds; fails after `limitMs`. */
export async function until(condition: () => boolean, limitMs = 30_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 2);
    });
  }
}

/** A certificate authority in `folder`, as `name.crt` and `name.key`. */
export function makeAuthority(folder: string, name: string): void {
  openssl(
    folder,
    `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name} -keyout ${name}.key -out ${name}.crt`,
  );
}

/** A certificate that `authority` signed, as `name.crt` and `name.key`. */
export function makeCertificate(folder: string, authority: string, name: string): void {
  openssl(
    folder,
    `req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=${name} -keyout ${name}.key -out ${name}.csr`,
  );
  writeFileSync(join(folder, `${name}.ext`), 'basicConstraints=CA:FALSE\n');
  openssl(
    folder,
    `x509 -req -in ${name}.csr -CA ${authority}.crt -CAkey ${authority}.key -CAcreateserial -days 2 -extfile ${name}.ext -out ${name}.crt`,
  );
}

function openssl(folder: string, command: string): void {
  execFileSync('openssl', command.split(' '), { cwd: folder, stdio: 'ignore' });
}
