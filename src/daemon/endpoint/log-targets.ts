// Where an endpoint that was described by a haproxy.cfg logs: `log` lines, each with its facility and level. RFC 3164
// over UDP or the system's log; plain lines on standard output.

import { createSocket, type Socket } from 'node:dgram';
import { writeSync } from 'node:fs';
import type { LogLevelName, LogTarget } from '../../endpoint/conf/haproxy/haproxy-conf.ts';
import { FACILITIES, LEVELS } from '../../endpoint/conf/haproxy/log-line.ts';
import type { LogLevel } from '../../endpoint/io.ts';
import { MONTHS } from '../log.ts';
import { Syslog } from '../syslog.ts';
import type { EndpointLog } from './endpoint-journal.ts';

const SEVERITY_OF: Record<LogLevel, LogLevelName> = {
  debug: 'debug',
  verbose: 'info',
  notice: 'notice',
  warning: 'warning',
};
/** RFC 3164 §4.1. */
const PACKET_BYTES_MAX = 1_024;

interface Sink {
  write(severity: number, level: LogLevel, text: string): void;
}

/** A line as RFC 3164 has it, cut to what every receiver takes. `text` is a byte string. */
export function syslogPacket(
  facility: string,
  severity: number,
  tag: string,
  text: string,
  at: Date,
): string {
  const priority = Math.max(0, FACILITIES.indexOf(facility)) * 8 + severity;
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = String(at.getDate()).padStart(2, ' ');
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  const clean = text.replaceAll(/[\r\n]+/g, ' ');
  return `<${priority}>${MONTHS[at.getMonth()] ?? ''} ${day} ${time} ${tag}[${process.pid}]: ${clean}`.slice(
    0,
    PACKET_BYTES_MAX,
  );
}

export class LogTargets implements EndpointLog {
  readonly #sinks: readonly { readonly most: number; readonly sink: Sink }[];

  /** `warn` is told what is in the way of a target. */
  constructor(targets: readonly LogTarget[], tag: string, warn: (sentence: string) => void) {
    this.#sinks = targets.map((target) => ({
      most: LEVELS.indexOf(target.level),
      sink: sinkOf(target, tag, warn),
    }));
  }

  write(level: LogLevel, text: string): void {
    const severity = LEVELS.indexOf(SEVERITY_OF[level]);
    for (const { most, sink } of this.#sinks) if (severity <= most) sink.write(severity, level, text);
  }
}

function sinkOf(target: LogTarget, tag: string, warn: (sentence: string) => void): Sink {
  const { to, facility, isRaw } = target;
  const lineOf = (severity: number, text: string): string =>
    isRaw ? text : syslogPacket(facility, severity, tag, text, new Date());
  switch (to.kind) {
    case 'stdout':
    case 'stderr': {
      const fd = to.kind === 'stdout' ? 1 : 2;
      return {
        write(severity, _level, text) {
          try {
            writeSync(fd, `${lineOf(severity, text)}\n`, null, 'latin1');
          } catch {
            // A reader that went away: there is no place left to report that.
          }
        },
      };
    }
    case 'udp':
      return udpSink(to.host, to.port, lineOf, warn);
    case 'unix': {
      // Whatever the path: the system's log listens behind it, and Node has no unix datagrams of its own.
      const syslog = new Syslog({ ident: tag, facility }, warn);
      return { write: (_severity, level, text) => syslog.write(level, text) };
    }
  }
}

function udpSink(
  host: string,
  port: number,
  lineOf: (severity: number, text: string) => string,
  warn: (sentence: string) => void,
): Sink {
  const socket: Socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  let hasWarned = false;
  const failed = (error: Error | null): void => {
    if (error === null || hasWarned) return;
    hasWarned = true;
    warn(`the log cannot be sent to ${host}:${port}: ${error.message}`);
  };
  socket.on('error', failed);
  socket.unref();
  return {
    write: (severity, _level, text) =>
      socket.send(Buffer.from(lineOf(severity, text), 'latin1'), port, host, failed),
  };
}
