// Keeping one link working: when to dial it, when to give up a silent half, when to ping (sentinel.md §4.3).

import type { Core } from './core.ts';
import type { Link } from './instance.ts';
import { closeHalf, dial, redialDueAt } from './links.ts';
import { pingDueAt, sendPing, shortest } from './polling.ts';

/** When the pub/sub half has been silent for so long that it must be dead: our own hellos come back on it. */
function silentPubsubDueAt(core: Core, link: Link): number {
  if (link.pubsub === null) return Infinity;
  const { minLinkReconnectPeriod, publishPeriod } = core.tunables;
  return (
    Math.max(link.pubsub.openedAt + minLinkReconnectPeriod, link.pubsubLastActivityAt + 3 * publishPeriod) + 1
  );
}

/** When the command half, with a PING out and no word for half of down-after, is worth a new connection. */
function silentCommandDueAt(core: Core, link: Link): number {
  if (link.command === null || link.actPingAt === null) return Infinity;
  const half = Math.ceil(shortest(link, (owner) => owner.downAfterMs) / 2);
  const since = Math.max(link.actPingAt, link.lastPongAt);
  return Math.max(link.command.openedAt + core.tunables.minLinkReconnectPeriod, since + half) + 1;
}

/** Dials, closes and pings as due; returns when to look again. */
export function attendLink(core: Core, link: Link): number {
  if (core.now >= silentCommandDueAt(core, link)) closeHalf(core, link, 'command');
  if (core.now >= silentPubsubDueAt(core, link)) closeHalf(core, link, 'pubsub');
  if (core.now >= redialDueAt(core, link)) dial(core, link);
  if (core.now >= pingDueAt(core, link)) sendPing(core, link);
  return Math.min(
    redialDueAt(core, link),
    pingDueAt(core, link),
    silentPubsubDueAt(core, link),
    silentCommandDueAt(core, link),
  );
}
