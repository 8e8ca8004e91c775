// Connections to servers and sentinels for the endpoint machine: one `Links` for each way of speaking TLS, since each has
// certificates of its own.

import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { TlsClientConf } from '../../endpoint/endpoint-conf.ts';
import type { ConnectionId } from '../../endpoint/io.ts';
import { Links, type LinkEvent } from '../../net/links.ts';
import type { EventSink } from '../../net/event-sink.ts';

export class ServerLinks {
  readonly #sink: EventSink<LinkEvent>;
  /** By what TLS is asked for, as text; '' is none. */
  readonly #links = new Map<string, Links>();
  readonly #ways = new Map<ConnectionId, Links>();

  constructor(sink: EventSink<LinkEvent>) {
    this.#sink = {
      push: (event) => {
        if (event.kind === 'disconnected') this.#ways.delete(event.connection);
        sink.push(event);
      },
      settle: () => sink.settle(),
    };
  }

  connect(id: ConnectionId, ip: string, port: number, tls: TlsClientConf | null): void {
    const links = this.#linksFor(tls);
    this.#ways.set(id, links);
    links.connect(id, ip, port, tls !== null);
  }

  send(id: ConnectionId, args: readonly string[]): void {
    this.#ways.get(id)?.send(id, args);
  }

  close(id: ConnectionId): void {
    this.#ways.get(id)?.close(id);
    this.#ways.delete(id);
  }

  flush(): void {
    for (const links of this.#links.values()) links.flush();
  }

  closeAll(): void {
    for (const links of this.#links.values()) links.closeAll();
    this.#ways.clear();
  }

  #linksFor(tls: TlsClientConf | null): Links {
    const key = tls === null ? '' : JSON.stringify(tls);
    let links = this.#links.get(key);
    if (links === undefined) {
      const context = tls === null ? null : contextOf(tls);
      links = new Links({
        sink: this.#sink,
        tls: context,
        bindSourceAddr: null,
        ...(tls === null ? {} : { verification: tls }),
      });
      this.#links.set(key, links);
    }
    return links;
  }
}

/** Throws if a file can't be read or holds no such thing. They were read once before the start. */
export function contextOf({ caFile, certificateFile, keyFile }: TlsClientConf): SecureContext {
  const read = (path: string | null): Buffer | undefined => (path === null ? undefined : readFileSync(path));
  return createSecureContext({
    ...omitUndefined({ ca: read(caFile), cert: read(certificateFile), key: read(keyFile) }),
  });
}

function omitUndefined<Type extends object>(
  from: Type,
): { [Key in keyof Type]?: Exclude<Type[Key], undefined> } {
  return Object.fromEntries(Object.entries(from).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Type]?: Exclude<Type[Key], undefined>;
  };
}
