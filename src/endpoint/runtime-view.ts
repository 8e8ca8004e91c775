// What HAProxy's runtime API, page of status and exporter show, as plain data; and how its parts are found.

import type { BackendSnapshot, EndpointsSnapshot, FrontendSnapshot, ServerSnapshot } from './snapshot.ts';
import { addTallies, type EndpointTraffic, type OpenSession, type Tally, type Traffic } from './traffic.ts';

/** A section of the file. */
export interface FileSection {
  readonly kind: 'frontend' | 'backend' | 'listen';
  readonly name: string;
}

/** Of who asks: `user` may look at figures, `operator` at clients (`show sess`), too; only `admin` may order. */
export type RuntimeLevel = 'user' | 'operator' | 'admin';

export interface RuntimeView {
  readonly snapshot: EndpointsSnapshot;
  readonly traffic: Traffic;
  /** Clients that are there now; empty unless somebody asks for them. */
  readonly sessions: readonly OpenSession[];
  /** In the order of the file, which gives them their numbers. */
  readonly sections: readonly FileSection[];
  readonly version: string;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly connectionsMax: number | null;
}

/** HAProxy's first section has this number: the runtime API is a section of its own, before all others. */
const FIRST_ID = 2;

/** The number that HAProxy gives a section; a `listen` is frontend and backend at once. */
export function sectionId(view: RuntimeView, kind: 'frontend' | 'backend', name: string): number {
  const at = view.sections.findIndex(
    (one) => one.name === name && (one.kind === kind || one.kind === 'listen'),
  );
  if (at !== -1) return FIRST_ID + at;
  const { frontends, backends } = view.snapshot;
  const others = kind === 'frontend' ? frontends : backends;
  const before = view.sections.length + (kind === 'frontend' ? 0 : frontends.length);
  return FIRST_ID + before + others.findIndex((one) => one.name === name);
}

/** Those that clients come to. */
export const listeningFrontends = ({ snapshot }: RuntimeView): readonly FrontendSnapshot[] =>
  snapshot.frontends.filter(({ branchOf }) => branchOf === null);

/** What a frontend has carried, its branches included; null: its path does not see that. */
export function tallyOfFrontend({ snapshot, traffic }: RuntimeView, name: string): Tally | null {
  const own = snapshot.frontends.filter((one) => one.name === name || one.branchOf === name);
  const seen = own.flatMap((one) => traffic[one.name]?.clients ?? []);
  return seen.length === 0 ? null : addTallies(seen);
}

/** What a server has got from all frontends of its backend; null: their paths do not see that. */
export function tallyOfServer(view: RuntimeView, backend: string, { address }: ServerSnapshot): Tally | null {
  const seen = seenOf(view, backend);
  return seen.length === 0 ? null : addTallies(seen.flatMap(({ servers }) => servers[address] ?? []));
}

/** What all servers of a backend have got, those that are gone included. */
export function tallyOfBackend(view: RuntimeView, backend: string): Tally | null {
  const seen = seenOf(view, backend);
  return seen.length === 0 ? null : addTallies(seen.flatMap(({ servers }) => Object.values(servers)));
}

/** What all frontends have carried that see it. */
export const tallyOfAll = ({ traffic }: RuntimeView): Tally =>
  addTallies(Object.values(traffic).map(({ clients }) => clients));

/** Of the frontends that lead to a backend and see what they carry. */
const seenOf = ({ snapshot, traffic }: RuntimeView, backend: string): readonly EndpointTraffic[] =>
  snapshot.frontends.filter((one) => one.backend === backend).flatMap(({ name }) => traffic[name] ?? []);

/** The servers that clients are led to: their weights together, and how many are backups and how many none. */
export function servingOf({ servers }: BackendSnapshot): { weight: number; active: number; backup: number } {
  const serving = servers.filter(({ isServing }) => isServing);
  const backup = serving.filter(({ isBackup }) => isBackup).length;
  return {
    weight: serving.reduce((sum, { weight }) => sum + weight, 0),
    active: serving.length - backup,
    backup,
  };
}

/** Whole ones, as HAProxy shows them. */
export const seconds = (ms: number): number => Math.floor(ms / 1_000);

/** As HAProxy's words for it. */
export function serverStatus({ adminState, health }: ServerSnapshot): 'UP' | 'DOWN' | 'DRAIN' | 'MAINT' {
  if (adminState === 'maint') return 'MAINT';
  if (health !== 'up') return 'DOWN';
  return adminState === 'drain' ? 'DRAIN' : 'UP';
}

/** HAProxy's count of a server's good checks: it is up from `rise` on, and falls below it after `fall` bad ones. */
export function checkHealth({ health, thresholds: { rise, fall } }: ServerSnapshot): number {
  return health === 'up' ? rise + fall - 1 : 0;
}
