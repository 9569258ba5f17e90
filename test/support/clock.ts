import type { Clock } from '../../src/base/index.js';

/** A clock that stands still until it is told to move; what is due then runs in order. */
export class ManualClock implements Clock {
  private time = 0;
  private readonly due: { at: number; run: () => void }[] = [];

  now(): number {
    return this.time;
  }

  /** 2026-01-02T03:04:05Z and on. */
  wallMs(): number {
    return Date.UTC(2026, 0, 2, 3, 4, 5) + this.time;
  }

  after(delayMs: number, callback: () => void): () => void {
    const entry = { at: this.time + delayMs, run: callback };
    this.due.push(entry);
    return () => {
      const at = this.due.indexOf(entry);
      if (at !== -1) this.due.splice(at, 1);
    };
  }

  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.due.splice(this.due.indexOf(next), 1);
      this.time = next.at;
      next.run();
    }
    this.time = end;
  }
}
