/** Times the parts of a work one after the other. Unit: milliseconds. */
export class Stopwatch {
  readonly phases: Record<string, number> = {};
  private last = performance.now();

  lap(name: string): void {
    const now = performance.now();
    this.phases[name] = (this.phases[name] ?? 0) + now - this.last;
    this.last = now;
  }

  get total(): number {
    return Object.values(this.phases).reduce((sum, ms) => sum + ms, 0);
  }
}
