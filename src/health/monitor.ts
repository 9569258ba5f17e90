import { messageOf, type Clock } from '../base/index.js';
import { healthTunables } from '../config/index.js';
import { sameTarget, type HealthTarget, type Probe, type ProbeResult } from './probe.js';
import { step, unknownVerdict, type Verdict } from './verdict.js';

/**
 * A new target is probed within this, or within its interval if that is less. Unit: milliseconds.
 * Shorter gathers targets that come together, longer leaves a dead one in use.
 */
const firstProbeMaxMs = 1_000;

export interface HealthMonitorOptions {
  readonly clock: Clock;
  readonly probe: Probe;
  /** Range of the result: 0 <= x < 1. */
  readonly random: () => number;
  /** Probes in flight. Default healthTunables.probesMax. */
  readonly probesMax?: number;
  /** Range 0-1. Default healthTunables.jitter. */
  readonly jitter?: number;
}

/** What is known of one target. Times are of the Clock. */
export interface TargetHealth extends Verdict {
  readonly key: string;
  readonly target: HealthTarget;
  /** Absent before the first result. */
  readonly last?: ProbeResult & { readonly atMs: number };
  /** When `state` became what it is; absent while it never changed. */
  readonly changedAtMs?: number;
}

/** Called with the state that a target has now, and the last result's reason. */
export type HealthListener = (key: string, state: Verdict['state'], reason: string) => void;

/** A target with its own schedule. */
interface Watched {
  target: HealthTarget;
  verdict: Verdict;
  last?: ProbeResult & { atMs: number };
  changedAtMs?: number;
  /** Ends what is under way for it: its timer or its probe. */
  cancel: () => void;
}

/**
 * Probes targets at their intervals and judges them. At most `probesMax` probes are in flight;
 * those that are due wait in order. An interval runs from the beginning of a probe to that of the
 * next, so that a slow destination is not asked less often; it is varied by `jitter`.
 */
export class HealthMonitor {
  private readonly watched = new Map<string, Watched>();
  private readonly listeners = new Set<HealthListener>();
  /** Due targets in order; those that left meanwhile are skipped. */
  private readonly due = new Set<Watched>();
  private inFlight = 0;
  private readonly probesMax: number;
  private readonly jitter: number;

  constructor(private readonly options: HealthMonitorOptions) {
    this.probesMax = options.probesMax ?? healthTunables.probesMax;
    this.jitter = options.jitter ?? healthTunables.jitter;
  }

  /** Watches these and no others. */
  set(targets: readonly HealthTarget[]): void {
    const keys = new Set(targets.map(({ key }) => key));
    for (const key of [...this.watched.keys()]) if (!keys.has(key)) this.remove(key);
    for (const target of targets) this.put(target);
  }

  /**
   * Watches a target from now on. One that is watched already keeps its state and its schedule if
   * nothing differs; else it keeps its verdict until the new check says otherwise, because a
   * changed interval must not send connections to a dead server.
   */
  put(target: HealthTarget): void {
    const known = this.watched.get(target.key);
    if (known === undefined) {
      const watched = { target, verdict: unknownVerdict, cancel: () => undefined };
      this.watched.set(target.key, watched);
      this.plan(watched, this.firstDelayMs(target));
      return;
    }
    if (sameTarget(known.target, target)) return;
    this.leave(known);
    const watched = { ...known, target, verdict: { ...known.verdict, successes: 0, failures: 0 } };
    this.watched.set(target.key, watched);
    this.plan(watched, this.firstDelayMs(target));
  }

  remove(key: string): void {
    const watched = this.watched.get(key);
    if (watched === undefined) return;
    this.watched.delete(key);
    this.leave(watched);
  }

  /** The returned function ends the calls. */
  onChange(listener: HealthListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  get(key: string): TargetHealth | undefined {
    const watched = this.watched.get(key);
    return watched === undefined ? undefined : healthOf(watched);
  }

  /** All targets in the order in which they came. */
  snapshot(): TargetHealth[] {
    return Array.from(this.watched.values(), healthOf);
  }

  /** Ends all probes and timers. May be called twice. */
  stop(): void {
    this.set([]);
  }

  /** Spreads targets that come together over their interval, but never waits long for a first. */
  private firstDelayMs({ check }: HealthTarget): number {
    return this.options.random() * Math.min(check.intervalMs, firstProbeMaxMs);
  }

  private plan(watched: Watched, delayMs: number): void {
    watched.cancel = this.options.clock.after(delayMs, () => {
      this.due.add(watched);
      watched.cancel = () => void this.due.delete(watched);
      this.fill();
    });
  }

  private leave(watched: Watched): void {
    watched.cancel();
    watched.cancel = () => undefined;
  }

  private fill(): void {
    for (const watched of this.due) {
      if (this.inFlight >= this.probesMax) return;
      this.due.delete(watched);
      void this.run(watched);
    }
  }

  private async run(watched: Watched): Promise<void> {
    const { clock, probe, random } = this.options;
    const { target } = watched;
    const startMs = clock.now();
    const abort = new AbortController();
    watched.cancel = () => abort.abort();
    this.inFlight++;
    let result: ProbeResult;
    try {
      result = await probe(target.check, target.address, target.port, abort.signal);
    } catch (error) {
      result = { ok: false, reason: messageOf(error), latencyMs: clock.now() - startMs };
    }
    this.inFlight--;
    if (!abort.signal.aborted) {
      const intervalMs = target.check.intervalMs * (1 + this.jitter * (2 * random() - 1));
      this.plan(watched, Math.max(0, startMs + intervalMs - clock.now()));
      this.judge(watched, result);
    }
    this.fill();
  }

  private judge(watched: Watched, result: ProbeResult): void {
    const before = watched.verdict;
    const after = step(before, result.ok, watched.target.check);
    const atMs = this.options.clock.now();
    watched.verdict = after;
    watched.last = { ...result, atMs };
    if (before.state === after.state) return;
    watched.changedAtMs = atMs;
    for (const listener of this.listeners) listener(watched.target.key, after.state, result.reason);
  }
}

function healthOf(watched: Watched): TargetHealth {
  const { target, verdict, last, changedAtMs } = watched;
  return {
    key: target.key,
    target,
    ...verdict,
    ...(last === undefined ? {} : { last }),
    ...(changedAtMs === undefined ? {} : { changedAtMs }),
  };
}
