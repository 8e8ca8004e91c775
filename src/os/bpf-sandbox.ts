// Whether a sandbox would end this process for calling bpf(2). A filter of system calls may answer with an error, which is
// seen and said, or with death: systemd's SystemCallFilter=@system-service does. That is tried by a child, before it is
// our own.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** It takes a tenth of a second. */
const PROBE_MS_MAX = 5_000;

/** Makes a map without a type, which no kernel does. Arguments: where koffi is, and the call's number. */
const PROBE = `
const library = require(process.argv[1]).load(null);
const call = library.func('intptr_t syscall(intptr_t, int, _Inout_ void *, uint32_t)');
call(Number(process.argv[2]), 0, Buffer.alloc(128), 128);`;

let isFatal: boolean | undefined;

/** Asked once: a filter is never taken off. `status`: the text of /proc/self/status. */
export function isBpfFatal(status = (): string => readFileSync('/proc/self/status', 'latin1')): boolean {
  isFatal ??= hasFilter(status()) && diesOfBpf();
  return isFatal;
}

/** Whether there is a filter at all. */
export const hasFilter = (status: string): boolean => /^Seccomp:\s*2$/m.test(status);

function diesOfBpf(): boolean {
  const koffi = createRequire(import.meta.url).resolve('koffi');
  const number = process.arch === 'x64' ? '321' : '280';
  const { signal } = spawnSync(process.execPath, ['-e', PROBE, koffi, number], {
    stdio: 'ignore',
    timeout: PROBE_MS_MAX,
  });
  return signal === 'SIGSYS';
}
