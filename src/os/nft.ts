// Runs nftables transactions through one standing `nft -i` child: half a millisecond each, where starting `nft` anew
// costs 4 to 20. What the commands mean is the business of those who write them.
//
// The child says nothing when a transaction succeeds. So each is followed by a line that nft can't parse, and complains
// of by repeating it: what it complained of before is about the transaction. Both are on one stream, hence in order.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../base/assert.ts';
import { failure, success, type Result } from '../base/result.ts';
import { capabilityAdvice } from './capabilities.ts';
import { lending } from './keep-capabilities.ts';

/** A transaction takes milliseconds; a child that needs so long hangs, and is replaced. For who can wait. */
const ANSWER_MS_MAX = 5_000;
/** How much of a complaint is kept. */
const COMPLAINT_CHARACTERS_MAX = 16_384;
const LISTING_BYTES_MAX = 16 << 20;
/** Where it is for root, which is not on every user's PATH. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin'];

interface Waiting {
  /** The line whose repetition ends the answer. */
  readonly marker: string;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (result: Result<null>) => void;
}

/** Where nft is, or null if it isn't. */
export function findNft(path: string = process.env['PATH'] ?? ''): string | null {
  for (const folder of [...path.split(':').filter(Boolean), ...SYSTEM_FOLDERS]) {
    const file = join(folder, 'nft');
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Look on.
    }
  }
  return null;
}

/** What `nft -j list chains` prints; empty if it can't tell. */
export const listChains = (file: string): Promise<string> => printed(file, ['-j', 'list', 'chains']);

/** What `nft list table` prints of one table; empty if it can't tell. In text: JSON says nothing of rules by iptables. */
export const listTable = (file: string, family: string, table: string): Promise<string> =>
  printed(file, ['list', 'table', family, table]);

/** Starts an nft of its own, since the standing one is silent. */
function printed(file: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const options = { timeout: ANSWER_MS_MAX, maxBuffer: LISTING_BYTES_MAX };
    lending('CAP_NET_ADMIN', () => execFile(file, words, options, (_, stdout) => resolve(stdout)));
  });
}

/** See the file's head. The child is started by the first transaction, and again by the next one after it ended. */
export class Nft {
  readonly #file: string | null;
  readonly #answerMsMax: number;
  #child: ChildProcess | null = null;
  #isClosed = false;
  #complaints = '';
  #count = 0;
  readonly #waiting: Waiting[] = [];

  /** `file` is nft, by default the one that {@link findNft} finds. `answerMsMax`: a child that needs longer is replaced. */
  constructor(file: string | null = findNft(), answerMsMax: number = ANSWER_MS_MAX) {
    this.#file = file;
    this.#answerMsMax = answerMsMax;
  }

  /**
   * Runs `commands` as one transaction: all of them or none. Never rejects; problems are `nft-absent`, `nft-refused`
   * (with nft's own words; the transaction had no effect) and `nft-ended` (the child died, hung or was closed; whether it had an
   * effect is unknown).
   */
  apply(commands: readonly string[]): Promise<Result<null>> {
    for (const command of commands) {
      assert(!/[\n#]/.test(command), `a line break or comment would end the transaction: ${command}`);
    }
    if (this.#isClosed) return Promise.resolve(failure(ended('it was closed')));
    if (this.#file === null) {
      const sentence = 'nft is not installed: apt-get install nftables';
      return Promise.resolve(failure({ code: 'nft-absent', sentence }));
    }
    this.#child ??= this.#start(this.#file);
    const { stdin } = this.#child;
    return new Promise((resolve) => {
      const marker = `baton_${++this.#count}`;
      const timer = setTimeout(() => {
        this.#end(this.#child, `no answer within ${this.#answerMsMax / 1_000} s`);
      }, this.#answerMsMax);
      this.#waiting.push({ marker, timer, resolve });
      stdin?.write(`${commands.join('; ')}\n${marker}\n`);
    });
  }

  /** Ends the child; what still waits fails. The rules stay. */
  close(): void {
    this.#isClosed = true;
    this.#end(this.#child, 'it was closed');
  }

  #start(file: string): ChildProcess {
    // When we die, however, its input ends, and so does it. What a terminal's Ctrl-C or systemd send to all of us, it must not
    // heed: we still need it, to end in the safe order.
    const words = ['-c', `trap '' INT TERM HUP; exec "$0" -i`, file];
    const child = lending('CAP_NET_ADMIN', () =>
      spawn('/bin/sh', words, { stdio: ['pipe', 'ignore', 'pipe'] }),
    );
    child.stderr?.setEncoding('latin1');
    child.stderr?.on('data', (text: string) => this.#hear(child, text));
    // It ends, and says why; one that only stops reading is found by its silence.
    child.stdin?.on('error', () => {});
    child.on('error', (error) => this.#end(child, error.message));
    // Not 'exit': its last words may still be on their way.
    child.on('close', (code, signal) => {
      const [words = ''] = this.#complaints.trim().split('\n');
      this.#end(child, `it exited with ${signal ?? code}${words === '' ? '' : `: ${words}`}`);
    });
    return child;
  }

  #hear(child: ChildProcess, text: string): void {
    if (child !== this.#child) return;
    this.#complaints += text;
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      // A line of blame, the marker, and a line that points at the place in it.
      const match = new RegExp(`[^\\n]*\\n${first.marker}\\n[ ^~]*\\n`).exec(this.#complaints);
      if (match === null) break;
      const complaint = this.#complaints.slice(0, match.index).trim();
      this.#complaints = this.#complaints.slice(match.index + match[0].length);
      this.#waiting.shift();
      clearTimeout(first.timer);
      first.resolve(complaint === '' ? success(null) : failure(refused(complaint)));
    }
    this.#complaints = this.#complaints.slice(-COMPLAINT_CHARACTERS_MAX);
  }

  #end(child: ChildProcess | null, why: string): void {
    if (child === null || child !== this.#child) return;
    this.#child = null;
    this.#complaints = '';
    child.kill('SIGKILL');
    for (const { timer, resolve } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      resolve(failure(ended(why)));
    }
  }
}

function refused(complaint: string): { code: string; sentence: string } {
  const [first = ''] = complaint.split('\n');
  const advice = /not permitted/i.test(complaint) ? `; ${capabilityAdvice('CAP_NET_ADMIN')}` : '';
  // The first line says what, the second repeats the command it is about.
  return { code: 'nft-refused', sentence: `nft refused: ${first.replace(/^Error: /, '')}${advice}` };
}

function ended(why: string): { code: string; sentence: string } {
  return { code: 'nft-ended', sentence: `nft did not answer: ${why}` };
}
