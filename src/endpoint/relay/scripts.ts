// Scripts. Each server caches those that it was sent, and a promoted one was sent none: the relay remembers bodies that
// it saw, and sees to it that a server has one before it is called by its hash there. So neither requests pipelined
// behind such a call nor transactions notice another server. What one worker saw, all are told.

import { sayAgain } from './caching.ts';
import type { Client } from './client.ts';
import type { Command } from './command-table.ts';
import { type Look, markRetried } from './owed.ts';
import type { RelayCore } from './relay-core.ts';
import { ERROR } from './reply-scanner.ts';
import { argumentsOf } from './request-scanner.ts';
import { type Request, sendPlain, takeAlone } from './requests.ts';
import { firstLine } from './reply-text.ts';

/** Of all bodies that are remembered, in characters, with something for each; the longest unused are forgotten. */
const REMEMBERED_MAX = 1024 * 1024;
const EACH_COSTS = 256;

/** What another worker has to know. `isNamed`: clients know the script by its hash. */
export type ScriptNews =
  { readonly kind: 'script'; readonly body: string; readonly isNamed: boolean } | { readonly kind: 'flush' };

interface Known {
  /** Null until somebody asks for it. */
  hash: string | null;
  isNamed: boolean;
}

export class Scripts {
  /** Oldest use first. */
  readonly #bodies = new Map<string, Known>();
  readonly #byHash = new Map<string, string>();
  readonly #withoutHash = new Set<string>();
  #cost = 0;
  /** Grows whenever clients know one more by its hash. */
  namedVersion = 0;
  readonly #sha1: (text: string) => string;
  readonly #share: (news: ScriptNews) => void;

  /** `sha1` of a byte string, in lower-case hex. `share` is given what was seen here first. */
  constructor(sha1: (text: string) => string, share: (news: ScriptNews) => void = () => undefined) {
    this.#sha1 = sha1;
    this.#share = share;
  }

  /** It went through here; `isNamed`: so that it can be called by its hash. */
  remember(body: string, isNamed: boolean): void {
    const news = { kind: 'script', body, isNamed } as const;
    if (this.#keep(news)) this.#share(news);
  }

  /** The script of this hash, if it is remembered: it is about to be called by it. */
  find(hash: string): string | null {
    this.#hashAll();
    const body = this.#byHash.get(hash) ?? null;
    if (body !== null) this.remember(body, true);
    return body;
  }

  /** Hashes of those that clients know by theirs. */
  named(): string[] {
    this.#hashAll();
    return [...this.#bodies.values()].flatMap(({ hash, isNamed }) =>
      isNamed && hash !== null ? [hash] : [],
    );
  }

  forgetAll(): void {
    this.#forgetAll();
    this.#share({ kind: 'flush' });
  }

  /** What another worker saw. */
  learn(news: ScriptNews): void {
    if (news.kind === 'flush') this.#forgetAll();
    else this.#keep(news);
  }

  /** All there is to know, for a worker that knows nothing. */
  all(): ScriptNews[] {
    return [...this.#bodies].map(([body, { isNamed }]) => ({ kind: 'script', body, isNamed }));
  }

  /** Whether that was news. */
  #keep({ body, isNamed }: Extract<ScriptNews, { kind: 'script' }>): boolean {
    if (body.length > REMEMBERED_MAX / 2) return false;
    const before = this.#bodies.get(body);
    if (before === undefined) {
      this.#cost += body.length + EACH_COSTS;
      this.#withoutHash.add(body);
    } else {
      this.#bodies.delete(body);
    }
    this.#bodies.set(body, { hash: before?.hash ?? null, isNamed: isNamed || before?.isNamed === true });
    for (const [oldest, { hash }] of this.#bodies) {
      if (this.#cost <= REMEMBERED_MAX) break;
      this.#bodies.delete(oldest);
      this.#withoutHash.delete(oldest);
      if (hash !== null) this.#byHash.delete(hash);
      this.#cost -= oldest.length + EACH_COSTS;
    }
    const isNewlyNamed = isNamed && before?.isNamed !== true;
    if (isNewlyNamed) this.namedVersion++;
    return before === undefined || isNewlyNamed;
  }

  #hashAll(): void {
    for (const body of this.#withoutHash) {
      const known = this.#bodies.get(body) as Known;
      known.hash = this.#sha1(body);
      this.#byHash.set(known.hash, body);
    }
    this.#withoutHash.clear();
  }

  #forgetAll(): void {
    this.#bodies.clear();
    this.#byHash.clear();
    this.#withoutHash.clear();
    this.#cost = 0;
  }
}

/** SCRIPT and FUNCTION. */
export function takeScript(client: Client, core: RelayCore, command: Command, request: Request): boolean {
  const args = argumentsOf(request.bytes, request.start);
  if (/^(KILL|DEBUG)$/i.test(args[1] ?? '')) return takeAlone(client, command, request);
  rememberScript(core, args);
  return sendPlain(client, command, request);
}

/** What a request says that scripts are, or that there are none. */
export function rememberScript({ scripts, loadedScripts }: RelayCore, args: readonly string[]): void {
  const [name = '', word = '', body = ''] = args;
  if (/^EVAL(_RO)?$/i.test(name)) {
    scripts.remember(word, false);
  } else if (/^SCRIPT$/i.test(name) && /^LOAD$/i.test(word)) {
    scripts.remember(body, true);
  } else if (/^SCRIPT$/i.test(name) && /^FLUSH$/i.test(word)) {
    // Who empties the cache means it.
    scripts.forgetAll();
    loadedScripts.forgetAll();
  }
}

/** Of a request that no script can be loaded in front of once it is wanted: whoever is called by a hash is named from now on. */
export function rememberCalled(core: RelayCore, args: readonly string[]): void {
  if (/^EVALSHA(_RO)?$/i.test(args[0] ?? '')) core.scripts.find((args[1] ?? '').toLowerCase());
  else rememberScript(core, args);
}

/** EVAL, EVALSHA, FCALL and their read-only kin. */
export function takeScriptCall(client: Client, core: RelayCore, command: Command, request: Request): boolean {
  const { bytes, start, end } = request;
  if (!command.name.startsWith('EVALSHA')) {
    if (command.name.startsWith('EVAL')) rememberScript(core, argumentsOf(bytes, start, 2));
    return sendPlain(client, command, request);
  }
  const connection = client.share();
  if (connection === null) return false;
  const server = core.serverOf(connection);
  const [, called = ''] = argumentsOf(bytes, start, 2);
  const hash = called.toLowerCase();
  if (core.loadedScripts.load(core.scripts, hash, server, connection)) sayAgain(client, connection);
  const look: Look = (type, reply, from, to) => {
    const isMissing = type === ERROR && firstLine(reply, from, to).startsWith('-NOSCRIPT');
    // Somebody emptied the cache past us. Nothing can be put in front of what came behind the call and is done already.
    if (isMissing) core.loadedScripts.forgetServer(server, connection);
    const isAskedAgain = isMissing && client.reloaded !== hash && client.owed === 1;
    // A server that does not keep it is asked no third time.
    client.reloaded = isAskedAgain && core.scripts.find(hash) !== null ? hash : '';
    if (client.reloaded === '') return 'deliver';
    client.isReplaying = true;
    client.replay.push(bytes.subarray(start, end));
    return 'swallow';
  };
  markRetried(look);
  connection.sendWatched(client, bytes, start, end, 1, command.effect !== 'read', look);
  return true;
}
