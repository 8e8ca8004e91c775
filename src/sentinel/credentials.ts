// Who we are to others, and what they say to that (sentinel.md §7.3). Refused credentials look like silence to whoever
// only counts PONGs; here they are named as what they are.

import type { Reply } from '../resp/reply.ts';
import type { Core } from './core.ts';
import { masterOf, type Instance, type Link } from './instance.ts';

/** The arguments of AUTH for an instance, or null (sentinel.md §7.3). */
export function credentialsFor(core: Core, instance: Instance): readonly string[] | null {
  if (instance.kind === 'sentinel') {
    if (core.sentinelPass !== null) {
      return core.sentinelUser === null ? [core.sentinelPass] : [core.sentinelUser, core.sentinelPass];
    }
    return core.server.requirePass === null ? null : [core.server.requirePass];
  }
  const { authUser, authPass } = masterOf(instance);
  if (authPass === null) return null;
  return authUser === null ? [authPass] : [authUser, authPass];
}

/** The answer to AUTH. */
export function receiveLogin(core: Core, link: Link, reply: Reply): void {
  link.loginRefused = reply.kind === 'error';
  if (reply.kind === 'error') noteRefused(core, link, reply.text);
  else noteAccepted(core, link);
}

/** Says that credentials are refused, when that is new. `words` are the node's own. */
export function noteRefused(core: Core, link: Link, words: string): void {
  const isNew = link.authProblem === null;
  link.authProblem = words;
  const [owner] = link.owners;
  if (owner === undefined || !isNew) return;
  const setting = owner.kind === 'sentinel' ? 'sentinel-user and sentinel-pass' : 'auth-user and auth-pass';
  const { address } = owner;
  core.log(
    'warning',
    `${owner.kind} ${owner.name} at ${core.shown(address)}:${address.port} refuses our credentials: ${words}. ` +
      `Check ${setting} of ${masterOf(owner).name}`,
  );
}

/** Says that they are accepted again, when that is new. */
export function noteAccepted(core: Core, link: Link): void {
  if (link.authProblem === null) return;
  link.authProblem = null;
  const [owner] = link.owners;
  if (owner !== undefined) core.log('notice', `${owner.kind} ${owner.name} accepts our credentials`);
}
