// Which server has which script, as far as the relay loaded it there: what was said on a connection holds for all behind
// it on the same one, and once the server has confirmed it, for all connections. A server that was started anew has none,
// and its connections are lost before: then nothing is known of it any more.

import { ERROR } from './reply-scanner.ts';
import type { Scripts } from './scripts.ts';
import type { ServerConnection } from './server-connection.ts';

/** Scripts of one server that are known to be there. Beyond, some are loaded a second time, which changes nothing. */
const KNOWN_MAX = 16_384;

export class LoadedScripts {
  /** Hashes, by the server. */
  readonly #confirmed = new Map<string, Set<string>>();
  #said = new WeakMap<ServerConnection, Set<string>>();
  /** On which connection all named ones were seen to, and when ({@link Scripts.namedVersion}). */
  #seenTo = new WeakMap<ServerConnection, number>();

  /**
   * Makes `server` have the script of this hash before all that is sent next on `connection`, if it is remembered. Whether
   * anything had to be said for that.
   */
  load(scripts: Scripts, hash: string, server: string, connection: ServerConnection): boolean {
    const body = scripts.find(hash);
    const confirmed = setAt(this.#confirmed, server);
    const said = setAt(this.#said, connection);
    if (body === null || confirmed.has(hash) || said.has(hash)) return false;
    said.add(hash);
    connection.sendOwn(['SCRIPT', 'LOAD', body], (type) => {
      if (type !== ERROR) {
        if (confirmed.size >= KNOWN_MAX) confirmed.clear();
        confirmed.add(hash);
      }
      return 'swallow';
    });
    return true;
  }

  /** The same for all that clients know by their hash: a transaction may call any of them, and loads none. */
  loadNamed(scripts: Scripts, server: string, connection: ServerConnection): boolean {
    if (this.#seenTo.get(connection) === scripts.namedVersion) return false;
    let hasSaid = false;
    for (const hash of scripts.named()) hasSaid = this.load(scripts, hash, server, connection) || hasSaid;
    this.#seenTo.set(connection, scripts.namedVersion);
    return hasSaid;
  }

  /** It may have none any more, as was seen on `connection`. */
  forgetServer(server: string, connection: ServerConnection): void {
    this.#confirmed.delete(server);
    this.#said.delete(connection);
    this.#seenTo.delete(connection);
  }

  forgetAll(): void {
    this.#confirmed.clear();
    this.#said = new WeakMap();
    this.#seenTo = new WeakMap();
  }
}

interface Sets<Key> {
  get(key: Key): Set<string> | undefined;
  set(key: Key, set: Set<string>): unknown;
}

function setAt<Key>(sets: Sets<Key>, key: Key): Set<string> {
  let found = sets.get(key);
  if (found === undefined) {
    found = new Set();
    sets.set(key, found);
  }
  return found;
}
