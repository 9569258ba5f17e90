import type { Clock } from '../../src/base/index.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until told to go on. Timers run in order of their time. */
export class SimClock implements Clock {
  private nowMs = 0;
  private order = 0;
  private readonly timers = new Set<Timer>();

  constructor(private readonly wallStartMs = 1_700_000_000_000) {}

  now(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.wallStartMs + this.nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.nowMs + Math.max(0, delayMs), order: this.order++, callback };
    this.timers.add(timer);
    return () => void this.timers.delete(timer);
  }

  /** Timers that have not run yet. */
  get pending(): number {
    return this.timers.size;
  }

  /** Milliseconds until the next timer; undefined when there is none. */
  get untilNext(): number | undefined {
    const next = this.next();
    return next === undefined ? undefined : next.at - this.nowMs;
  }

  /** Lets `ms` pass: runs what falls due on the way, and lets promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    await settle();
    for (let next = this.next(); next !== undefined && next.at <= end; next = this.next()) {
      this.timers.delete(next);
      this.nowMs = Math.max(this.nowMs, next.at);
      next.callback();
      await settle();
    }
    this.nowMs = Math.max(this.nowMs, end);
  }

  /** The time passes while nobody looks: timers that fell due run at the next `advance`. */
  skip(ms: number): void {
    this.nowMs += ms;
  }

  private next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.timers) {
      const earlier =
        first === undefined ||
        timer.at < first.at ||
        (timer.at === first.at && timer.order < first.order);
      if (earlier) first = timer;
    }
    return first;
  }
}

/** Lets every promise that is settled already run its continuations, however long the chain. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
