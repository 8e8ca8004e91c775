// Telling people and programs of a change of state: hooks, FIFO and mail, in the words a keepalived user knows
// (vrrp.md §3).

import type { Core } from './core.ts';
import type { Call, Notice } from './hook-queue.ts';
import type { Command, Hooks } from './router-conf.ts';
import type { Group, Router } from './router.ts';
import { STATE_WORDS, type State } from './transitions.ts';

/** What a state is called outside; a virtual router that begins has none. */
export type ToldState = 'MASTER' | 'BACKUP' | 'FAULT' | 'STOP' | 'DELETED';

const TOLD: Record<Exclude<State, 'initialize'>, ToldState> = STATE_WORDS;

/** keepalived's name of an advert from below while active, and of what its FIFO says. */
const RX_LOWER_PRIORITY = 'MASTER_RX_LOWER_PRI';

function ownHook(hooks: Hooks, state: ToldState): Command | null {
  switch (state) {
    case 'MASTER':
      return hooks.master;
    case 'BACKUP':
      return hooks.backup;
    case 'FAULT':
      return hooks.fault;
    case 'STOP':
      return hooks.stop;
    case 'DELETED':
      return hooks.deleted;
  }
}

/** The hook of the state, then the one of all states, which gets kind, name, state and priority as arguments. */
function noticeOf(
  hooks: Hooks,
  state: ToldState,
  about: readonly [string, string],
  priority: number,
): Notice {
  const calls: Call[] = [];
  const own = ownHook(hooks, state);
  if (own !== null) calls.push({ command: own, args: [] });
  if (hooks.any !== null) calls.push({ command: hooks.any, args: [...about, state, `${priority}`] });
  return { state, calls };
}

function fifoLine(core: Core, kind: string, name: string, state: string, priority: number): void {
  if (core.conf.fifos.length === 0) return;
  core.emit({ kind: 'write-fifo', line: `${kind} "${name}" ${state} ${priority}\n` });
}

/** Tells the state a virtual router entered. `promoted`: notify_master has been called before. */
export function tellState(core: Core, router: Router, promoted = false): void {
  if (router.state === 'initialize') return;
  tellRouter(core, router, TOLD[router.state], promoted);
  mailRouter(core, router, TOLD[router.state]);
}

/** A reload took it away; without a hook of its own for that, it is told as a fault (vrrp.md §3.1). */
export function tellDeleted(core: Core, router: Router): void {
  const state = router.conf.hooks.deleted === null ? 'FAULT' : 'DELETED';
  tellRouter(core, router, state, false);
  mailRouter(core, router, state);
}

function tellRouter(core: Core, router: Router, state: ToldState, promoted: boolean): void {
  const { name, hooks } = router.conf;
  fifoLine(core, 'INSTANCE', name, state, router.effectivePriority);
  const notice = noticeOf(hooks, state, ['INSTANCE', name], router.effectivePriority);
  if (promoted) {
    router.hooks.tellMore({
      ...notice,
      calls: notice.calls.filter(({ command }) => command !== hooks.master),
    });
  } else {
    router.hooks.tell(notice);
  }
}

export function tellGroupState(core: Core, group: Group): void {
  if (group.state === 'initialize') return;
  const { name, hooks } = group.conf;
  const state = TOLD[group.state];
  fifoLine(core, 'GROUP', name, state, 0);
  group.hooks.tell(noticeOf(hooks, state, ['GROUP', name], 0));
  if (group.conf.sendsMail && group.mailedState !== state) {
    group.mailedState = state;
    mail(core, `VRRP Group ${name}`, state);
  }
}

/** All states once more, for those who read the FIFO (after a reload, where asked for). */
export function tellFifoAll(core: Core): void {
  for (const group of core.groups) {
    if (group.state !== 'initialize') fifoLine(core, 'GROUP', group.conf.name, TOLD[group.state], 0);
  }
  for (const router of core.routers) {
    if (router.state === 'initialize') continue;
    fifoLine(core, 'INSTANCE', router.conf.name, TOLD[router.state], router.effectivePriority);
  }
}

/** An advert of lower priority came while active. */
export function tellLowerPriority(core: Core, router: Router): void {
  const { name, hooks } = router.conf;
  fifoLine(core, 'INSTANCE', name, RX_LOWER_PRIORITY, router.effectivePriority);
  if (hooks.masterRxLowerPriority === null) return;
  router.hooks.tellAside({
    state: RX_LOWER_PRIORITY,
    calls: [{ command: hooks.masterRxLowerPriority, args: [] }],
  });
}

/** Its effective priority changed. */
export function tellPriority(core: Core, router: Router): void {
  if (!router.conf.tellPriorityChanges) return;
  if (router.state !== 'active' && router.state !== 'backup') return;
  fifoLine(core, 'INSTANCE', router.conf.name, `${TOLD[router.state]}_PRIORITY`, router.effectivePriority);
}

function mailRouter(core: Core, router: Router, state: ToldState): void {
  if (!router.conf.sendsMail || router.mailedState === state) return;
  router.mailedState = state;
  mail(core, `VRRP Instance ${router.conf.name}`, state);
}

const MAIL_BODIES: Record<ToldState, string> = {
  MASTER: 'The addresses are held here now',
  BACKUP: 'The addresses are not held here',
  FAULT: 'Something it depends on failed, and the addresses are not held here',
  STOP: 'It no longer takes part',
  DELETED: 'A new configuration does not have it any more',
};

/** Subjects as keepalived's, for people who filter by them (vrrp.md §3.4). */
function mail(core: Core, what: string, state: ToldState): void {
  if (state === 'FAULT' && !core.conf.mailsFaults) return;
  const happenings: Partial<Record<ToldState, string>> = { STOP: 'Stopping', DELETED: 'Deleted' };
  core.emit({
    kind: 'send-mail',
    subject: `[${core.conf.routerId}] ${what} - ${happenings[state] ?? `Entering ${state} state`}`,
    body: `=> ${MAIL_BODIES[state]}. <=`,
  });
}
