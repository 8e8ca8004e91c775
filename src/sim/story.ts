// The story of a run: one line for each thing that happened, in order, with the simulated time and who did it. The same
// seed tells the same story, byte for byte.

export interface StoryLine {
  readonly atMs: number;
  readonly who: string;
  readonly text: string;
}

export class Story {
  readonly #lines: StoryLine[] = [];
  /** Telling costs time; a run of many seeds tells only those that failed. */
  readonly isTold: boolean;

  constructor(isTold: boolean) {
    this.isTold = isTold;
  }

  tell(atMs: number, who: string, text: string): void {
    if (this.isTold) this.#lines.push({ atMs, who, text });
  }

  get lines(): readonly StoryLine[] {
    return this.#lines;
  }
}

/** `  12.345  member-2  +sdown master group-a 10.0.0.1 6379`. */
export function storyText(lines: readonly StoryLine[]): string {
  let width = 0;
  for (const line of lines) width = Math.max(width, line.who.length);
  return lines
    .map((line) => `${(line.atMs / 1_000).toFixed(3).padStart(9)}  ${line.who.padEnd(width)}  ${line.text}\n`)
    .join('');
}
