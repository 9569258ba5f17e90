import { suspicionTimeoutMs, type SuspicionTimes } from './formulas.js';
import type { Timer, Timers } from './timers.js';

/**
 * A member does not answer; unless it says otherwise, `onExpired` is called. Others that suspect it
 * too bring that forward: whoever is alone with a suspicion may be the one in trouble. Source:
 * Lifeguard's dynamic suspicion.
 */
export class Suspicion {
  /** Who said so; the first is no confirmation. */
  private readonly accusers = new Set<string>();
  private timer: Timer;

  constructor(
    private readonly timers: Timers,
    private readonly times: SuspicionTimes,
    private readonly startMs: number,
    from: string,
    private readonly onExpired: () => void,
  ) {
    this.accusers.add(from);
    this.timer = timers.at(startMs + suspicionTimeoutMs(times, 0), onExpired);
  }

  get confirmations(): number {
    return this.accusers.size - 1;
  }

  /** False when it changes nothing: not needed any more, or said before. */
  confirm(from: string): boolean {
    if (this.confirmations >= this.times.confirmations || this.accusers.has(from)) return false;
    this.accusers.add(from);
    this.timer.cancel();
    const dueMs = this.startMs + suspicionTimeoutMs(this.times, this.confirmations);
    this.timer = this.timers.at(dueMs, this.onExpired);
    return true;
  }

  cancel(): void {
    this.timer.cancel();
  }
}
