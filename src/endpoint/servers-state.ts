// `show servers state`: HAProxy's file of state, version 1, which it can load after a restart.

import { checkHealth, seconds, sectionId, type RuntimeView } from './runtime-view.ts';
import type { BackendSnapshot, ServerSnapshot } from './snapshot.ts';

const COLUMNS =
  'be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port';

/** Numbers of HAProxy's `enum srv_state`, `srv_admin`, `chk_result` and of its checks' status. */
const RUNS = 2;
const STOPPED = 0;
const ADMIN = { ready: 0, drain: 8, maint: 1 } as const;
const RESULT = { unknown: 0, down: 2, up: 3 } as const;
const CHECK_STATUS = { unknown: 1, down: 13, up: 15 } as const;
/** A check that is configured and enabled; and one that is paused besides. */
const CHECKING = 6;
const CHECKING_PAUSED = 14;

/** `only`: the one backend that is wanted. */
export function serversState(view: RuntimeView, only: string | null): string {
  const { backends } = view.snapshot;
  if (only !== null && !backends.some(({ name }) => name === only)) return "Can't find backend.\n";
  const lines = backends
    .filter(({ name }) => only === null || name === only)
    .flatMap((backend) => {
      const id = sectionId(view, 'backend', backend.name);
      return backend.servers.map((server, index) => lineOf(backend, id, server, index + 1));
    });
  return `1\n# ${COLUMNS}\n${lines.join('')}`;
}

function lineOf(backend: BackendSnapshot, backendId: number, server: ServerSnapshot, id: number): string {
  const { target, health, adminState } = server;
  const isMaint = adminState === 'maint';
  const fields = [
    backendId,
    backend.name,
    id,
    server.name,
    target.host,
    health === 'up' && !isMaint ? RUNS : STOPPED,
    ADMIN[adminState],
    server.weightSet,
    server.weightInitially,
    seconds(server.history.sinceMs),
    CHECK_STATUS[health],
    RESULT[health],
    checkHealth(server),
    isMaint ? CHECKING_PAUSED : CHECKING,
    // No agent, and no numbers that the file gives.
    0,
    0,
    0,
    server.hostName ?? '-',
    target.port,
    '-',
    0,
    0,
    '-',
    '-',
    0,
  ];
  return `${fields.join(' ')}\n`;
}
