// Making the machine what its configuration says, at the start and on a reload. A reload keeps what stays: states,
// verdicts, and above all addresses (vrrp.md §1.12).

import { announceTaken } from './announcing.ts';
import type { Core } from './core.ts';
import { setResets } from './guard.ts';
import { changeAddresses, clearLeftovers } from './holding.ts';
import { HookQueue } from './hook-queue.ts';
import { stopRouter } from './life.ts';
import { tellDeleted, tellFifoAll } from './notices.ts';
import type { GroupConf, RouterConf, VrrpConf } from './router-conf.ts';
import {
  addressKey,
  allAddresses,
  createRouter,
  downMs,
  routerKey,
  type Group,
  type Router,
} from './router.ts';
import { sendAdvert } from './send-advert.ts';
import { ProcessTracker } from './trackers/process.ts';
import { RedisTracker } from './trackers/redis.ts';
import { ScriptTracker } from './trackers/script.ts';

/** Everything from nothing. */
export function configure(core: Core): void {
  core.heldUntil = core.now + core.conf.startupDelayMs;
  configureTrackers(core);
  core.routers = core.conf.routers.map((conf) => newRouter(core, conf));
  configureGroups(core);
  for (const router of core.routers) clearLeftovers(core, router);
  setResets(core);
}

/** From one configuration to the next. */
export function reload(core: Core, conf: VrrpConf): void {
  // Peers should not miss us, however long the rest takes.
  for (const router of core.routers) if (router.state === 'active') sendAdvert(core, router);
  core.conf = conf;
  configureTrackers(core);
  const before = new Map(core.routers.map((router) => [router.key, router]));
  const kept = new Set(conf.routers.map(routerKey));
  // First what goes: an address may move to another virtual router.
  for (const router of core.routers) if (!kept.has(router.key)) removeRouter(core, router);
  core.routers = conf.routers.map((one) => {
    const router = before.get(routerKey(one));
    return router === undefined ? newRouter(core, one) : changeRouter(core, router, one);
  });
  configureGroups(core);
  for (const router of core.routers) if (!before.has(router.key)) clearLeftovers(core, router);
  setResets(core);
  if (conf.tellStatesOnReload) tellFifoAll(core);
  core.touchAll();
}

function newRouter(core: Core, conf: RouterConf): Router {
  return createRouter(conf, new HookQueue(conf.name, conf.hooks.timeoutMs, core), core.now);
}

function removeRouter(core: Core, router: Router): void {
  stopRouter(core, router);
  tellDeleted(core, router);
  core.touched.delete(router);
  core.leaving.push(router.hooks);
}

/** The same virtual router with other settings; its addresses are changed one by one. */
function changeRouter(core: Core, router: Router, conf: RouterConf): Router {
  const before = router.conf;
  router.conf = conf;
  router.hooks.owner = conf.name;
  router.hooks.timeoutMs = conf.hooks.timeoutMs;
  if (conf.checksum !== before.checksum) router.checksum = conf.checksum;
  if (router.state === 'active') {
    router.activeIntervalMs = conf.advertIntervalMs;
    const hasNew = changeAddresses(core, router, allAddresses(conf));
    sendAdvert(core, router);
    if (hasNew) announceTaken(core, router);
    return router;
  }
  const had = new Set(allAddresses(before).map(addressKey));
  for (const address of allAddresses(conf)) {
    if (!had.has(addressKey(address))) core.emit({ kind: 'clear-address', router: conf.name, address });
  }
  if (router.state === 'backup' && conf.advertIntervalMs !== before.advertIntervalMs) {
    router.activeIntervalMs = conf.advertIntervalMs;
    if (!router.wantsActive) router.downAt = core.now + downMs(router);
  }
  return router;
}

function configureGroups(core: Core): void {
  const before = new Map(core.groups.map((group) => [group.conf.name, group]));
  for (const router of core.routers) router.group = null;
  core.groups = core.conf.groups.map((conf) => {
    const group = before.get(conf.name) ?? newGroup(core, conf);
    group.conf = conf;
    group.hooks.timeoutMs = conf.hooks.timeoutMs;
    const members = new Set(conf.members);
    group.members = core.routers.filter((router) => members.has(router.conf.name));
    for (const router of group.members) router.group = group;
    before.delete(conf.name);
    return group;
  });
  for (const group of before.values()) core.leaving.push(group.hooks);
}

function newGroup(core: Core, conf: GroupConf): Group {
  return {
    conf,
    members: [],
    state: 'initialize',
    hooks: new HookQueue(conf.name, conf.hooks.timeoutMs, core),
    mailedState: null,
  };
}

interface Tracker<Conf> {
  readonly conf: Conf;
  close?(): void;
}

/** Keeps those whose settings did not change, with their verdicts. */
function keepTrackers<Conf extends { readonly name: string }, One extends Tracker<Conf>>(
  trackers: Map<string, One>,
  confs: readonly Conf[],
  create: (conf: Conf) => One,
): void {
  const before = new Map(trackers);
  trackers.clear();
  for (const conf of confs) {
    const old = before.get(conf.name);
    const stays = old !== undefined && JSON.stringify(old.conf) === JSON.stringify(conf);
    if (stays) before.delete(conf.name);
    trackers.set(conf.name, stays ? old : create(conf));
  }
  for (const gone of before.values()) gone.close?.();
}

function configureTrackers(core: Core): void {
  const { scripts, processes, redis, files } = core.conf;
  keepTrackers(core.scripts, scripts, (conf) => new ScriptTracker(conf, core));
  keepTrackers(core.processes, processes, (conf) => new ProcessTracker(conf, core));
  keepTrackers(core.redis, redis, (conf) => new RedisTracker(conf, core));
  const names = new Set(files.map(({ name }) => name));
  for (const name of core.files.keys()) if (!names.has(name)) core.files.delete(name);
}
