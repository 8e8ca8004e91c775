// Connections to servers and sentinels for the endpoint machine: one `Links` for each way of speaking TLS, since each has
// certificates of its own.

import type { TlsClientConf } from '../../endpoint/endpoint-conf.ts';
import type { ConnectionId } from '../../endpoint/io.ts';
import type { EventSink } from '../../net/event-sink.ts';
import { Links, type LinkEvent } from '../../net/links.ts';
import { proxyHeader } from '../../net/relay/proxy-protocol.ts';
import type { TlsClient } from '../../net/tls-client.ts';
import { explainTls } from '../../net/tls-problem.ts';

export class ServerLinks {
  readonly #sink: EventSink<LinkEvent>;
  readonly #tlsClient: TlsClient;
  /** By what TLS is asked for, as text; '' is none. */
  readonly #links = new Map<string, Links>();
  readonly #ways = new Map<ConnectionId, Links>();

  constructor(sink: EventSink<LinkEvent>, tlsClient: TlsClient) {
    this.#tlsClient = tlsClient;
    this.#sink = {
      push: (event) => {
        if (event.kind === 'disconnected') this.#ways.delete(event.connection);
        sink.push(event);
      },
      settle: () => sink.settle(),
    };
  }

  /** `proxyVersion`: the other end wants to be told whom we speak for: ourselves. */
  connect(
    id: ConnectionId,
    ip: string,
    port: number,
    tls: TlsClientConf | null,
    proxyVersion: 1 | 2 | null,
  ): void {
    const links = this.#linksFor(tls);
    this.#ways.set(id, links);
    links.connect(id, ip, port, tls !== null, proxyVersion === null ? null : proxyHeader(proxyVersion, null));
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
      const client = this.#tlsClient;
      links = new Links({
        sink: this.#sink,
        // Asked for with each connection: the files may have been read anew.
        get tls() {
          return tls === null ? null : client.context(tls);
        },
        bindSourceAddr: null,
        explain: explainTls,
        ...(tls === null ? {} : { verification: tls }),
      });
      this.#links.set(key, links);
    }
    return links;
  }
}
