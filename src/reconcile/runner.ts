import type { Clock } from '../base/index.js';

/**
 * What the next pass has to look at: what was asked to change; that, and what the kernel holds of
 * devices, addresses, routes and the firewall; or all that the kernel holds.
 */
export type Scope = 'changes' | 'network' | 'everything';

export interface RunnerOptions {
  /** Between two passes over everything, counted from the end of a pass. Unit: milliseconds. */
  readonly repairIntervalMs: number;
  /** Between two passes over the network at least: others may change theirs all the time. */
  readonly networkIntervalMs: number;
  /** First wait after a failed pass; doubles up to the maximum. Unit: milliseconds. */
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  /**
   * A pass over everything may use at most this share of the time: the repair interval grows with
   * what the last such pass took. Range 0-1.
   */
  readonly repairShareMax: number;
}

/**
 * Runs passes one at a time:
 * 1. `poke` leads to a pass soon; many pokes before it starts lead to one.
 * 2. A poke during a pass leads to another one after it.
 * 3. A pass over everything follows after the repair interval even without a poke.
 * 4. A failed pass is followed by one over everything after a wait that doubles up to a maximum;
 *    pokes for changes do not wait for it, so one bad rule does not hold up the others.
 * 5. Passes over the network keep a distance from each other, which holds up no pass for changes.
 * 6. After `stop` has resolved nothing runs.
 */
export class Runner {
  private readonly wanted = new Set<Scope>();
  private running: Promise<void> | undefined;
  private cancelTimer: () => void = () => undefined;
  private failures = 0;
  private stopped = true;
  /** When the next pass over everything is due. Unit: Clock.now(). */
  private everythingAt = 0;
  /** Before which no pass over the network starts. Unit: Clock.now(). */
  private networkAt = 0;

  constructor(
    private readonly clock: Clock,
    private readonly pass: (scope: Scope) => Promise<boolean>,
    private readonly options: RunnerOptions,
  ) {}

  start(): void {
    this.stopped = false;
    this.poke('everything');
  }

  poke(scope: Scope): void {
    this.wanted.add(scope);
    if (this.running === undefined) this.schedule();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelTimer();
    await this.running;
  }

  private schedule(): void {
    this.cancelTimer();
    if (this.stopped) return;
    this.cancelTimer = this.clock.after(Math.max(0, this.dueAt() - this.clock.now()), () => {
      this.running = this.runOnce().finally(() => {
        this.running = undefined;
        this.schedule();
      });
    });
  }

  private async runOnce(): Promise<void> {
    const startedAt = this.clock.now();
    const scope = this.takeScope(startedAt);
    const ok = await this.pass(scope);
    const endedAt = this.clock.now();
    if (scope !== 'changes') this.networkAt = endedAt + this.options.networkIntervalMs;
    if (scope === 'everything') {
      const waitMs = ok ? this.restMs(endedAt - startedAt) : this.backOffMs();
      this.everythingAt = endedAt + waitMs;
    } else if (!ok) {
      // Never later than it was due: a stream of failing changes must not put it off for ever.
      this.everythingAt = Math.min(this.everythingAt, endedAt + this.backOffMs());
    }
  }

  private dueAt(): number {
    if (this.wanted.has('changes') || this.wanted.has('everything')) return 0;
    return this.wanted.has('network')
      ? Math.min(this.networkAt, this.everythingAt)
      : this.everythingAt;
  }

  /** The widest scope that is wanted and may start now; it takes the narrower ones along. */
  private takeScope(now: number): Scope {
    if (this.wanted.has('everything') || now >= this.everythingAt) {
      this.wanted.clear();
      return 'everything';
    }
    this.wanted.delete('changes');
    if (!this.wanted.has('network') || now < this.networkAt) return 'changes';
    this.wanted.delete('network');
    return 'network';
  }

  private backOffMs(): number {
    const { retryMinMs, retryMaxMs } = this.options;
    const waitMs = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(this.failures, 20));
    this.failures++;
    return waitMs;
  }

  private restMs(tookMs: number): number {
    this.failures = 0;
    return Math.max(this.options.repairIntervalMs, tookMs / this.options.repairShareMax);
  }
}
