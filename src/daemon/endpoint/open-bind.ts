// Opens the listeners of relayed frontends: descriptors that every worker is given, so that all of them take clients.

import type { Bind } from '../../endpoint/endpoint-conf.ts';
import type { Listening } from '../../endpoint/relay/messages.ts';
import { targetText } from '../../endpoint/route.ts';
import { listenFreebind } from '../../os/freebind-listen.ts';
import { OsError } from '../../os/os-error.ts';
import { openUnixBind } from './unix-bind.ts';

/** What may wait in the kernel to be accepted; it caps this at net.core.somaxconn. */
const BACKLOG = 4096;
/** The first descriptor behind standard input, output, error and the channel to the parent. */
export const FIRST_FD = 4;

/** What has been opened so far, and what was in the way. */
export interface Opening {
  /** In the order of their numbers in a worker, from {@link FIRST_FD} on. */
  readonly fds: number[];
  readonly problems: string[];
  /** What can be done without. */
  readonly warnings: string[];
  /** Several workers can take clients of all of them. */
  canShare: boolean;
}

/** What a worker is given of one listener. */
export interface Opened {
  readonly listening: Listening;
  /** Takes a unix socket's file away. */
  readonly remove?: () => void;
}

type Listen = (host: string, port: number, backlog: number) => number;

/** Opens what one of `binds` names. `listen`: as {@link listenFreebind}, which returns a descriptor or throws an OsError. */
export function openBind(
  bind: Bind,
  binds: readonly Bind[],
  opening: Opening,
  listen: Listen = listenFreebind,
): Opened[] {
  if (bind.kind === 'unix') {
    try {
      const { fd, path, remove } = openUnixBind(bind, BACKLOG);
      if (fd !== null) return [{ listening: descriptor(fd, opening.fds), remove }];
      opening.canShare = false;
      return [{ listening: { kind: 'path', path, mode: bind.mode }, remove }];
    } catch (error) {
      opening.problems.push((error as Error).message);
      return [];
    }
  }
  const { port } = bind;
  const hosts = bind.host === '*' ? ['0.0.0.0'] : bind.host === '::' ? ['0.0.0.0', '::'] : [bind.host];
  return hosts.flatMap((host): Opened[] => {
    try {
      return [{ listening: descriptor(listen(host, port, BACKLOG), opening.fds) }];
    } catch (error) {
      const code = error instanceof OsError ? error.code : '';
      if (code === 'ENOSYS') {
        opening.canShare = false;
        return [{ listening: { kind: 'address', host, port } }];
      }
      if (code === 'EAFNOSUPPORT' && hasTwin(host, port, binds)) {
        opening.warnings.push(
          `Nobody can come by ${targetText({ host, port })}: this machine has IPv6 switched off.`,
        );
      } else {
        // It says what could not be done, where, and what to do.
        opening.problems.push((error as Error).message);
      }
      return [];
    }
  });
}

/** A bare port means both loopbacks, and `::` both families: without IPv6, what is left of them serves. */
const hasTwin = (host: string, port: number, binds: readonly Bind[]): boolean =>
  host === '::' ||
  (host === '::1' &&
    binds.some((other) => other.kind === 'tcp' && other.host === '127.0.0.1' && other.port === port));

/** Hands it to the workers; says which number it has there. */
function descriptor(fd: number, fds: number[]): Listening {
  fds.push(fd);
  return { kind: 'descriptor', fd: FIRST_FD + fds.length - 1 };
}
