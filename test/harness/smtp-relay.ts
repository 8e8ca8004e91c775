// A mail server that keeps what it gets. It offers STARTTLS with a certificate that nobody signed.

import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

/** One mail. */
export interface Received {
  /** What the client called itself. */
  readonly hello: string;
  readonly wasEncrypted: boolean;
  readonly from: string;
  readonly to: readonly string[];
  /** Headers in order, unfolded. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export class Relay {
  readonly received: Received[] = [];
  readonly #server: SMTPServer;
  /** Connections so far, and how many at once at most. */
  connections = 0;
  busiest = 0;

  /** Listens at `host`, on any port if `port` is 0. It refuses every recipient that contains `refused`. */
  static async start(host = '127.0.0.1', port = 0, refused = '\0'): Promise<Relay> {
    const relay = new Relay(refused);
    await new Promise<void>((resolve, reject) => {
      relay.#server.on('error', reject);
      relay.#server.listen(port, host, resolve);
    });
    return relay;
  }

  private constructor(refused: string) {
    let open = 0;
    this.#server = new SMTPServer({
      authOptional: true,
      disableReverseLookup: true,
      logger: false,
      onConnect: (_session, done) => {
        this.connections += 1;
        open += 1;
        this.busiest = Math.max(this.busiest, open);
        done();
      },
      onClose: () => {
        open -= 1;
      },
      onRcptTo: ({ address }, _session, done) => {
        if (!address.includes(refused)) return done();
        done(Object.assign(new Error('no such user here'), { responseCode: 550 }));
      },
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          const { mailFrom, rcptTo } = session.envelope;
          this.received.push({
            hello: session.hostNameAppearsAs,
            wasEncrypted: session.secure,
            from: mailFrom === false ? '' : (mailFrom?.address ?? ''),
            to: rcptTo.map(({ address }) => address),
            ...parse(Buffer.concat(chunks).toString('utf8')),
          });
          done();
        });
      },
    });
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port;
  }

  get subjects(): string[] {
    return this.received.map(({ headers }) => headers.get('Subject') ?? '');
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(resolve));
  }
}

function parse(text: string): { readonly headers: Map<string, string>; readonly body: string } {
  const end = text.indexOf('\r\n\r\n');
  const lines = text
    .slice(0, end)
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { headers: new Map(fields), body: text.slice(end + 4) };
}
