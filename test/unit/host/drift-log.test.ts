import { describe, expect, it } from 'vitest';
import { DriftLog } from '../../../src/host/drift-log.js';
import type { PassReport } from '../../../src/reconcile/index.js';

function pass(atMs: number, rules: number, error?: string): PassReport {
  const drift = Array.from({ length: rules }, (_, i) => {
    return { difference: 'missing' as const, rule: `rule ${i}` };
  });
  const report = { scope: 'everything' as const, atMs, durationMs: 1, ops: rules, drift };
  return { ...report, revision: 1, errnos: [], ...(error === undefined ? {} : { error }) };
}

describe('DriftLog', () => {
  it('is empty while nothing drifts', () => {
    const log = new DriftLog();
    log.note(pass(1, 0));
    expect(log.totals).toEqual({ detected: 0, repaired: 0 });
    expect(log.latest(10)).toEqual([]);
  });

  it('tells the newest first, and what was not repaired', () => {
    const log = new DriftLog();
    log.note(pass(1, 2));
    log.note(pass(2, 3, 'busy'));
    log.note(pass(3, 0));
    expect(log.totals).toEqual({ detected: 5, repaired: 2, lastAtMs: 2 });
    expect(log.latest(10)).toMatchObject([
      { atMs: 2, repaired: false, error: 'busy' },
      { atMs: 1, repaired: true },
    ]);
    expect(log.latest(1)).toHaveLength(1);
  });

  it('remembers a bounded part, and counts all', () => {
    const log = new DriftLog();
    for (let i = 0; i < 150; i++) log.note(pass(i, 200));
    expect(log.totals).toEqual({ detected: 30_000, repaired: 30_000, lastAtMs: 149 });
    expect(log.latest(1000)).toHaveLength(100);
    expect(log.latest(1)[0]!.rules).toHaveLength(50);
  });
});
