// A check that is a command run again and again (keepalived: vrrp_script; vrrp.md §1.11). Runs never overlap.

import type { RunId } from '../io.ts';
import type { ScriptConf } from '../router-conf.ts';
import { Tally } from './tally.ts';
import { Ending, type Hands } from './tracker.ts';

export class ScriptTracker {
  readonly conf: ScriptConf;
  readonly #hands: Hands;
  readonly #tally: Tally;
  #run: { readonly id: RunId; readonly ending: Ending } | null = null;
  /** When the next run is due; while one lives it waits. */
  #nextAt: number;
  /** How the last run ended, for status. */
  lastResult = 'not run yet';

  constructor(conf: ScriptConf, hands: Hands) {
    this.conf = conf;
    this.#hands = hands;
    this.#tally = new Tally(conf, conf.initFail);
    this.#nextAt = hands.now;
  }

  get isUp(): boolean | null {
    return this.#tally.isUp;
  }

  /** The run under way. */
  get run(): RunId | null {
    return this.#run?.id ?? null;
  }

  dueAt(): number {
    return this.#run === null ? this.#nextAt : this.#run.ending.dueAt;
  }

  /** Starts what is due and ends what takes too long. */
  attend(): void {
    const { now } = this.#hands;
    if (this.#run !== null) {
      this.#run.ending.attend(this.#hands, this.#run.id);
      return;
    }
    if (now < this.#nextAt) return;
    const { intervalMs, timeoutMs, name, command } = this.conf;
    const id = this.#hands.nextRun();
    this.#run = { id, ending: new Ending(now + timeoutMs) };
    // On the grid of its interval, however late this one began.
    this.#nextAt += (Math.floor((now - this.#nextAt) / intervalMs) + 1) * intervalMs;
    this.#hands.emit({ kind: 'run-script', run: id, script: name, command });
  }

  /** A run that had to be ended counts as failed only now that it is gone, as with keepalived. */
  ended(run: RunId, exitCode: number, signal: number): void {
    if (this.#run?.id !== run) return;
    const timedOut = this.#run.ending.hasBegun;
    this.#run = null;
    const { now } = this.#hands;
    const { intervalMs } = this.conf;
    if (this.#nextAt < now) this.#nextAt += Math.ceil((now - this.#nextAt) / intervalMs) * intervalMs;
    const before = this.isUp;
    if (exitCode === 0 && signal === 0 && !timedOut) this.#tally.succeed();
    else this.#tally.fail();
    this.lastResult = resultText(exitCode, signal, timedOut);
    if (this.isUp !== null && this.isUp !== before) {
      this.#hands.verdictChanged(this.conf.name, this.isUp, this.lastResult);
    }
  }

  /** Ends a run at once, for good. */
  close(): void {
    this.#nextAt = Infinity;
    if (this.#run !== null) this.#hands.emit({ kind: 'signal-run', run: this.#run.id, signal: 'SIGTERM' });
  }
}

function resultText(exitCode: number, signal: number, timedOut: boolean): string {
  if (timedOut) return 'it took too long';
  return signal === 0 ? `exit ${exitCode}` : `signal ${signal}`;
}
