/** Prints claims as they are checked, and counts them. */
export class Report {
  passed = 0;
  failed = 0;

  /** `tests`: for machines that count. `story`: for people who read. */
  constructor(private readonly style: 'tests' | 'story' = 'tests') {}

  /** `ok - sentence (figure)`, or `not ok`. */
  claim(holds: boolean, sentence: string, figure = ''): void {
    if (holds) this.passed++;
    else this.failed++;
    const tests = this.style === 'tests';
    const verdict = tests ? `${holds ? 'ok' : 'not ok'} -` : `  ${holds ? '✓' : '✗ NOT TRUE:'}`;
    print(
      `${verdict} ${sentence}`,
      figure === '' ? '' : tests ? ` (${figure})` : `\n      ${figure}`,
    );
  }

  note(text: string): void {
    const before = this.style === 'tests' ? '# ' : '  ';
    for (const line of text.trimEnd().split('\n')) print(before + line);
  }

  summary(): string {
    return `${this.passed} passed, ${this.failed} failed`;
  }
}

export function print(...parts: string[]): void {
  process.stdout.write(`${parts.join('')}\n`);
}
