// The SENTINEL subcommands that change what is monitored: MONITOR, REMOVE, RESET, FAILOVER (sentinel.md §6.8, §9).

import { strictInteger } from '../../base/strict-integer.ts';
import { globMatches } from '../../base/glob.ts';
import { error, integer, OK } from '../../resp/reply.ts';
import type { Core } from '../core.ts';
import { beginFailover } from '../failover.ts';
import { clearFailover } from '../failover-state.ts';
import { EPOCH_MAX } from '../hello.ts';
import { newMaster, type Master } from '../instance.ts';
import { drop, resetMaster } from '../switch-master.ts';
import {
  afterSaving,
  CONTROL_CHARACTERS,
  hasControlCharacters,
  NO_SUCH_MASTER,
  SAVE_FAILED,
  type MonitorCommand,
} from './handler.ts';

/** Starts watching a master: in the tables, due to be dialled, told of by `+monitor` by the caller. */
export function watchMaster(core: Core, master: Master): void {
  core.masters.set(master.name, master);
  core.touch(master);
  core.touch(master.link);
}

/** Names are put into hellos, files and events, where these characters would end them. */
function isMasterName(name: string): boolean {
  return name !== '' && name.length <= 256 && !/[\s,]/.test(name);
}

export const monitor: MonitorCommand = (core, args, defer) => {
  const [, , name = '', host = '', portText = '', quorumText = ''] = args;
  if (hasControlCharacters(args)) return CONTROL_CHARACTERS;
  const quorum = strictInteger(quorumText);
  if (quorum === null) return error('ERR Invalid quorum');
  const port = strictInteger(portText);
  if (port === null) return error('ERR Invalid port');
  if (quorum <= 0) return error('ERR Quorum must be 1 or greater.');
  // Differs from Sentinel: a name that would break hellos and the configuration file is refused, because the reference
  // takes it and can't load its own file afterwards.
  if (!isMasterName(name))
    return error('ERR Invalid master name: it must not be empty or hold blanks or commas');
  if (!core.names.isAllowed(host)) return error('ERR Invalid IP address or hostname specified');

  const answer = defer();
  core.names.whenKnown([host], () => {
    const address = core.checkAddress(host, port);
    if (core.names.ipOf(host) === '') answer(error('ERR Invalid IP address or hostname specified'));
    else if (core.masters.has(name)) answer(error('ERR Duplicate master name'));
    else if (!address.ok) answer(error('ERR Invalid port number'));
    else {
      const { defaultDownAfter, defaultFailoverTimeout } = core.tunables;
      const settings = { quorum, downAfterMs: defaultDownAfter, failoverTimeoutMs: defaultFailoverTimeout };
      const master = newMaster(name, address.value, settings, core.now);
      watchMaster(core, master);
      core.persistence.save((saved) => {
        answer(saved ? OK : SAVE_FAILED);
        if (core.masters.get(name) === master) core.event('+monitor', master, ` quorum ${quorum}`);
      });
    }
  });
  return 'later';
};

export const remove: MonitorCommand = (core, args, defer) => {
  const master = core.masters.get(args[2] ?? '');
  if (master === undefined) return NO_SUCH_MASTER;
  core.event('-monitor', master);
  clearFailover(core, master);
  core.masters.delete(master.name);
  for (const instance of core.instancesOf(master)) drop(core, instance);
  return afterSaving(core, defer, OK);
};

export const reset: MonitorCommand = (core, args) => {
  let count = 0;
  for (const master of core.masters.values()) {
    if (!globMatches(args[2] ?? '', master.name)) continue;
    resetMaster(core, master, { peers: true });
    core.event('+reset-master', master);
    core.touch(master);
    count += 1;
  }
  return integer(count);
};

export const failover: MonitorCommand = (core, args, defer) => {
  const master = core.masters.get(args[2] ?? '');
  if (master === undefined) return NO_SUCH_MASTER;
  const [, , , option, ...rest] = args;
  const coordinated = option?.toLowerCase() === 'coordinated';
  if (rest.length > 0 || (option !== undefined && !coordinated)) {
    return error(`ERR Unknown failover option specified, expected COORDINATED`);
  }
  if (master.failover.state !== 'none' || master.failover.preparing) {
    return error('INPROG Failover already in progress');
  }
  if (core.currentEpoch === EPOCH_MAX) return error(`ERR There is no epoch after ${EPOCH_MAX}`);
  const verdict = core.policy.onManualFailover(master, core.view());
  if (!verdict.allowed) return error(`NOGOODSLAVE ${verdict.because}`);
  if (core.policy.chooseReplica(master, core.view()).replica === null) {
    return error('NOGOODSLAVE No suitable replica to promote');
  }
  if (coordinated && master.failoverStateReported === null) {
    return error('NOGOODPRIMARY The primary does not know the FAILOVER command');
  }
  core.log('notice', `Executing user requested FAILOVER of '${master.name}'`);
  const answer = defer();
  beginFailover(core, master, coordinated ? 'coordinated' : 'forced', (outcome) => {
    if (outcome === 'begun') answer(OK);
    else if (outcome === 'not-saved') answer(SAVE_FAILED);
    else answer(error('INPROG Overtaken by another failover, a reset or a removal'));
  });
  return 'later';
};
