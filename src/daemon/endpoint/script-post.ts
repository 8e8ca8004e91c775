// Scripts that a worker saw first, on their way to the others: many together, and never so many that the control process,
// which has more important things to do, would notice. What is too much is left out, the oldest first: another worker
// then does not know a script, as no server knows it that was started anew.

import type { ScriptNews } from '../../endpoint/relay/scripts.ts';

const EVERY_MS = 50;
const CHARACTERS_MAX = 64 * 1024;

export class ScriptPost {
  readonly #send: (endpoint: string, news: readonly ScriptNews[]) => void;
  /** By the endpoint. */
  readonly #waiting = new Map<string, { news: ScriptNews[]; characters: number }>();
  #isAwaited = false;

  constructor(send: (endpoint: string, news: readonly ScriptNews[]) => void) {
    this.#send = send;
  }

  add(endpoint: string, news: ScriptNews): void {
    const waiting = this.#waiting.get(endpoint) ?? { news: [], characters: 0 };
    this.#waiting.set(endpoint, waiting);
    // Nothing of what went before a flush is left.
    if (news.kind === 'flush') waiting.news = [];
    waiting.news.push(news);
    waiting.characters = news.kind === 'flush' ? 0 : waiting.characters + news.body.length;
    while (waiting.characters > CHARACTERS_MAX && waiting.news.length > 1) {
      const at = waiting.news[0]?.kind === 'flush' ? 1 : 0;
      const [oldest] = waiting.news.splice(at, 1);
      if (oldest?.kind === 'script') waiting.characters -= oldest.body.length;
    }
    if (!this.#isAwaited) setTimeout(() => this.#post(), EVERY_MS);
    this.#isAwaited = true;
  }

  #post(): void {
    this.#isAwaited = false;
    for (const [endpoint, { news }] of this.#waiting) this.#send(endpoint, news);
    this.#waiting.clear();
  }
}
