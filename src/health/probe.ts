import type { HealthCheck } from '../model/index.js';

export interface ProbeResult {
  readonly ok: boolean;
  /** Why it failed, or what was found: `connect: connection refused`, `status 204`. */
  readonly reason: string;
  /** From the first packet to the verdict. */
  readonly latencyMs: number;
}

/**
 * Tries a destination once, for at most `check.timeoutMs`. Never rejects; when `signal` aborts it
 * ends at once, with any result.
 */
export type Probe = (
  check: HealthCheck,
  address: string,
  port: number,
  signal: AbortSignal,
) => Promise<ProbeResult>;

/** Something to check. `key` is the caller's, unique. */
export interface HealthTarget {
  readonly key: string;
  readonly address: string;
  readonly port: number;
  readonly check: HealthCheck;
}

/** True when the two would be probed and judged alike. */
export function sameTarget(a: HealthTarget, b: HealthTarget): boolean {
  if (a.address !== b.address || a.port !== b.port) return false;
  return a.check === b.check || checkText(a.check) === checkText(b.check);
}

/** Independent of the order of the fields. */
function checkText(check: HealthCheck): string {
  return JSON.stringify(Object.entries(check).sort(([a], [b]) => (a < b ? -1 : 1)));
}
