// Deliberate defects, laid around the machine without touching it. Each breaks one rule, and the seeds must find it by
// the check named here; a checker that cannot fail proves nothing.

import type { EndpointsConf } from '../../endpoint/endpoint-conf.ts';
import type { Effect, Event } from '../../endpoint/io.ts';
import type { Reply } from '../../resp/reply.ts';
import type { CheckName } from './witness.ts';
import type { Host } from './host.ts';

export interface Sabotage {
  readonly name: string;
  /** What is broken, in a sentence. */
  readonly sentence: string;
  readonly caughtBy: CheckName;
  /** What is carried out instead; null: nothing. */
  does?(effect: Effect, host: Host): Effect | null;
  /** What the machine hears instead; null: nothing. */
  hears?(event: Event, host: Host): Event | null;
  /** The time it is told. */
  clock?(host: Host): number;
  /** What it is told to do. */
  conf?(conf: EndpointsConf): EndpointsConf;
}

/** Changes the text of every INFO. */
const inInfo =
  (change: (text: string) => string) =>
  (event: Event): Event => {
    if (event.kind !== 'reply' || event.reply.kind !== 'bulk') return event;
    const { value } = event.reply;
    return value.includes('# Replication')
      ? { ...event, reply: { kind: 'bulk', value: change(value) } }
      : event;
  };

const leaps = (text: string): string =>
  text.includes('role:slave') ? text.replace(/slave_repl_offset:\d+/, 'slave_repl_offset:99999999') : text;

/** After this much of a host's time its clock leaps back. */
const LEAP_AT_MS = 110_000;

/** Made anew for each run: some remember. */
export const SABOTAGES: readonly (() => Sabotage)[] = [
  () => ({
    name: 'long-lease',
    sentence: 'a route stands ten seconds longer than it should',
    caughtBy: 'lease',
    does: (effect) =>
      effect.kind === 'route'
        ? { ...effect, route: { ...effect.route, deadline: effect.route.deadline + 10_000 } }
        : effect,
  }),
  () => {
    const last = new Map<string, Extract<Effect, { kind: 'route' }>>();
    return {
      name: 'faithful',
      sentence: 'an endpoint that should lead nowhere goes on leading to where it led',
      caughtBy: 'confirmed',
      does: (effect, host) => {
        if (effect.kind !== 'route') return effect;
        const before = last.get(`${host.index} ${effect.route.endpoint}`);
        if (effect.route.servers.length > 0 || before === undefined) {
          last.set(`${host.index} ${effect.route.endpoint}`, effect);
          return effect;
        }
        const { route } = before;
        return {
          ...before,
          route: { ...route, generation: effect.route.generation, deadline: host.localNow + 2_900 },
        };
      },
    };
  },
  () => ({
    name: 'credulous',
    sentence: 'a replica is taken for a primary',
    caughtBy: 'confirmed',
    hears: inInfo((text) => text.replace('role:slave', 'role:master')),
  }),
  () => ({
    name: 'epoch-blind',
    sentence: 'config epochs are not looked at',
    caughtBy: 'epoch',
    hears: (event) => {
      if (event.kind !== 'reply' || event.reply.kind !== 'array') return event;
      const { items } = event.reply;
      const isMaster = items.some((item) => item.kind === 'bulk' && item.value === 'config-epoch');
      if (!isMaster) return event;
      const reply: Reply = { kind: 'array', items: [...items.slice(0, -1), { kind: 'bulk', value: '1' }] };
      return { ...event, reply };
    },
  }),
  () => ({
    name: 'one-voice',
    sentence: 'one sentinel is enough',
    caughtBy: 'majority',
    conf: (conf) => ({
      ...conf,
      backends: conf.backends.map((backend) =>
        backend.source.kind === 'sentinels'
          ? { ...backend, source: { ...backend.source, sentinels: backend.source.sentinels.slice(0, 1) } }
          : backend,
      ),
    }),
  }),
  () => ({
    name: 'trustful',
    sentence: 'a server that was restarted seems to be the process that it was',
    caughtBy: 'majority',
    hears: inInfo((text) => text.replace(/(?<=role:master[^]*master_replid:)\w+/, 'always')),
  }),
  () => ({
    name: 'two-faced',
    sentence: 'a primary endpoint leads to two servers at a time',
    caughtBy: 'one-target',
    does: (effect) => {
      if (effect.kind !== 'route' || effect.route.endpoint !== 'to-redis') return effect;
      const { servers } = effect.route;
      return { ...effect, route: { ...effect.route, servers: [...servers, ...servers] } };
    },
  }),
  () => ({
    name: 'fickle',
    sentence: 'of two primaries the newcomer is taken, since the one in use is not heard any more',
    caughtBy: 'in-use',
    hears: (event, host) => {
      const claims =
        event.kind === 'reply' && event.reply.kind === 'bulk' && event.reply.value.includes('role:master');
      const [inUse] = host.carriers.get('to-redis')?.route.servers ?? [];
      const { claimants } = host.witness;
      const isOfInUse = claims && host.witness.serverOf(event.connection) === `${inUse?.host}:${inUse?.port}`;
      return isOfInUse && claimants.length > 1
        ? inInfo((text) => text.replace('role:master', 'role:slave'))(event)
        : event;
    },
  }),
  () => ({
    name: 'eager',
    sentence: 'after a start the first of two primaries is taken',
    caughtBy: 'cold-start',
    hears: (event, host) => {
      const isFirst =
        event.kind === 'reply' && host.witness.serverOf(event.connection)?.startsWith('10.0.0.1:') === true;
      return isFirst ? event : inInfo((text) => text.replace('role:master', 'role:slave'))(event);
    },
  }),
  () => ({
    name: 'no-pause',
    sentence: 'the old primary is not paused before another one is promoted',
    caughtBy: 'two-writable',
    does: (effect) =>
      effect.kind === 'send' && effect.args[0] === 'CLIENT' ? { ...effect, args: ['PING'] } : effect,
  }),
  () => ({
    name: 'impatient',
    sentence: 'replicas seem to have everything',
    caughtBy: 'lost-writes',
    hears: (event, host) => (host.witness.switches.isUnderWay ? inInfo(leaps)(event) : event),
  }),
  () => ({
    name: 'lag-blind',
    sentence: 'replicas seem to be as far as their primary',
    caughtBy: 'admitted',
    hears: inInfo(leaps),
  }),
  () => ({
    name: 'clinging',
    sentence: 'held clients are not let go',
    caughtBy: 'switch',
    does: (effect) => (effect.kind === 'switch-step' && effect.step.kind === 'release' ? null : effect),
  }),
  () => ({
    name: 'disobedient',
    sentence: 'drained servers get clients',
    caughtBy: 'admitted',
    hears: (event) => (event.kind === 'set-state' ? null : event),
  }),
  () => ({
    name: 'hush',
    sentence: 'no alarm is raised',
    caughtBy: 'alarm',
    does: (effect) => (effect.kind === 'event' && effect.level === 'alarm' ? null : effect),
  }),
  () => ({
    name: 'crying-wolf',
    sentence: 'the end of an alarm is not told',
    caughtBy: 'leads-home',
    does: (effect) => (effect.kind === 'event' && effect.level === 'info' ? null : effect),
  }),
  () => ({
    name: 'one-generation',
    sentence: 'a changed route keeps its generation',
    caughtBy: 'generation',
    does: (effect) =>
      effect.kind === 'route' ? { ...effect, route: { ...effect.route, generation: 1 } } : effect,
  }),
  () => ({
    name: 'stay-at-home',
    sentence: 'replies of servers that come late are not heard, and they seem to be dead',
    caughtBy: 'leads-home',
    hears: (event, host) => (event.kind === 'reply' && host.localNow > LEAP_AT_MS ? null : event),
  }),
  () => ({
    name: 'leaping-clock',
    sentence: 'the clock goes back, which the machine refuses to believe',
    caughtBy: 'no-crash',
    clock: (host) => (host.localNow < LEAP_AT_MS ? host.localNow : host.localNow - 1_000),
  }),
];
