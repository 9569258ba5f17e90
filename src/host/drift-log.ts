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
    const { atMs, drift, error } = report;
    if (drift.length === 0) return;
    const stillThere = drift.filter(({ key }) => isUnsure(report, key)).length;
    this.detected += drift.length;
    this.repaired += drift.length - stillThere;
    this.newestFirst.unshift({
      atMs,
      rules: drift.slice(0, rulesMax).map(({ difference, rule }) => ({ difference, rule })),
      repaired: stillThere === 0,
      ...(stillThere === 0 || error === undefined ? {} : { error }),
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

function isUnsure({ failed }: PassReport, key: string): boolean {
  return failed === 'everything' || (failed?.has(key) ?? false);
}
