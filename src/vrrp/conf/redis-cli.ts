// Recognises a command line that asks a Redis whether it lives: `redis-cli -h 10.0.0.1 -p 6379 ping` and its like. A
// tracker of our own can then stand beside it. Only the command line itself is read, never a script file.

/** Where the command asks. */
export interface RedisPing {
  /** A name, an address, or the path of a socket, which begins with `/`. */
  readonly host: string;
  /** 0 with a socket. */
  readonly port: number;
  /** It logs in, or speaks TLS, so our own connection has to be told how. */
  readonly needs: 'auth-file' | 'tls' | null;
}

const SHELLS = /^(?:.*\/)?(?:sh|bash|dash|ash)$/;
const CLIENTS = /^(?:.*\/)?(?:redis-cli|valkey-cli)$/;
/** Options with a value that do not change who is asked. */
const WITH_VALUE: ReadonlySet<string> = new Set(['-r', '-i', '-n', '-d', '-t', '--db']);
const LOGS_IN: ReadonlySet<string> = new Set(['-a', '--pass', '--user']);

/** What `argv` asks; null: it is not a ping by redis-cli. */
export function recognisePing(argv: readonly string[]): RedisPing | null {
  const words = unwrap(argv);
  const start = words.findIndex((word) => !word.startsWith('REDISCLI_AUTH='));
  if (start === -1 || !CLIENTS.test(words[start] as string)) return null;
  let host = '127.0.0.1';
  let port = 6379;
  let socket: string | null = null;
  let needs: RedisPing['needs'] = start > 0 ? 'auth-file' : null;
  for (let at = start + 1; at < words.length; at++) {
    const word = words[at] as string;
    const value = words[at + 1] ?? '';
    if (word.toLowerCase() === 'ping') return made(socket ?? host, socket === null ? port : 0, needs);
    if (word === '-h') host = value;
    else if (word === '-p') port = /^\d{1,5}$/.test(value) ? Number(value) : -1;
    else if (word === '-s') socket = value;
    else if (LOGS_IN.has(word)) needs ??= 'auth-file';
    else if (word === '--tls') needs = 'tls';
    else if (word === '-u') {
      const uri = /^(rediss?):\/\/(?:([^@]*)@)?([^:/]+)(?::(\d{1,5}))?/.exec(value);
      if (uri === null) return null;
      host = uri[3] as string;
      port = Number(uri[4] ?? 6379);
      needs = uri[1] === 'rediss' ? 'tls' : uri[2] === undefined ? needs : 'auth-file';
    } else if (!WITH_VALUE.has(word)) {
      // A flag, or a command that is not PING.
      if (!word.startsWith('-')) return null;
      continue;
    }
    at += word === '--tls' ? 0 : 1;
  }
  return null;
}

function made(host: string, port: number, needs: RedisPing['needs']): RedisPing | null {
  const isSocket = host.startsWith('/');
  if (host === '' || /[$`"'\\]/.test(host) || (isSocket ? port !== 0 : port < 1 || port > 65_535))
    return null;
  return { host, port, needs };
}

/** The words of `timeout 2 CMD`, `env CMD` and `sh -c "CMD | grep PONG"`: of CMD. */
function unwrap(argv: readonly string[]): readonly string[] {
  const [first = '', ...rest] = argv;
  const name = first.replace(/^.*\//, '');
  if (SHELLS.test(first) && rest[0] === '-c') {
    const line = (rest[1] ?? '').split(/[|;&<>]/, 1)[0] ?? '';
    return line
      .split(/\s+/)
      .filter((word) => word !== '')
      .map((word) => word.replaceAll(/["']/g, ''));
  }
  if (name === 'env') return unwrap(rest);
  if (name === 'timeout') {
    const start = rest.findIndex((word) => CLIENTS.test(word) || SHELLS.test(word));
    return start === -1 ? argv : unwrap(rest.slice(start));
  }
  return argv;
}
