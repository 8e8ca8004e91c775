// What a server's agent says of it, in HAProxy's words (agent-check): one line, of which the later word wins. It was
// compared with what HAProxy 2.6 makes of each.

import type { CheckTiming } from './endpoint-conf.ts';
import type { AdminState, CheckRunId } from './io.ts';

export interface AgentConf {
  /** null: the server's own address. */
  readonly host: string | null;
  readonly port: number;
  /** What it is told first. */
  readonly send: string;
  readonly timing: CheckTiming;
}

/** null: it says nothing of that, and all stays as it is. */
export interface AgentSays {
  /** `up`; `down`, `stopped`, `fail`. */
  readonly isUp: boolean | null;
  readonly adminState: AdminState | null;
  /** Of the weight that the server began with. */
  readonly percent: number | null;
  readonly connectionsMax: number | null;
}

const HEALTH: Readonly<Record<string, boolean>> = { up: true, down: false, stopped: false, fail: false };
/** HAProxy's. */
const WEIGHT_MAX = 256;
const STATES: readonly AdminState[] = ['ready', 'drain', 'maint'];

export function parseAgentLine(line: string): AgentSays {
  let says: AgentSays = { isUp: null, adminState: null, percent: null, connectionsMax: null };
  for (const word of line.toLowerCase().split(/[ ,\t]+/)) {
    const adminState = STATES.find((state) => state === word);
    const [, percent] = /^(\d{1,5})%$/.exec(word) ?? [];
    const [, most] = /^maxconn:(\d{1,9})$/.exec(word) ?? [];
    if (HEALTH[word] !== undefined) says = { ...says, isUp: HEALTH[word] };
    else if (adminState !== undefined) says = { ...says, adminState };
    else if (percent !== undefined) says = { ...says, percent: Number(percent) };
    else if (most !== undefined) says = { ...says, connectionsMax: Number(most) };
  }
  return says;
}

/** Asks again and again; who can't be asked changes nothing. */
export class ServerAgent {
  readonly conf: AgentConf;
  run: CheckRunId | null = null;
  dueAt: number;
  isDown = false;
  /** null: as the configuration says. */
  connectionsMax: number | null = null;
  /** Of the weight; null: all of it. */
  #percent: number | null = null;

  /** `before`: the one that it replaces after a reload, whose word counts until there is another. */
  constructor(conf: AgentConf, now: number, before: ServerAgent | null = null) {
    this.conf = conf;
    this.dueAt = now;
    if (before === null) return;
    this.isDown = before.isDown;
    this.connectionsMax = before.connectionsMax;
    this.#percent = before.#percent;
  }

  /** Of a server that is configured to have `weight`. */
  weightOf(weight: number): number {
    return this.#percent === null ? weight : Math.min(WEIGHT_MAX, Math.floor((weight * this.#percent) / 100));
  }

  begin(run: CheckRunId, now: number): void {
    this.run = run;
    this.dueAt = now + this.conf.timing.intervalMs;
  }

  /** `line`: null, it could not be asked. What it says of the server's own state and weight is the server's to do. */
  ended(line: string | null): AgentSays | null {
    this.run = null;
    if (line === null) return null;
    const says = parseAgentLine(line);
    if (says.isUp !== null) this.isDown = !says.isUp;
    if (says.percent !== null) this.#percent = says.percent;
    if (says.connectionsMax !== null) this.connectionsMax = says.connectionsMax;
    return says;
  }
}
