/**
 * What the results so far say of one destination.
 *
 *     unknown --rise successes--> healthy --fall failures--> unhealthy
 *        |                            ^                          |
 *        +-------fall failures--------|------> unhealthy         |
 *                                     +-----rise successes-------+
 *
 * Unknown counts as healthy: a start of the daemon, or a new check for a destination that serves,
 * must not take connections away before anything is known to be wrong.
 */
export interface Verdict {
  readonly state: 'unknown' | 'healthy' | 'unhealthy';
  /** Results of one kind in a row, up to now; one of the two is 0. */
  readonly successes: number;
  readonly failures: number;
}

export interface VerdictRule {
  /** Successes in a row that make a destination healthy. Range 1-100. */
  readonly rise: number;
  /** Failures in a row that make it unhealthy. Range 1-100. */
  readonly fall: number;
}

export const unknownVerdict: Verdict = { state: 'unknown', successes: 0, failures: 0 };

/** The verdict after one more result. Pure. */
export function step(verdict: Verdict, ok: boolean, rule: VerdictRule): Verdict {
  const successes = ok ? verdict.successes + 1 : 0;
  const failures = ok ? 0 : verdict.failures + 1;
  if (successes >= rule.rise) return { state: 'healthy', successes, failures };
  if (failures >= rule.fall) return { state: 'unhealthy', successes, failures };
  return { state: verdict.state, successes, failures };
}

/** Whether new connections may go there. */
export function isUsable(verdict: Verdict): boolean {
  return verdict.state !== 'unhealthy';
}
