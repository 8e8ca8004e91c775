// A client that has a connection of its own changes servers: the new connection is brought to what the old one was, and
// what can't be made again is told in the way the client has to expect anyway (proxy.md §5.4).

import { bytesOf } from '../../base/byte-string.ts';
import type { Client } from './client.ts';
import { ERROR } from './reply-scanner.ts';
import { argumentsOf } from './request-scanner.ts';
import { firstLine } from './reply-text.ts';
import type { ServerConnection } from './server-connection.ts';

/** Who subscribed to this is named by its id in the tracking of others, and would have another id, or a stranger's. */
const INVALIDATIONS = '__redis__:invalidate';

/** Why a client can't be moved; null: it can. */
export function whyUnmovable({ pinned, isMidRequest }: Client): string | null {
  if (isMidRequest) return 'a request was half sent';
  if (pinned.transaction !== null && pinned.transaction.begun === null) return 'a long transaction was open';
  if (pinned.hasUnseen || pinned.asking > 0) return 'not all that it has there is known';
  if (pinned.isMonitoring) return 'MONITOR shows one server';
  // The id it names is another connection's, of the old server.
  if (pinned.tracking?.some((args) => args.some((word) => /^REDIRECT$/i.test(word))) === true)
    return 'its invalidations are redirected';
  if (pinned.subscriptions.SUBSCRIBE.has(INVALIDATIONS)) return 'invalidations are redirected to it';
  return null;
}

/** What becomes of what is said by {@link restore}. */
export interface Restoring {
  /** The server did not take something of it, in its words. */
  readonly refused: (error: string) => void;
  /** All subscriptions are there, if there were any. */
  readonly resubscribed: () => void;
}

/** Says on `connection`, which is signed on, what `client` had at the last one. Its replies reach nobody. */
export function restore(client: Client, connection: ServerConnection, restoring: Restoring): void {
  const { pinned } = client;
  const { caching } = pinned;
  if (caching !== null) caching.isUsed = false;
  let missing = 0;
  // Last what is for the command behind it.
  for (const args of [...pinned.commands(), ...(caching === null ? [] : [caching.args])]) {
    const isSubscription = args[0]?.endsWith('SUBSCRIBE') === true;
    if (isSubscription) {
      pinned.subscribing++;
      missing++;
    }
    connection.sendOwn(
      args,
      (type, bytes, start, end, owed) => {
        if (type === ERROR) restoring.refused(firstLine(bytes, start, end));
        if (isSubscription && (type === ERROR || owed.count === 1)) {
          pinned.subscribing--;
          if (--missing === 0) restoring.resubscribed();
        }
        return 'swallow';
      },
      isSubscription ? args.length - 1 : 1,
    );
  }
  if (pinned.isWatching) {
    // Keys may have changed between the servers: as far as the client can tell, they have.
    pinned.isWatching = false;
    pinned.hasLostWatch = true;
  }
  // What is wrong with one of them is wrong here, too, and the client knows it.
  for (const request of pinned.transaction?.begun ?? []) {
    connection.sendOwn(argumentsOf(request, 0), () => 'swallow');
  }
  if (pinned.replies !== 'on') connection.sendQuietly(['CLIENT', 'REPLY', pinned.replies.toUpperCase()]);
  if (pinned.tracking !== null && client.signOn.protocol === 3) {
    // What changed meanwhile was told to nobody: everything it has cached is in doubt.
    const everything = bytesOf('>2\r\n$10\r\ninvalidate\r\n_\r\n');
    client.deliver(everything, 0, everything.length);
  }
}
