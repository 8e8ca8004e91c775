// A keepalived.conf as what the VRRP machine is told to do. Nothing is decided here: every default is resolved already.

import { defaultLifetimeSeconds } from '../lifetime.ts';
import type { GroupConf, MailConf, RouterConf, Unicast, VrrpConf } from '../router-conf.ts';
import { omit } from './omit.ts';
import type { InstanceConf, KeepalivedConf, MailBlock, SyncGroupConf } from './conf.ts';

/** How long stop hooks may take at the end; as keepalived (vrrp.md §1.12). */
const STOP_TIMEOUT_MS = 1000;

export interface RouterOptions {
  /** Since the machine booted; `vrrp_delay_after_boot` counts from there. */
  readonly sinceBootMs: number;
}

/** The machine's configuration. Keepalived's default is kept everywhere but in how long an address outlives us. */
export function toRouters(conf: KeepalivedConf, options: RouterOptions): VrrpConf {
  const { global } = conf;
  return {
    routerId: global.routerId,
    routers: conf.instances.map(toRouter),
    groups: conf.groups.map(toGroup),
    scripts: conf.scripts.map((script) => omit(script, 'weight', 'reverse')),
    processes: conf.processes.map((process) => omit(process, 'weight', 'reverse')),
    files: conf.files.map((file) => omit(file, 'weight', 'reverse')),
    redis: conf.redis.map((redis) => omit(redis, 'where')),
    fifos: global.fifos.filter(({ hears }) => hears !== 'lvs').map((fifo) => omit(fifo, 'hears')),
    mail: toMail(global.mail),
    mailsFaults: global.mail.tellsFaults,
    startupDelayMs: Math.max(global.startupDelayMs, global.delayAfterBootMs - options.sinceBootMs, 0),
    logUnknownIds: global.logUnknownIds,
    tellStatesOnReload: global.tellStatesOnReload,
    stopTimeoutMs: STOP_TIMEOUT_MS,
  };
}

/** null: no mail is sent. */
export function toMail(mail: MailBlock): MailConf | null {
  const { server } = mail;
  return server === null || mail.to.length === 0 ? null : { ...omit(mail, 'tellsFaults'), server };
}

function toRouter(instance: InstanceConf): RouterConf {
  const { oldUnicastChecksum, checksumAsVersion2, unicastPeers } = instance;
  const isUnicast = unicastPeers.length > 0;
  const mayBeOld = isUnicast && instance.version === 3 && instance.family === 'ipv4';
  return {
    name: instance.name,
    interface: instance.interface,
    virtualRouterId: instance.virtualRouterId,
    family: instance.family,
    version: instance.version,
    priority: instance.priority,
    wantsActive: instance.wantsMaster,
    advertIntervalMs: instance.advertIntervalMs,
    downTimerAdverts: instance.downTimerAdverts,
    preempt: instance.preempt,
    preemptDelayMs: instance.preemptDelayMs,
    password: instance.password,
    addresses: instance.addresses,
    excludedAddresses: instance.excludedAddresses,
    sourceAddress: instance.sourceAddress,
    trackSource: instance.trackSource,
    multicastGroup: instance.multicastGroup,
    unicast: isUnicast ? toUnicast(instance) : null,
    checksum: checksumAsVersion2
      ? 'plain'
      : mayBeOld && oldUnicastChecksum === 'always'
        ? 'multicast-pseudo-header'
        : 'pseudo-header',
    adoptOldChecksum: mayBeOld && oldUnicastChecksum === 'adopt',
    announcing: instance.announcing,
    lowerPrioritySendsAdvert: instance.lowerPrioritySendsAdvert,
    higherPrioritySendsAdvert: instance.higherPrioritySendsAdvert,
    ownerIgnoresAdverts: instance.ownerIgnoresAdverts,
    trackInterfaces: instance.tracksInterface,
    tracking: instance.tracking,
    hooks: instance.hooks,
    promoteBeforeAdvertise: instance.promoteBeforeAdvertise,
    tellPriorityChanges: instance.tellPriorityChanges,
    sendsMail: instance.sendsMail,
    addressLifetimeSeconds: defaultLifetimeSeconds(instance),
    guard: instance.guard,
  };
}

function toUnicast(instance: InstanceConf): Unicast {
  return { peers: instance.unicastPeers, ttl: instance.unicastTtl, checkSource: instance.checkUnicastSource };
}

function toGroup({ name, members, tracking, tracksWeights, hooks, sendsMail }: SyncGroupConf): GroupConf {
  return { name, members, tracking, tracksWeights, hooks, sendsMail };
}
