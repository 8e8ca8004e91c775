// What can be done to the fleet: one table for the keys, the help and the scripts.

import { type Result, failure, success } from '../base/result.ts';

/** One thing to do: its name in scripts, its key, its words in the help line and in the long help. */
export interface Fault {
  readonly name: 'kill-primary' | 'freeze-primary' | 'thaw' | 'switchover' | 'restart';
  readonly key: string;
  readonly label: string;
  readonly explanation: string;
  /** Whether another node must be primary afterwards. */
  readonly movesPrimary: boolean;
  /** Whether clients of the endpoint must not notice: no failed write, no lost one. */
  readonly isUnnoticed: boolean;
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'kill-primary',
    key: 'k',
    label: 'kill primary',
    movesPrimary: true,
    isUnnoticed: false,
    explanation: 'kill -9 the primary: a crash',
  },
  {
    name: 'freeze-primary',
    key: 'f',
    label: 'freeze primary',
    movesPrimary: true,
    isUnnoticed: false,
    explanation: 'SIGSTOP the primary: its connections stay open, nothing answers, as when a machine hangs',
  },
  {
    name: 'thaw',
    key: 't',
    label: 'thaw',
    movesPrimary: false,
    isUnnoticed: false,
    explanation: 'SIGCONT what was frozen: an old primary wakes that has heard of nothing',
  },
  {
    name: 'switchover',
    key: 's',
    label: 'switch over',
    movesPrimary: true,
    isUnnoticed: true,
    explanation: 'another primary while all is well (baton endpoint switch): no write may fail',
  },
  {
    name: 'restart',
    key: 'r',
    label: 'restart',
    movesPrimary: false,
    isUnnoticed: false,
    explanation: 'start the node that was killed last again',
  },
];

/** The faults a script names: words with commas between them. */
export function parseScript(text: string): Result<readonly Fault[], string> {
  const faults: Fault[] = [];
  for (const word of text.split(',').map((part) => part.trim())) {
    const fault = FAULTS.find(({ name }) => name === word);
    if (fault === undefined) {
      const known = FAULTS.map(({ name }) => name).join(', ');
      return failure(`"${word}" is no fault; there are: ${known}`);
    }
    faults.push(fault);
  }
  return success(faults);
}
