// Checks by HTTP: HAProxy's httpchk, keepalived's HTTP_GET and SSL_GET. One request, and as much of the answer as it
// takes to judge: the status line, or the body where something is expected in it.

import { assert } from '../../base/assert.ts';
import type { CheckConf, HttpExpect } from './check-conf.ts';
import { end, showAnswer, type Dialogue, type DialogueStep, type Matcher } from './dialogue.ts';
import { compilePattern } from './pcre.ts';

type HttpConf = Extract<CheckConf, { readonly kind: 'http' }>;

/** Of a whole answer. HAProxy looks at 16 KiB, keepalived at any length for its digest. */
const ANSWER_BYTES_MAX = 1024 * 1024;
const HEAD_BYTES_MAX = 16_384;
/** Patterns look at so much of a body. */
const PATTERN_BYTES_MAX = 16_384;

/** What needs more than pure text: the shell brings it along. */
export interface HttpTools {
  readonly matches: Matcher;
  /** In lower-case hexadecimal. */
  readonly md5: (bytes: string) => string;
}

export class HttpCheck implements Dialogue {
  readonly #conf: HttpConf;
  readonly #tools: HttpTools;
  #answer = '';
  #isConnected = false;

  constructor(conf: HttpConf, tools: HttpTools) {
    this.#conf = conf;
    this.#tools = tools;
  }

  get waitsFor(): string {
    return this.#isConnected ? 'an answer to the HTTP request' : 'a connection';
  }

  begin(): readonly DialogueStep[] {
    const { host, port, tls, proxyVersion = null } = this.#conf;
    return [{ kind: 'connect', host, port, tls, proxyVersion }];
  }

  connected(): readonly DialogueStep[] {
    this.#isConnected = true;
    return [{ kind: 'send', bytes: requestText(this.#conf) }];
  }

  received(bytes: string): readonly DialogueStep[] {
    this.#answer += bytes;
    if (this.#answer.length > ANSWER_BYTES_MAX) return [end(false, 'its answer is longer than 1 MiB')];
    return this.#judge(false);
  }

  closed(): readonly DialogueStep[] {
    return this.#judge(true);
  }

  #judge(isLast: boolean): readonly DialogueStep[] {
    const status = statusOf(this.#answer);
    if (status === null) {
      if (!isLast && !this.#answer.includes('\n')) return [];
      return [end(false, `it does not speak HTTP: ${showAnswer(this.#answer)}`)];
    }
    const needsBody = this.#conf.expects.some(({ kind }) => kind !== 'status');
    const head = /\r?\n\r?\n/.exec(this.#answer);
    if (needsBody) {
      if (head === null) {
        if (!isLast && this.#answer.length <= HEAD_BYTES_MAX) return [];
        return [end(false, 'the head of its answer has no end')];
      }
      const body = bodyOf(this.#answer, head.index, head[0].length);
      if (!body.isWhole && !isLast) return [];
      return [this.#outcome(status, body.text)];
    }
    return [this.#outcome(status, '')];
  }

  #outcome(status: number, body: string): DialogueStep {
    const expects: readonly HttpExpect[] = this.#conf.expects.some(({ kind }) => kind === 'status')
      ? this.#conf.expects
      : [{ kind: 'status', ranges: [[200, 399]], isNegated: false }, ...this.#conf.expects];
    for (const expect of expects) {
      const trouble = this.#trouble(expect, status, body);
      if (trouble !== null) return end(false, trouble);
    }
    return end(true, `status ${status}`);
  }

  /** null: as it should be. */
  #trouble(expect: HttpExpect, status: number, body: string): string | null {
    switch (expect.kind) {
      case 'status': {
        const isIn = expect.ranges.some(([from, to]) => status >= from && status <= to);
        return isIn === expect.isNegated ? `status ${status}` : null;
      }
      case 'string':
        return body.includes(expect.text) === expect.isNegated ? bodyTrouble(expect.isNegated) : null;
      case 'regex': {
        const pattern = compilePattern(expect.pattern);
        assert(pattern.ok, 'patterns were checked when they were read');
        const isFound = this.#tools.matches(pattern.value, body.slice(0, PATTERN_BYTES_MAX));
        if (isFound === null) return 'the pattern takes too long to match';
        return isFound === expect.isNegated ? bodyTrouble(expect.isNegated) : null;
      }
      case 'digest': {
        const md5 = this.#tools.md5(body);
        return md5 === expect.md5.toLowerCase() ? null : `the digest of its body is ${md5}`;
      }
    }
  }
}

const bodyTrouble = (isNegated: boolean): string =>
  isNegated ? 'its body holds what it must not' : 'its body lacks what is expected';

/** The request as it goes out. `Connection: close`, so that the end of the body is seen in any case. */
export function requestText(conf: Omit<HttpConf, 'kind' | 'expects' | 'tls'>): string {
  const { method, path, version, headers, body } = conf;
  const has = (name: string): boolean => headers.some(([one]) => one.toLowerCase() === name);
  const lines = [`${method} ${path} HTTP/${version}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (!has('connection')) lines.push('Connection: close');
  if (body !== '' && !has('content-length')) lines.push(`Content-Length: ${body.length}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

function statusOf(answer: string): number | null {
  const match = /^HTTP\/\d\.\d (\d{3})(?: [^\n]*|\r)?\n/.exec(answer);
  return match === null ? null : Number(match[1]);
}

/** Decoded if it came in chunks (RFC 9112 §7.1). Without a length only the end of the connection makes it whole. */
function bodyOf(
  answer: string,
  headLength: number,
  gapLength: number,
): { readonly text: string; readonly isWhole: boolean } {
  const head = answer.slice(0, headLength);
  const rest = answer.slice(headLength + gapLength);
  if (/^transfer-encoding:\s*chunked\s*$/im.test(head)) return unchunk(rest);
  const length = /^content-length:\s*(\d{1,9})\s*$/im.exec(head);
  if (length === null) return { text: rest, isWhole: false };
  const bytes = Number(length[1]);
  return { text: rest.slice(0, bytes), isWhole: rest.length >= bytes };
}

function unchunk(coded: string): { readonly text: string; readonly isWhole: boolean } {
  let text = '';
  let at = 0;
  for (;;) {
    const lineEnd = coded.indexOf('\n', at);
    if (lineEnd === -1) return { text, isWhole: false };
    const size = Number.parseInt(coded.slice(at, lineEnd), 16);
    // What is no length ends it, as the last chunk does.
    if (!(size > 0)) return { text, isWhole: true };
    text += coded.slice(lineEnd + 1, lineEnd + 1 + size);
    if (coded.length < lineEnd + 1 + size) return { text, isWhole: false };
    at = lineEnd + 1 + size;
    at += coded.startsWith('\r\n', at) ? 2 : coded.startsWith('\n', at) ? 1 : 0;
  }
}
