// haproxy's own command line, for those who start us under its name. What has no meaning here is accepted: init scripts
// pass it.

import { failure, success, type Result } from '../base/result.ts';
import { strictInteger } from '../base/strict-integer.ts';

export interface HaproxyArguments {
  readonly file: string;
  readonly isCheck: boolean;
  /** -q: nothing is said of a file that is good. */
  readonly isQuiet: boolean;
  readonly isDaemon: boolean;
  /** -db and -Ws: whatever the file says of `daemon`. */
  readonly staysInForeground: boolean;
  readonly pidFile: string | null;
  /** -C: where the file is looked for. */
  readonly folder: string | null;
  readonly before: Predecessors;
}

/** Who is to make room: by reading the file anew (-sf), or by ending (-st). */
export interface Predecessors {
  readonly pids: readonly number[];
  readonly areEnded: boolean;
}

/** `version`: it is asked for nothing else. */
export type HaproxyCommand = { readonly kind: 'version' } | ({ readonly kind: 'run' } & HaproxyArguments);

/** -V -d -W -S and their like only say how much haproxy says, or how its processes are arranged. */
const WITHOUT_MEANING = /^-(V|d|dM.*|dK.*|dD|dG|dL|dR|de|dp|dr|dS|dV|dW|W)$/;
const WITH_VALUE = new Set(['-n', '-N', '-m', '-L', '-x', '-S']);
const USAGE =
  'haproxy -f FILE [-C FOLDER] [-c] [-q] [-D | -db | -Ws] [-p PIDFILE] [-sf | -st PID ...], or haproxy -v';

export function parseHaproxyArguments(argv: readonly string[]): Result<HaproxyCommand, string> {
  const files: string[] = [];
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const pids: number[] = [];
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-v' || word === '-vv') return success({ kind: 'version' });
    if (word === '--') files.push(...words.splice(0));
    else if (word === '-sf' || word === '-st') {
      flags.add(word);
      // An init script's `-sf $(cat PIDFILE)` may give none.
      for (let pid = strictInteger(words[0] ?? ''); pid !== null; pid = strictInteger(words[0] ?? '')) {
        pids.push(pid);
        words.shift();
      }
    } else if (['-f', '-p', '-C'].includes(word) || WITH_VALUE.has(word)) {
      const value = words.shift();
      if (value === undefined) return failure(`${word} needs a value`);
      if (word === '-f') files.push(value);
      else values.set(word, value);
    } else if (['-c', '-q', '-D', '-db', '-Ws'].includes(word)) flags.add(word);
    else if (!WITHOUT_MEANING.test(word)) return failure(`unknown option ${word}: ${USAGE}`);
  }
  const [file] = files;
  if (file === undefined) return failure(`name the file: ${USAGE}`);
  if (files.length > 1) return failure('one -f only: put all of it into one file');
  return success({
    kind: 'run',
    file,
    isCheck: flags.has('-c'),
    isQuiet: flags.has('-q'),
    isDaemon: flags.has('-D'),
    staysInForeground: flags.has('-db') || flags.has('-Ws'),
    pidFile: values.get('-p') ?? null,
    folder: values.get('-C') ?? null,
    before: { pids, areEnded: flags.has('-st') },
  });
}
