// A script of faults: does one after the other, waits after each until the fleet is whole again, and says how it went. It
// fails if the fleet does not become whole, or if a fault costs what it must not.

import { setTimeout as sleep } from 'node:timers/promises';
import { type Result, failure, success } from '../base/result.ts';
import type { Fault } from './fault-table.ts';
import type { Faults } from './faults.ts';
import type { Observer } from './observer.ts';
import { agreedPrimary, whatIsMissing } from './picture.ts';
import type { Moved, Writer } from './writer.ts';

/** Sentinel's own rules take up to 20 s to make a replica of a primary that came back; a slow machine takes longer. */
const WHOLE_MS_MAX = 60_000;
/** The fleet must stay whole this long: a node that was just told something may not know it yet. */
const STEADY_MS = 600;

/** How one fault went. */
export interface StepReport {
  readonly fault: Fault['name'];
  /** Until the fleet was whole again. */
  readonly wholeAfterMs: number;
  readonly primary: string;
  readonly epoch: string;
  /** How long no write was acknowledged while they moved to another node; null if they did not move. */
  readonly gapMs: number | null;
  /** Writes that failed meanwhile. */
  readonly failed: number;
  /** Acknowledged writes that this cost; null if it could not be told. */
  readonly lost: number | null;
}

export interface ScriptOptions {
  readonly script: readonly Fault[];
  readonly faults: Faults;
  readonly observer: Observer;
  readonly writer: Writer;
  /** What was told of moved writes so far; grows. */
  readonly moves: readonly Moved[];
  /** Called after each fault. */
  readonly onStep: (step: StepReport) => void;
  readonly signal: AbortSignal;
}

/** Runs the script. The problem is the reason why it failed. */
export async function runScript(options: ScriptOptions): Promise<Result<readonly StepReport[], string>> {
  const { script, faults, observer, writer, moves, onStep, signal } = options;
  const steps: StepReport[] = [];
  const ready = await untilWhole(observer, null, signal);
  if (ready !== null) return failure(`the fleet did not become whole: ${ready}`);

  for (const fault of script) {
    const { picture } = observer;
    const before = picture === null ? null : agreedPrimary(picture.members);
    if (picture === null || before === null)
      return failure(`${fault.name}: the members do not agree who is primary`);
    const begun = performance.now();
    const movesBefore = moves.length;
    const writesBefore = writer.picture();
    const problem = await faults.commit(fault, picture);
    if (problem !== null) return failure(`${fault.name}: ${problem}`);

    const missing = await untilWhole(observer, fault.movesPrimary ? before.name : null, signal);
    if (missing !== null) {
      return failure(`${fault.name}: not whole again after ${WHOLE_MS_MAX / 1_000} s: ${missing}`);
    }
    const after = observer.picture === null ? null : agreedPrimary(observer.picture.members);
    const wholeAfterMs = Math.round(performance.now() - begun - STEADY_MS);
    const couldLook = (await writer.lookForLosses()) !== null;
    const { errors, lost } = writer.picture();
    const move = moves.slice(movesBefore).at(-1);
    const step: StepReport = {
      fault: fault.name,
      wholeAfterMs,
      primary: after?.name ?? before.name,
      epoch: after?.epoch ?? before.epoch,
      gapMs: move === undefined ? null : Math.round(move.gapMs),
      failed: errors - writesBefore.errors,
      lost: couldLook ? lost - writesBefore.lost : null,
    };
    steps.push(step);
    onStep(step);
    const noticed = fault.isUnnoticed ? whatWasNoticed(step) : null;
    if (noticed !== null) return failure(`${fault.name}: nobody should have noticed it, but ${noticed}`);
  }
  return success(steps);
}

/** What the writer noticed of a fault, as a phrase; null if nothing. */
export function whatWasNoticed({ failed, lost }: Pick<StepReport, 'failed' | 'lost'>): string | null {
  if (lost === null) return 'whether acknowledged writes are lost could not be asked';
  if (failed === 0 && lost === 0) return null;
  return `writes failed: ${failed}, acknowledged ones lost: ${lost}`;
}

/** Waits until the fleet is whole, under another primary than `formerPrimary`. Returns what is missing if it does not. */
async function untilWhole(
  observer: Observer,
  formerPrimary: string | null,
  signal: AbortSignal,
): Promise<string | null> {
  const deadline = performance.now() + WHOLE_MS_MAX;
  const begunAt = Date.now();
  let wholeSince: number | null = null;
  let missing: string | null = 'nothing was seen yet';
  while (performance.now() < deadline) {
    if (signal.aborted) return 'it was interrupted';
    const { picture } = observer;
    if (picture !== null && picture.at > begunAt) {
      missing = whatIsMissing(picture);
      if (missing === null && agreedPrimary(picture.members)?.name === formerPrimary) {
        missing = `${formerPrimary} still is the primary`;
      }
    }
    if (missing !== null) wholeSince = null;
    else wholeSince ??= performance.now();
    if (wholeSince !== null && performance.now() - wholeSince >= STEADY_MS) return null;
    await sleep(50);
  }
  return missing ?? 'it does not stay whole';
}
