// What `baton vrrp -t` prints: what was understood of a file, so that a reader can see at a glance whether it is what
// they meant.

import { hostPort } from '../../base/host-port.ts';
import { commandText } from '../command-text.ts';
import { bothHoldMs, defaultLifetimeSeconds } from '../lifetime.ts';
import type { Command, Hooks, Tracking, VirtualAddress } from '../router-conf.ts';
import { activeDownMs } from '../timing.ts';
import type { GlobalConf, InstanceConf, KeepalivedConf, SyncGroupConf } from './conf.ts';
import type { ConfProblem } from './problems.ts';
import type { VirtualServerConf } from './servers.ts';

/** One line for a problem or a warning, and the line of the file it is about. */
export function describeProblem({
  severity,
  where,
  sentence,
  text,
}: Pick<ConfProblem, 'severity' | 'where' | 'sentence' | 'text'>): string[] {
  const line = `${where}: ${severity === 'warning' ? 'warning: ' : ''}${sentence}`;
  return text === '' ? [line] : [line, `    ${text}`];
}

/** The lines of a check that found nothing that keeps the file from being used. `hasNft`: the guard can be set up. */
export function describeCheck(
  conf: KeepalivedConf,
  warnings: readonly Pick<ConfProblem, 'severity' | 'where' | 'sentence' | 'text'>[] = [],
  hasNft = false,
): string[] {
  return [
    ...conf.instances.flatMap((instance) => describeInstance(instance, hasNft)),
    ...conf.groups.flatMap((group) => describeGroup(group)),
    ...conf.scripts.map(
      ({ name, command, intervalMs, timeoutMs, rise, fall }) =>
        `script ${name}: ${commandText(command)}, every ${seconds(intervalMs)}, timeout ${seconds(timeoutMs)}, ` +
        `up after ${rise}, down after ${fall}`,
    ),
    ...conf.redis.map(
      ({ name, intervalMs, rise, fall, authFile }) =>
        `redis ${name}: a standing connection, a PING every ${seconds(intervalMs)}, up after ${rise}, ` +
        `down after ${fall}${authFile === null ? '' : `, logs in with ${authFile}`}`,
    ),
    ...conf.processes.map(({ name, process }) => `process ${name}: ${process}`),
    ...conf.files.map(({ name, path }) => `file ${name}: ${path}`),
    ...describeMail(conf),
    ...describeGlobal(conf.global),
    ...conf.balancer.virtualServers.flatMap(describeServer),
    ...conf.foreignUsers.map(
      ({ user, where }) => `runs a command as ${user} (${where}): needs root, or CAP_SETUID and CAP_SETGID`,
    ),
    ...warnings.flatMap(describeProblem),
  ];
}

function describeInstance(instance: InstanceConf, hasNft: boolean): string[] {
  const { name, version, virtualRouterId, priority, advertIntervalMs } = instance;
  const downMs = activeDownMs(instance, priority, advertIntervalMs);
  const way =
    instance.unicastPeers.length === 0
      ? `multicast ${instance.multicastGroup}`
      : `unicast to ${instance.unicastPeers.map(({ address }) => address).join(', ')}`;
  const preemption = !instance.preempt
    ? 'never preempts'
    : instance.preemptDelayMs === 0
      ? 'preempts'
      : `preempts after ${seconds(instance.preemptDelayMs)}`;
  return [
    `instance ${name}: VRRPv${version} router ${virtualRouterId} on ${instance.interface}, priority ${priority}, ${preemption}, ${way}` +
      (instance.password === null ? '' : ', with a password'),
    `  adverts every ${seconds(advertIntervalMs)}; takes over ${seconds(downMs)} after the last advert`,
    ...instance.addresses.map((address) => `  address ${addressText(address)}`),
    ...instance.excludedAddresses.map((address) => `  address ${addressText(address)}, not in the adverts`),
    lifetimeText(instance, hasNft),
    ...instance.tracking.map(trackingText),
    ...hookLines(instance.hooks),
    ...(instance.promoteBeforeAdvertise === null
      ? []
      : [`  notify_master finishes first, within ${seconds(instance.promoteBeforeAdvertise.timeoutMs)}`]),
    ...(instance.sendsMail ? ['  sends mail'] : []),
  ];
}

/** How long an address outlives us, and what keeps it from being used on two hosts. */
function lifetimeText(instance: InstanceConf, hasNft: boolean): string {
  const addressLifetimeSeconds = defaultLifetimeSeconds(instance);
  const text = `  an address outlives this daemon by at most ${addressLifetimeSeconds + 0.5} s`;
  const overlapMs = bothHoldMs({ ...instance, addressLifetimeSeconds });
  if (overlapMs === 0) return text;
  const overlap = `for up to ${seconds(overlapMs)} of it another host may hold it too`;
  if (!instance.guard) return `${text}; ${overlap}, as the guard is off`;
  return hasNft
    ? `${text}; ${overlap}, but the nft guard closes that: this host is silent then`
    : `${text}; without nft, ${overlap}`;
}

function describeGroup({ name, members, tracking, hooks, sendsMail }: SyncGroupConf): string[] {
  return [
    `group ${name}: ${members.join(', ')}`,
    ...tracking.map(trackingText),
    ...hookLines(hooks),
    ...(sendsMail ? ['  sends mail'] : []),
  ];
}

/** To whom mail goes; that somebody asks for mail which has nowhere to go is a warning of its own. */
function describeMail({ global: { mail }, instances, groups, balancer }: KeepalivedConf): string[] {
  const { server, from, to } = mail;
  if (server === null || to.length === 0) return [];
  const { virtualServers } = balancer;
  const senders = [
    ...instances,
    ...groups,
    ...virtualServers,
    ...virtualServers.flatMap(({ realServers }) => realServers),
  ];
  const isSent = senders.some(({ sendsMail }) => sendsMail);
  const way = `mail through ${hostPort(server.host, server.port)} from ${from} to ${to.join(', ')}`;
  return [isSent ? way : `${way}: never, nothing has smtp_alert`];
}

function describeGlobal({ fifos, startupDelayMs, delayAfterBootMs }: GlobalConf): string[] {
  const delayMs = Math.max(startupDelayMs, delayAfterBootMs);
  return [
    ...fifos.map(
      ({ path, script }) => `fifo ${path}${script === null ? '' : `, read by ${commandText(script)}`}`,
    ),
    ...(delayMs === 0 ? [] : [`holds still for ${seconds(delayMs)} at first`]),
  ];
}

function describeServer({ target, scheduler, realServers, sorryServer }: VirtualServerConf): string[] {
  const name =
    target.kind === 'group'
      ? `group ${target.name}`
      : target.kind === 'fwmark'
        ? `fwmark ${target.mark}`
        : `${target.address} ${target.port}`;
  const sorry = sorryServer === null ? '' : `, else ${sorryServer.address} ${sorryServer.port}`;
  const servers = realServers.map(
    ({ address, port, weight, checkers }) =>
      `  real server ${address} ${port}, weight ${weight}, ` +
      (checkers.length === 0 ? 'not checked' : checkers.map(({ kind }) => kind).join(', ')),
  );
  return [`virtual server ${name}: ${scheduler}, ${realServers.length} real servers${sorry}`, ...servers];
}

function addressText(one: VirtualAddress): string {
  const options = [
    one.broadcast === null ? '' : `brd ${one.broadcast}`,
    one.label === null ? '' : `label ${one.label}`,
    one.peer === null ? '' : `peer ${one.peer}`,
    one.noPrefixRoute ? 'noprefixroute' : '',
    one.untracked ? 'no_track' : '',
  ].filter((option) => option !== '');
  return [`${one.address}/${one.prefixLength}`, `on ${one.interface}`, ...options].join(' ');
}

function trackingText({ kind, name, weight, reverse }: Tracking): string {
  const failure = reverse ? 'a success' : 'a failure';
  const shown = weight > 0 ? `+${weight}` : String(weight);
  const effect =
    weight === 0 && kind !== 'file' ? `${failure} is a fault` : `weight ${shown}${reverse ? ' reverse' : ''}`;
  return `  tracks ${kind} ${name}: ${effect}`;
}

function hookLines(hooks: Hooks): string[] {
  const named: readonly (readonly [string, Command | null])[] = [
    ['notify_master', hooks.master],
    ['notify_backup', hooks.backup],
    ['notify_fault', hooks.fault],
    ['notify_stop', hooks.stop],
    ['notify_deleted', hooks.deleted],
    ['notify_master_rx_lower_pri', hooks.masterRxLowerPriority],
    ['notify', hooks.any],
  ];
  return named.flatMap(([name, command]) => (command === null ? [] : [`  ${name}: ${commandText(command)}`]));
}

/** With as few digits as tell it, at most three. */
function seconds(milliseconds: number): string {
  return `${Number((milliseconds / 1000).toFixed(3))} s`;
}
