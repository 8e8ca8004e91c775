// HAProxy's runtime API as far as scripts around Redis use it (proxy.md §1.4): a line of commands becomes text and orders.
// Answers were compared with those of HAProxy 2.6; each command's answer ends with an empty line.

import { strictInteger } from '../base/strict-integer.ts';
import type { AdminState, Event } from './io.ts';
import type { BackendSnapshot, EndpointsSnapshot, ServerSnapshot } from './snapshot.ts';

export type RuntimeOrder = Extract<Event, { readonly kind: 'set-state' | 'set-weight' }>;

export interface RuntimeAnswer {
  readonly text: string;
  /** To be given in this order. */
  readonly orders: readonly RuntimeOrder[];
}

export interface RuntimeView {
  readonly snapshot: EndpointsSnapshot;
  /** `user` and `operator` may only look. */
  readonly level: 'user' | 'operator' | 'admin';
  readonly version: string;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly connectionsMax: number | null;
}

const DENIED = 'Permission denied\n';
const WEIGHT_MAX = 256;

/** Columns of `show stat`, by the names that every reader of it goes by. What we do not count is left empty. */
const STAT_COLUMNS =
  'pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,algo'.split(
    ',',
  );
const STATE_COLUMNS =
  'be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port';

const HELP = `The following commands are served:
  show info                                : the process
  show stat                                : frontends, backends and servers, as CSV
  show servers state [<bk>]                : servers, for load-server-state-from-file
  show backend                             : names of backends
  get weight <bk>/<srv>                    : a server's weight
  set server <bk>/<srv> state <state>      : ready, drain or maint
  set server <bk>/<srv> weight <n>         : 0 to 256
  set weight <bk>/<srv> <n>                : the same
  enable server <bk>/<srv>                 : as state ready
  disable server <bk>/<srv>                : as state maint
  shutdown sessions server <bk>/<srv>      : not by itself: sessions end when a server goes to maint
  help                                     : this
`;

/** One line, in which `;` parts commands (`\;` stands for itself). */
export function answerRuntime(line: string, view: RuntimeView): RuntimeAnswer {
  const orders: RuntimeOrder[] = [];
  let text = '';
  for (const command of line.split(/(?<!\\);/)) {
    const words = command.trim().split(/\s+/);
    text += `${answerOne(words, view, orders)}\n`;
  }
  return { text, orders };
}

function answerOne(words: readonly string[], view: RuntimeView, orders: RuntimeOrder[]): string {
  const [first, second, third] = words;
  switch (first === 'help' ? 'help' : `${first ?? ''} ${second ?? ''}`) {
    case 'show info':
      return infoText(view);
    case 'show stat':
      return statText(view);
    case 'show servers':
      return third === 'state' ? stateText(view.snapshot, words[3] ?? null) : unknown(words);
    case 'show backend':
      return `# name\n${view.snapshot.backends.map(({ name }) => `${name}\n`).join('')}`;
    case 'get weight':
      return withServer(third, view, ({ weight }) => `${weight} (initial ${weight})\n`);
    case 'set server':
    case 'set weight':
    case 'enable server':
    case 'disable server':
    case 'shutdown sessions':
      return view.level === 'admin' ? order(words, view, orders) : DENIED;
    case 'help':
      return HELP;
    default:
      return unknown(words);
  }
}

const unknown = (words: readonly string[]): string =>
  `Unknown command: ${words.slice(0, 3).join(' ').slice(0, 80)}. ${HELP}`;

function order(words: readonly string[], view: RuntimeView, orders: RuntimeOrder[]): string {
  const [verb = '', noun = '', where, what, value] = words;
  if (verb === 'shutdown') {
    return noun === 'sessions' && where === 'server'
      ? withServer(
          what,
          view,
          () => 'Sessions of one server are not ended by themselves: set its state to maint, then ready.\n',
        )
      : unknown(words);
  }
  return withServer(where, view, (server, backend) => {
    const names = { backend: backend.name, server: server.name };
    const setState = (state: AdminState): string => {
      orders.push({ kind: 'set-state', ...names, state });
      return '';
    };
    if (verb === 'enable') return setState('ready');
    if (verb === 'disable') return setState('maint');
    if (noun === 'weight') return setWeight(what, server, names, orders);
    if (what === 'weight') return setWeight(value, server, names, orders);
    if (what === 'state') {
      if (value === 'ready' || value === 'drain' || value === 'maint') return setState(value);
      return "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n";
    }
    return "'set server <srv>' only supports 'state' and 'weight' here.\n";
  });
}

function setWeight(
  text: string | undefined,
  server: ServerSnapshot,
  names: { readonly backend: string; readonly server: string },
  orders: RuntimeOrder[],
): string {
  const percent = /^(\d{1,5})%$/.exec(text ?? '');
  const weight =
    percent === null ? strictInteger(text ?? '') : Math.floor((server.weight * Number(percent[1])) / 100);
  if (weight === null) return 'Require <weight> or <weight%>.\n';
  if (weight < 0 || weight > WEIGHT_MAX) return 'Absolute weight can only be between 0 and 256 inclusive.\n';
  orders.push({ kind: 'set-weight', ...names, weight });
  return '';
}

function withServer(
  where: string | undefined,
  { snapshot }: RuntimeView,
  act: (server: ServerSnapshot, backend: BackendSnapshot) => string,
): string {
  // A server's name may hold a slash where it was discovered; a backend's may not.
  const slash = where?.indexOf('/') ?? -1;
  if (where === undefined || slash === -1) return 'Require <backend>/<server>.\n';
  const backend = snapshot.backends.find(({ name }) => name === where.slice(0, slash));
  if (backend === undefined) return 'No such backend.\n';
  const server = backend.servers.find(({ name }) => name === where.slice(slash + 1));
  return server === undefined ? 'No such server.\n' : act(server, backend);
}

function infoText({ version, pid, uptimeMs, connectionsMax }: RuntimeView): string {
  const seconds = Math.floor(uptimeMs / 1_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = `${Math.floor(seconds / 86_400)}d ${Math.floor(seconds / 3_600) % 24}h${two(Math.floor(seconds / 60) % 60)}m${two(seconds % 60)}s`;
  return `Name: Baton\nVersion: ${version}\nPid: ${pid}\nUptime: ${clock}\nUptime_sec: ${seconds}\nMaxconn: ${connectionsMax ?? 0}\n`;
}

/** As HAProxy's words for it. */
function statusOf({ adminState, health }: ServerSnapshot): string {
  if (adminState === 'maint') return 'MAINT';
  if (health === 'unknown') return 'DOWN';
  if (health === 'up') return adminState === 'drain' ? 'DRAIN' : 'UP';
  return 'DOWN';
}

function statText({ snapshot, pid }: RuntimeView): string {
  const line = (fields: Readonly<Record<string, string | number>>): string =>
    `${STAT_COLUMNS.map((name) => csv(String(fields[name] ?? ''))).join(',')},\n`;
  const ids = new Map(
    snapshot.backends.map(({ name }, index) => [name, snapshot.frontends.length + index + 1]),
  );
  const frontends = snapshot.frontends.map(({ name }, index) =>
    line({
      pxname: name,
      svname: 'FRONTEND',
      status: 'OPEN',
      pid,
      iid: index + 1,
      sid: 0,
      type: 0,
      mode: 'tcp',
    }),
  );
  const backends = snapshot.backends.flatMap((backend) => {
    const common = { pxname: backend.name, pid, iid: ids.get(backend.name) ?? 0, mode: 'tcp' };
    const servers = backend.servers.map((server, index) =>
      line({
        ...common,
        svname: server.name,
        status: statusOf(server),
        weight: server.weight,
        act: server.isBackup ? 0 : 1,
        bck: server.isBackup ? 1 : 0,
        sid: index + 1,
        type: 2,
        last_chk: server.reason,
        addr: server.address,
      }),
    );
    const serving = backend.servers.filter(({ isServing }) => isServing);
    const total = line({
      ...common,
      svname: 'BACKEND',
      status: serving.length > 0 ? 'UP' : 'DOWN',
      weight: serving.reduce((sum, { weight }) => sum + weight, 0),
      act: serving.filter(({ isBackup }) => !isBackup).length,
      bck: serving.filter(({ isBackup }) => isBackup).length,
      sid: 0,
      type: 1,
      last_chk: backend.because,
    });
    return [...servers, total];
  });
  return `# ${STAT_COLUMNS.join(',')},\n${[...frontends, ...backends].join('')}`;
}

/** RFC 4180. */
function csv(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function stateText({ frontends, backends }: EndpointsSnapshot, only: string | null): string {
  if (only !== null && !backends.some(({ name }) => name === only)) return "Can't find backend.\n";
  const lines = backends.flatMap((backend, backendIndex) =>
    only !== null && backend.name !== only
      ? []
      : backend.servers.map((server, index) =>
          stateLine(backend, server, frontends.length + backendIndex + 1, index + 1),
        ),
  );
  // The format's version, 1.
  return `1\n# ${STATE_COLUMNS}\n${lines.join('')}`;
}

/** Numbers of HAProxy's `enum srv_state` and `srv_admin`: 2 runs, 0 is stopped; 1 is forced maintenance, 8 drain. */
function stateLine(backend: BackendSnapshot, server: ServerSnapshot, backendId: number, id: number): string {
  const at = server.address.lastIndexOf(':');
  const host = server.address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  const isUp = server.health === 'up' && server.adminState !== 'maint';
  const admin = { ready: 0, drain: 8, maint: 1 }[server.adminState];
  const result = { unknown: 0, down: 2, up: 3 }[server.health];
  const fields = [
    backendId,
    backend.name,
    id,
    server.name,
    host,
    isUp ? 2 : 0,
    admin,
    server.weight,
    server.weight,
  ];
  return `${fields.join(' ')} 0 1 ${result} 0 0 0 0 0 - ${server.address.slice(at + 1)} - 0 0 - - 0\n`;
}
