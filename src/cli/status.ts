// `baton status`: what the running daemon knows, for people or (`--json`) for programs.

import { styleText } from 'node:util';
import { renderTable, type Column } from '../base/text-table.ts';
import type { Status } from '../daemon/sentinel-daemon.ts';
import type { MasterSnapshot } from '../sentinel/snapshot.ts';
import { clean, duration, showStatusOf, timeOfDay, type StatusOptions } from './show-status.ts';

/** Colours text for a terminal, or leaves it as it is. */
type Paint = (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string) => string;

const DECISIONS_SHOWN = 5;
const EVENTS_SHOWN = 5;

/** Prints the status and returns the exit code: 0, 2 (several daemons), 3 (none). */
export function showStatus(options: StatusOptions): Promise<number> {
  const hasColour = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
  const paint: Paint = hasColour ? (style, text) => styleText(style, text) : (_style, text) => text;
  return showStatusOf('sentinel', options, (status: Status) => describeStatus(status, paint));
}

/** Lines for people. */
export function describeStatus(status: Status, paint: Paint = (_style, text) => text): string[] {
  const { snapshot } = status;
  const heading = (text: string): string => paint('dim', text);
  const lines = [
    `${paint('bold', 'sentinel')} ${snapshot.myId.slice(0, 8)}  on ${status.listening.map(clean).join(', ')}  pid ${status.pid}  up ${duration(snapshot.uptimeMs)}  epoch ${snapshot.currentEpoch}`,
  ];
  if (snapshot.tilt)
    lines.push(paint('yellow', 'TILT: it noticed that time jumped, and judges nobody for now'));
  const { persist } = snapshot;
  if (persist.problem !== null) {
    lines.push(
      paint(
        'red',
        `its state is not saved (${persist.persistedVersion} of ${persist.version}): ${clean(persist.problem)}`,
      ),
    );
  }
  for (const master of snapshot.masters) lines.push('', ...describeMaster(master, paint, heading));
  if (snapshot.masters.length === 0)
    lines.push('', 'It watches no primary: add "sentinel monitor" to its file.');
  lines.push(...describeJournal(status, heading));
  return lines;
}

function describeMaster(master: MasterSnapshot, paint: Paint, heading: (text: string) => string): string[] {
  const state = {
    ok: paint('green', 'ok'),
    sdown: paint('yellow', 'down for this member (sdown)'),
    odown: paint('red', 'down for the quorum (odown)'),
  }[master.status];
  const failover = master.failoverState === 'none' ? '' : `  failover: ${clean(master.failoverState)}`;
  const lines = [
    `${paint('bold', clean(master.name))}  primary ${clean(master.address)}  ${state}  config epoch ${master.configEpoch}  quorum ${master.quorum} of ${master.sentinels.length + 1}${failover}`,
  ];
  const refusals = [master, ...master.replicas, ...master.sentinels].filter(
    (one) => one.authProblem !== null,
  );
  for (const { address, authProblem } of refusals) {
    lines.push(paint('red', `  ${clean(address)} refuses our credentials: ${clean(authProblem ?? '')}`));
  }
  if (master.replicas.length > 0) {
    const columns: Column[] = [
      { heading: 'REPLICA' },
      { heading: 'LINK' },
      { heading: 'OFFSET', align: 'right' },
      { heading: 'BEHIND', align: 'right' },
      { heading: 'FLAGS' },
    ];
    const rows = master.replicas.map((replica) => [
      clean(replica.address),
      replica.link === 'up' ? paint('green', 'up') : paint('red', 'down'),
      String(replica.offset),
      replica.lagBytes === null ? '?' : String(replica.lagBytes),
      clean(replica.flags),
    ]);
    lines.push(...renderTable(columns, rows, heading).map((line) => `  ${line}`));
  }
  if (master.sentinels.length > 0) {
    const columns: Column[] = [{ heading: 'VOTER' }, { heading: 'ID' }, { heading: 'FLAGS' }];
    const rows = master.sentinels.map((voter) => [
      clean(voter.address),
      clean(voter.runId.slice(0, 8)),
      clean(voter.flags),
    ]);
    lines.push(...renderTable(columns, rows, heading).map((line) => `  ${line}`));
  }
  return lines;
}

function describeJournal(status: Status, heading: (text: string) => string): string[] {
  const lines: string[] = [];
  const decisions = status.decisions.slice(-DECISIONS_SHOWN);
  if (decisions.length > 0) {
    const rows = decisions.map(({ at, master, sentence }) => [timeOfDay(at), clean(master), clean(sentence)]);
    const columns = [{ heading: 'WHEN' }, { heading: 'GROUP' }, { heading: 'DECISION' }];
    lines.push('', ...renderTable(columns, rows, heading));
  }
  const events = status.events.filter(({ level }) => level !== 'debug').slice(-EVENTS_SHOWN);
  if (events.length > 0) {
    const rows = events.map(({ at, name, text }) => [timeOfDay(at), clean(name), clean(text)]);
    lines.push(
      '',
      ...renderTable([{ heading: 'WHEN' }, { heading: 'EVENT' }, { heading: '' }], rows, heading),
    );
  }
  return lines;
}
