// Which server is the primary that clients are led to, and until when that stands. Each answer is a sentence.

import { describeServer, type RedisServer } from './redis-server.ts';
import type { Opinion } from './sentinel-source.ts';
import { targetText } from './route.ts';

/** What stands now. */
export interface PrimaryChoice {
  /** null: nobody; clients wait. */
  readonly server: RedisServer | null;
  /** The moment whose knowledge this rests on; the lease counts from there. */
  readonly since: number;
  readonly because: string;
  /** Somebody must look: why; null: all is well. */
  readonly alarm: { readonly name: 'sentinels' | 'two-primaries'; readonly text: string } | null;
}

const nobody = (because: string, alarm: PrimaryChoice['alarm'] = null): PrimaryChoice => ({
  server: null,
  since: -Infinity,
  because,
  alarm,
});

/** Up, and says that it is the primary. */
export const claims = (server: RedisServer): boolean =>
  server.isUsable && server.info?.role === 'master' && !server.isAlone;

/** Who was led to last. */
export interface Present {
  readonly server: RedisServer;
  /** It was restarted, or demoted and promoted, since somebody vouched for it. */
  readonly beganAnew: boolean;
}

export interface SentinelsSay {
  readonly opinion: Opinion;
  /** How many are named. */
  readonly named: number;
  readonly group: string;
}

/**
 * With sentinels as the source. The conditions, in this order: a majority answers; the one they name answers
 * `role:master` itself (so that nobody is led to a replica that has yet to be promoted). Without a majority the present one
 * stays while it answers `role:master`: cut off from sentinels is not the same as cut off from the primary. One that began
 * anew meanwhile is not taken again: its configuration file calls it the primary whatever the others decided.
 */
export function chooseBySentinels(
  { opinion, named, group }: SentinelsSay,
  present: Present | null,
  serverAt: (where: { readonly host: string; readonly port: number }) => RedisServer | null,
): PrimaryChoice {
  switch (opinion.kind) {
    case 'no-majority': {
      const few = `${opinion.answering} of ${named} sentinels answer, and it takes a majority (${opinion.silent.join('; ')})`;
      const alarm = { name: 'sentinels' as const, text: few };
      if (present === null || !claims(present.server))
        return nobody(`nobody knows the primary of ${group}: ${few}`, alarm);
      const { server, beganAnew } = present;
      if (beganAnew) {
        return nobody(
          `${describeServer(server)} began anew, and nobody knows whether it still is the primary of ${group}: ${few}`,
          alarm,
        );
      }
      const because = `${describeServer(server)} stays the primary, as it says itself: ${few}`;
      return { server, since: server.askedAt, because, alarm };
    }
    case 'disagree': {
      const text = `the sentinels name several primaries at config epoch ${opinion.configEpoch}`;
      return nobody(`nobody knows the primary of ${group}: ${text}`, { name: 'sentinels', text });
    }
    case 'primary': {
      const { where, configEpoch, since, answering } = opinion;
      const said = `${answering} of ${named} sentinels answer, config epoch ${configEpoch}`;
      const server = serverAt(where);
      if (server === null || !claims(server)) {
        const why = server === null ? 'it is not known yet' : whyNot(server);
        return nobody(`${targetText(where)} is to be the primary of ${group} (${said}), but ${why}`);
      }
      const because = `${describeServer(server)} is the primary of ${group}: ${said}`;
      return { server, since: Math.min(since, server.askedAt), because, alarm: null };
    }
  }
}

function whyNot(server: RedisServer): string {
  if (server.adminState !== 'ready') return `it is in ${server.adminState} by order`;
  if (server.verdict.health !== 'up') return `it is not up: ${server.verdict.reason}`;
  if (server.isAlone) return 'nobody replicates it, and its check asks for connected_slaves';
  return server.info?.role === 'slave' ? 'it still says role:slave' : 'it says no role';
}

/**
 * With nobody to ask but the servers. The conditions, in this order: the one in use stays in use while it claims to be the
 * primary, whoever else does (an old primary that returns gets no clients); nobody is chosen before every server was looked at
 * once; then a claim that stands alone wins; of several the preferred one, or nobody.
 */
export function chooseByClaims(
  servers: readonly RedisServer[],
  current: RedisServer | null,
  preferred: string | null,
): PrimaryChoice {
  const claiming = servers.filter(claims);
  const names = claiming.map(describeServer).join(' and ');
  const alarm =
    claiming.length > 1
      ? { name: 'two-primaries' as const, text: `${names} say that they are the primary` }
      : null;
  const inUse = claiming.find((server) => server === current);
  if (inUse !== undefined) {
    const because = `${describeServer(inUse)} is the primary${alarm === null ? '' : `, being in use: ${alarm.text}`}`;
    return { server: inUse, since: inUse.askedAt, because, alarm };
  }
  const unknown = servers.filter(
    ({ verdict, adminState }) => verdict.health === 'unknown' && adminState === 'ready',
  );
  // After a reload the one in use has to be heard first.
  if (unknown.length > 0 && (current === null || unknown.includes(current))) {
    return nobody(`waiting for the first word of ${unknown.map(describeServer).join(' and ')}`, alarm);
  }
  const [only] = claiming;
  if (only === undefined) return nobody(whyNobody(servers));
  const chosen = claiming.length === 1 ? only : claiming.find(({ name }) => name === preferred);
  if (chosen === undefined) {
    return nobody(
      `nobody is chosen: ${names} say that they are the primary; demote one, or prefer one by setting`,
      alarm,
    );
  }
  const because = `${describeServer(chosen)} is the primary${alarm === null ? '' : `, being preferred: ${alarm.text}`}`;
  return { server: chosen, since: chosen.askedAt, because, alarm };
}

function whyNobody(servers: readonly RedisServer[]): string {
  const each = servers.map(
    (server) =>
      `${describeServer(server)}: ${server.info?.role === 'slave' && server.isUsable ? 'role:slave' : whyNot(server)}`,
  );
  return `no server says that it is the primary (${each.join('; ')})`;
}
