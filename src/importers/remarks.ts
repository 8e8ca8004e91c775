// What is to be said of a file's lines when it is translated: errors, and warnings.

export interface Remark {
  readonly severity: 'error' | 'warning';
  /** `path:line:column`. */
  readonly where: string;
  readonly sentence: string;
  /** The line itself: not at hand. */
  readonly text: '';
}

export class Remarks {
  readonly all: Remark[] = [];

  get hasErrors(): boolean {
    return this.all.some(({ severity }) => severity === 'error');
  }

  error(where: string, sentence: string): void {
    this.all.push({ severity: 'error', where, sentence, text: '' });
  }

  warn(where: string, sentence: string): void {
    this.all.push({ severity: 'warning', where, sentence, text: '' });
  }

  /** `lenient`: errors become warnings. */
  take({ all }: Remarks, lenient: boolean): void {
    this.all.push(...all.map((one): Remark => (lenient ? { ...one, severity: 'warning' } : one)));
  }
}
