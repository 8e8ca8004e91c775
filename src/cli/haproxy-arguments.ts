// haproxy's own command line, for those who start us under its name. What has no meaning here is accepted: init scripts
// pass it.

import { failure, success, type Result } from '../base/result.ts';

export interface HaproxyArguments {
  readonly file: string;
  readonly isCheck: boolean;
  readonly isDaemon: boolean;
  readonly pidFile: string | null;
}

/** -V -q -d -W -Ws -S and their like only say how much haproxy says, or how its processes are arranged. */
const WITHOUT_MEANING = /^-(V|q|d|db|dM|de|dp|dr|dS|dV|dW|D?W|Ws|C)$/;
const WITH_VALUE = new Set(['-n', '-N', '-m', '-L', '-x', '-S']);

export function parseHaproxyArguments(argv: readonly string[]): Result<HaproxyArguments, string> {
  let [file, pidFile, isCheck, isDaemon]: [string | null, string | null, boolean, boolean] = [
    null,
    null,
    false,
    false,
  ];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '-c') isCheck = true;
    else if (word === '-D') isDaemon = true;
    else if (word === '-f' || word === '-p' || WITH_VALUE.has(word)) {
      index += 1;
      const value = argv[index];
      if (value === undefined) return failure(`${word} needs a value`);
      if (word === '-f' && file !== null) return failure('one -f only: put all of it into one file');
      if (word === '-f') file = value;
      if (word === '-p') pidFile = value;
    } else if (word === '-sf' || word === '-st') {
      return failure(`${word}: not needed, a SIGHUP has the running process read its file anew`);
    } else if (!WITHOUT_MEANING.test(word))
      return failure(`unknown option ${word}: haproxy -f FILE [-c] [-D] [-p PIDFILE]`);
  }
  return file === null
    ? failure('haproxy -f FILE: name the file')
    : success({ file, isCheck, isDaemon, pidFile });
}
