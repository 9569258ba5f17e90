import type { DriftRecord, DriftTotals } from '../api/index.js';
import type { PassReport } from '../reconcile/index.js';

/** Drift that is remembered. Unit: passes. */
const recordsMax = 100;
/** Rules named of one pass; the totals count all. */
const rulesMax = 50;

/** What changed behind our back, pass by pass. */
export class DriftLog {
  private readonly newestFirst: DriftRecord[] = [];
  private detected = 0;
  private repaired = 0;

  note(report: PassReport): void {
    const count = report.drift.length;
    if (count === 0) return;
    this.detected += count;
    if (report.error === undefined) this.repaired += count;
    this.newestFirst.unshift({
      atMs: report.atMs,
      rules: report.drift.slice(0, rulesMax),
      repaired: report.error === undefined,
      ...(report.error === undefined ? {} : { error: report.error }),
    });
    this.newestFirst.splice(recordsMax);
  }

  get totals(): DriftTotals {
    const { detected, repaired } = this;
    const last = this.newestFirst[0];
    return last === undefined
      ? { detected, repaired }
      : { detected, repaired, lastAtMs: last.atMs };
  }

  latest(limit: number): readonly DriftRecord[] {
    return this.newestFirst.slice(0, limit);
  }
}
