// The terminal as a canvas: the alternate screen, redrawn in place, and single keys. However the process ends, short of
// kill -9, the terminal is given back as it was.

import type { ReadStream, WriteStream } from 'node:tty';

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
/** Terminals that know it show everything between the two at once; others ignore it. */
const BEGIN_UPDATE = '\u001b[?2026h';
const END_UPDATE = '\u001b[?2026l';
const HOME = '\u001b[H';
const CLEAR_TO_END_OF_LINE = '\u001b[K';
const CLEAR_TO_END_OF_SCREEN = '\u001b[J';

export interface TerminalOptions {
  readonly input: ReadStream;
  readonly output: WriteStream;
  /** One character; Ctrl-C arrives as `\u0003`. */
  readonly onKey: (key: string) => void;
  readonly onResize: () => void;
  /** The terminal is gone. */
  readonly onGone: () => void;
}

export class Terminal {
  readonly #options: TerminalOptions;
  #isEntered = false;
  readonly #leave = (): void => this.leave();
  readonly #onData = (data: Buffer): void => {
    const text = data.toString('utf8');
    // An arrow or function key is one sequence, not the letters it is made of.
    if (text.startsWith('\u001b')) return;
    for (const key of text) this.#options.onKey(key);
  };

  constructor(options: TerminalOptions) {
    this.#options = options;
  }

  get columns(): number {
    return this.#options.output.columns;
  }

  get rows(): number {
    return this.#options.output.rows;
  }

  enter(): void {
    const { input, output, onResize, onGone } = this.#options;
    this.#isEntered = true;
    process.on('exit', this.#leave);
    // Before the stack is printed, so that it lands on the screen that stays.
    process.on('uncaughtExceptionMonitor', this.#leave);
    output.write(ENTER);
    output.on('resize', onResize);
    output.on('error', onGone);
    input.setRawMode(true);
    input.on('data', this.#onData);
    input.on('end', onGone);
    input.on('error', onGone);
    input.resume();
  }

  /** Replaces what is shown. */
  draw(lines: readonly string[]): void {
    if (!this.#isEntered) return;
    const body = lines.map((line) => line + CLEAR_TO_END_OF_LINE).join('\r\n');
    this.#options.output.write(BEGIN_UPDATE + HOME + body + CLEAR_TO_END_OF_SCREEN + END_UPDATE);
  }

  leave(): void {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    const { input, output, onResize, onGone } = this.#options;
    process.off('exit', this.#leave);
    process.off('uncaughtExceptionMonitor', this.#leave);
    input.off('data', this.#onData);
    input.off('end', onGone);
    output.off('resize', onResize);
    // The error listeners stay: writing to a terminal that is gone fails later than it is tried.
    try {
      input.setRawMode(false);
    } catch {
      // Gone: there is nothing to give back.
    }
    input.pause();
    output.write(LEAVE);
  }
}
