import { describe, expect, it } from 'vitest';
import { DriftLog } from '../../../src/host/drift-log.js';
import type { PassReport } from '../../../src/reconcile/index.js';

function pass(atMs: number, rules: number, failed: readonly number[] = []): PassReport {
  const drift = Array.from({ length: rules }, (_, i) => {
    return { difference: 'missing' as const, rule: `rule ${i}`, key: `key ${i}` };
  });
  const report = { scope: 'everything' as const, atMs, durationMs: 1, ops: rules, drift };
  const refused = { error: 'busy', failed: new Set(failed.map((i) => `key ${i}`)) };
  return {
    ...report,
    revision: 1,
    version: 1,
    errnos: [],
    ...(failed.length === 0 ? {} : refused),
  };
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
    log.note(pass(2, 3, [1]));
    log.note(pass(3, 0));
    expect(log.totals).toEqual({ detected: 5, repaired: 4, lastAtMs: 2 });
    expect(log.latest(10)).toMatchObject([
      { atMs: 2, repaired: false, error: 'busy' },
      { atMs: 1, repaired: true },
    ]);
    expect(log.latest(1)).toHaveLength(1);
  });

  it('counts as repaired what was, though a rule beside it fails', () => {
    const log = new DriftLog();
    log.note(pass(1, 2, [9]));
    expect(log.totals).toEqual({ detected: 2, repaired: 2, lastAtMs: 1 });
    expect(log.latest(1)).toMatchObject([{ repaired: true }]);
    log.note({ ...pass(2, 2, [9]), failed: 'everything' });
    expect(log.totals).toEqual({ detected: 4, repaired: 2, lastAtMs: 2 });
  });

  it('remembers a bounded part, and counts all', () => {
    const log = new DriftLog();
    for (let i = 0; i < 150; i++) log.note(pass(i, 200));
    expect(log.totals).toEqual({ detected: 30_000, repaired: 30_000, lastAtMs: 149 });
    expect(log.latest(1000)).toHaveLength(100);
    expect(log.latest(1)[0]!.rules).toHaveLength(50);
  });
});
