/** What was counted at a moment. */
interface Sample {
  readonly atMs: number;
  readonly values: Readonly<Record<string, number>>;
}

/** How fast counters grow, over the last few samples. */
export class Rates {
  private readonly samples: Sample[] = [];

  /** `intervalMs`: samples closer than that are left out. */
  constructor(
    private readonly intervalMs: number,
    private readonly samplesMax: number,
  ) {}

  note(atMs: number, values: Readonly<Record<string, number>>): void {
    const last = this.samples.at(-1);
    if (last !== undefined && atMs - last.atMs < this.intervalMs) return;
    this.samples.push({ atMs, values });
    if (this.samples.length > this.samplesMax) this.samples.shift();
  }

  /** Per second; 0 before two samples were taken. */
  of(name: string): number {
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    if (first === undefined || last === undefined || first === last) return 0;
    const grown = (last.values[name] ?? 0) - (first.values[name] ?? 0);
    return (1_000 * grown) / (last.atMs - first.atMs);
  }
}
