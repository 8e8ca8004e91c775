// HAProxy's `tcp-check` (proxy.md §1.3), by the behaviour of 2.6 seen on the wire:
//
// - Several expects in a row look at the same answer; a send begins a new one. Sends in a row follow each other at once.
// - What is found decides at once. What is not found is waited for, until no more can come (closed, or the buffer is
//   full) or the check's time is over; so a replica fails `role:master` by timeout. The same holds for a negated expect:
//   on a connection that stays open it passes only with `min-recv`.
// - An answer shorter than the text to be found is not judged, whatever `min-recv` says.

import { assert } from '../../base/assert.ts';
import type { CheckConf, TcpCheckStep } from './check-conf.ts';
import { end, type Dialogue, type DialogueStep, type Matcher } from './dialogue.ts';
import { compilePattern } from './pcre.ts';

type TcpCheckConf = Extract<CheckConf, { readonly kind: 'tcp-check' }>;
type Expect = Extract<TcpCheckStep, { readonly kind: 'expect' }>;

/** HAProxy's tune.bufsize. */
const BUFFER_BYTES_MAX = 16_384;
export class TcpCheck implements Dialogue {
  readonly #conf: TcpCheckConf;
  readonly #steps: readonly TcpCheckStep[];
  readonly #patterns: ReadonlyMap<TcpCheckStep, RegExp>;
  readonly #matches: Matcher;
  #index = 0;
  #answer = '';
  #isClosed = false;
  #isConnected = false;

  /** The patterns were compiled once before, when the file was read: one that cannot be is a bug. */
  constructor(conf: TcpCheckConf, matches: Matcher) {
    const { steps } = conf;
    this.#conf = conf;
    this.#steps = steps;
    this.#matches = matches;
    this.#patterns = new Map(
      steps.flatMap((step): [TcpCheckStep, RegExp][] => {
        if (step.kind !== 'expect' || !step.what.startsWith('r')) return [];
        const pattern = compilePattern(step.pattern);
        assert(pattern.ok, 'patterns were checked when they were read');
        return [[step, pattern.value]];
      }),
    );
  }

  get waitsFor(): string {
    const step = this.#steps[this.#index];
    return this.#isConnected && step?.kind === 'expect' ? stepText(step, this.#index) : 'a connection';
  }

  begin(): readonly DialogueStep[] {
    const [first] = this.#steps;
    const { host, port, tls, proxyVersion = null } = this.#conf;
    if (first?.kind !== 'connect') return [{ kind: 'connect', host, port, tls, proxyVersion }];
    this.#index = 1;
    return [first];
  }

  connected(): readonly DialogueStep[] {
    this.#answer = '';
    this.#isClosed = false;
    this.#isConnected = true;
    return this.#advance();
  }

  received(bytes: string): readonly DialogueStep[] {
    this.#answer += bytes.slice(0, BUFFER_BYTES_MAX - this.#answer.length);
    return this.#advance();
  }

  closed(): readonly DialogueStep[] {
    this.#isClosed = true;
    return this.#advance();
  }

  #advance(): readonly DialogueStep[] {
    const todo: DialogueStep[] = [];
    for (;;) {
      const step = this.#steps[this.#index];
      if (step === undefined) return [...todo, end(true, '')];
      if (step.kind === 'expect') {
        const judgement = this.#judge(step);
        if (judgement === 'wait') return todo;
        if (judgement !== 'good')
          return [...todo, end(false, `${stepText(step, this.#index)}: ${judgement}`)];
      } else {
        if (this.#isClosed && step.kind === 'send') {
          return [...todo, end(false, `step ${this.#index + 1}: the server has closed the connection`)];
        }
        this.#answer = '';
        todo.push(step);
        // The rest follows when it is there.
        if (step.kind === 'connect') {
          this.#isConnected = false;
          this.#index += 1;
          return todo;
        }
      }
      this.#index += 1;
    }
  }

  /** `good`, `wait`, or a sentence that says why it is bad. */
  #judge(expect: Expect): string {
    const isLast = this.#isClosed || this.#answer.length >= BUFFER_BYTES_MAX;
    const { bytesMin, isNegated } = expect;
    if (!isLast) {
      if (this.#answer.length < (bytesMin ?? 0)) return 'wait';
      if (this.#answer === '' || this.#answer.length < this.#lengthMin(expect)) return 'wait';
    }
    const isFound = this.#find(expect);
    if (isFound === null) return 'the pattern takes too long to match; write it without nested repetitions';
    if (!isFound && !isLast && bytesMin === null) return 'wait';
    if (isFound !== isNegated) return 'good';
    return isFound ? 'the answer holds what it must not' : 'not in the answer';
  }

  #lengthMin({ what, pattern }: Expect): number {
    return what === 'string' || what === 'binary' ? pattern.length : 0;
  }

  #find(expect: Expect): boolean | null {
    const pattern = this.#patterns.get(expect);
    if (pattern === undefined) return this.#answer.includes(expect.pattern);
    return this.#matches(pattern, expect.what === 'rbinary' ? hexadecimal(this.#answer) : this.#answer);
  }
}

/** What HAProxy calls it, with the comment if it has one. The pattern is no secret: what is sent may be. */
function stepText({ what, pattern, isNegated, comment }: Expect, index: number): string {
  const shown = what === 'binary' ? hexadecimal(pattern) : pattern.replaceAll(/[^ -~]/g, '.');
  const text = comment ?? `expect ${isNegated ? '! ' : ''}${what} '${shown}'`;
  return `${text} (step ${index + 1})`;
}

function hexadecimal(bytes: string): string {
  let text = '';
  for (let at = 0; at < bytes.length; at++) text += bytes.charCodeAt(at).toString(16).padStart(2, '0');
  return text.toUpperCase();
}
