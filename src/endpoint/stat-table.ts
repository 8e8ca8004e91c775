// `show stat`: HAProxy's table of frontends, backends and servers, as CSV.

import type { BackendSnapshot, FrontendSnapshot, ServerSnapshot } from './snapshot.ts';
import {
  checkHealth,
  listeningFrontends,
  seconds,
  sectionId,
  serverStatus,
  servingOf,
  tallyOfBackend,
  tallyOfFrontend,
  tallyOfServer,
  type RuntimeView,
} from './runtime-view.ts';
import type { Tally } from './traffic.ts';

/** HAProxy 2.6's columns in its order; readers go by names or by places. What we do not count is left empty. */
const COLUMNS =
  'pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,need_conn_est,uweight,agg_server_status,agg_server_check_status,agg_check_status'.split(
    ',',
  );

type Fields = Readonly<Record<string, string | number | null>>;

/** Bits of `show stat <iid> <type> <sid>`. */
const TYPES = { frontend: 1, backend: 2, server: 4 } as const;

/** Which rows are wanted. */
export interface StatFilter {
  /** A section's number or name; null: all. */
  readonly section: string | null;
  /** {@link TYPES}, added up. */
  readonly types: number;
  /** A server's number within its backend; null: all. */
  readonly server: number | null;
  /** `up`: no servers that are down; `no-maint`: none in maintenance. */
  readonly only: 'up' | 'no-maint' | null;
}

/** The words behind `show stat`; null: they can't be served. */
export function parseStatFilter(words: readonly string[]): StatFilter | null {
  const number = (word: string | undefined): number | null =>
    word !== undefined && /^-?\d{1,9}$/.test(word) ? Number(word) : null;
  const isFiltered = words.length >= 3 && number(words[1]) !== null && number(words[2]) !== null;
  const formats = isFiltered ? words.slice(3) : words;
  if (formats.some((word) => word !== 'up' && word !== 'no-maint')) return null;
  const only = formats.includes('up') ? 'up' : formats.includes('no-maint') ? 'no-maint' : null;
  if (!isFiltered) return { section: null, types: -1, server: null, only };
  const [section = '-1', types, server] = [words[0], number(words[1]) ?? -1, number(words[2]) ?? -1];
  return { section: section === '-1' ? null : section, types, server: server === -1 ? null : server, only };
}

export function statTable(view: RuntimeView, { section, types, server, only }: StatFilter): string {
  const { backends } = view.snapshot;
  const frontends = listeningFrontends(view);
  const isSection = (kind: 'frontend' | 'backend', name: string): boolean =>
    section === null || section === name || section === String(sectionId(view, kind, name));
  const wants = (type: number): boolean => (types & type) !== 0;
  const isShown = (one: ServerSnapshot, index: number): boolean => {
    if (server !== null && server !== index + 1) return false;
    if (only === null) return true;
    return only === 'up' ? one.health === 'up' : one.adminState !== 'maint';
  };
  const rows = [
    ...frontends
      .filter(({ name }) => wants(TYPES.frontend) && isSection('frontend', name))
      .map((frontend) => frontendRow(view, frontend)),
    ...backends
      .filter(({ name }) => isSection('backend', name))
      .flatMap((backend) => [
        ...backend.servers.flatMap((one, index) =>
          wants(TYPES.server) && isShown(one, index) ? [serverRow(view, backend, one, index)] : [],
        ),
        ...(wants(TYPES.backend) ? [backendRow(view, backend)] : []),
      ]),
  ];
  return `# ${COLUMNS.join(',')},\n${rows.map(toLine).join('')}`;
}

const toLine = (fields: Fields): string =>
  `${COLUMNS.map((name) => csv(String(fields[name] ?? ''))).join(',')},\n`;

/** RFC 4180. */
function csv(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

const countsOf = (tally: Tally | null): Fields =>
  tally === null
    ? {}
    : {
        scur: tally.sessions,
        smax: tally.sessionsMost,
        stot: tally.sessionsTotal,
        bin: tally.bytesIn,
        bout: tally.bytesOut,
        rate: tally.rate,
        rate_max: tally.rateMost,
      };

function frontendRow(view: RuntimeView, { name, mode, connectionsMax }: FrontendSnapshot): Fields {
  const tally = tallyOfFrontend(view, name);
  return {
    pxname: name,
    svname: 'FRONTEND',
    slim: connectionsMax ?? view.connectionsMax,
    ...countsOf(tally),
    dreq: 0,
    dresp: 0,
    ereq: 0,
    status: 'OPEN',
    pid: 1,
    iid: sectionId(view, 'frontend', name),
    sid: 0,
    type: 0,
    rate_lim: 0,
    mode: mode === 'http' ? 'http' : 'tcp',
    conn_rate: tally?.rate ?? null,
    conn_rate_max: tally?.rateMost ?? null,
    conn_tot: tally?.sessionsTotal ?? null,
  };
}

function modeOf({ snapshot }: RuntimeView, backend: string): 'http' | 'tcp' {
  return snapshot.frontends.find((one) => one.backend === backend)?.mode === 'http' ? 'http' : 'tcp';
}

function serverRow(
  view: RuntimeView,
  backend: BackendSnapshot,
  server: ServerSnapshot,
  index: number,
): Fields {
  const { history, thresholds } = server;
  const tally = tallyOfServer(view, backend.name, server);
  return {
    pxname: backend.name,
    svname: server.name,
    slim: server.connectionsMax,
    ...countsOf(tally),
    dresp: 0,
    status: serverStatus(server),
    weight: server.weightSet,
    act: server.isBackup ? 0 : 1,
    bck: server.isBackup ? 1 : 0,
    chkfail: history.failedChecks,
    chkdown: history.timesDown,
    lastchg: seconds(history.sinceMs),
    downtime: seconds(history.downMs),
    pid: 1,
    iid: sectionId(view, 'backend', backend.name),
    sid: index + 1,
    lbtot: tally?.sessionsTotal ?? null,
    type: 2,
    last_chk: server.reason,
    // Of other checks than those that ask a Redis who it is, the layer is not told.
    check_status: backend.role !== 'any' && server.health === 'up' ? 'L7OK' : null,
    check_rise: thresholds.rise,
    check_fall: thresholds.fall,
    check_health: checkHealth(server),
    addr: server.address,
    mode: modeOf(view, backend.name),
    uweight: server.weightSet,
  };
}

function backendRow(view: RuntimeView, backend: BackendSnapshot): Fields {
  const { name, servers } = backend;
  const { weight, active, backup } = servingOf(backend);
  const tally = tallyOfBackend(view, name);
  return {
    pxname: name,
    svname: 'BACKEND',
    ...countsOf(tally),
    dreq: 0,
    dresp: 0,
    status: active + backup > 0 ? 'UP' : 'DOWN',
    weight,
    act: active,
    bck: backup,
    chkdown: servers.reduce((sum, { history }) => sum + history.timesDown, 0),
    pid: 1,
    iid: sectionId(view, 'backend', name),
    sid: 0,
    lbtot: tally?.sessionsTotal ?? null,
    type: 1,
    last_chk: backend.because,
    mode: modeOf(view, name),
    algo: backend.balance,
    uweight: weight,
  };
}
