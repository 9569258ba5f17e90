import { describe, expect, it } from 'vitest';
import { errno } from '../../../src/kernel/index.js';
import { DaemonMetrics } from '../../../src/metrics/index.js';
import type { PassReport } from '../../../src/reconcile/index.js';

const pass: PassReport = {
  scope: 'everything',
  version: 1,
  revision: 1,
  atMs: 1_700_000_000_500,
  durationMs: 20,
  ops: 3,
  errnos: [],
  drift: [
    {
      difference: 'missing',
      rule: 'addr 10.96.0.1/32 dev mesh0',
      key: 'addr 10.96.0.1/32 dev mesh0',
    },
    {
      difference: 'missing',
      rule: 'addr 10.96.0.2/32 dev mesh0',
      key: 'addr 10.96.0.2/32 dev mesh0',
    },
    {
      difference: 'unexpected',
      rule: 'addr 10.96.0.3/32 dev mesh0',
      key: 'addr 10.96.0.3/32 dev mesh0',
    },
  ],
};

async function samples(metrics: DaemonMetrics): Promise<string[]> {
  const lines = (await metrics.text()).split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

describe('DaemonMetrics', () => {
  it('counts passes, Ops, failures and drift; times are in seconds', async () => {
    const metrics = new DaemonMetrics();
    metrics.passed(pass);
    metrics.passed({
      ...pass,
      scope: 'changes',
      drift: [],
      ops: 1,
      errnos: [errno.EBUSY],
      error: 'busy',
    });
    const lines = await samples(metrics);
    expect(lines.filter((line) => !line.includes('_bucket'))).toEqual([
      'meshd_reconcile_seconds_sum{scope="everything"} 0.02',
      'meshd_reconcile_seconds_count{scope="everything"} 1',
      'meshd_reconcile_seconds_sum{scope="changes"} 0.02',
      'meshd_reconcile_seconds_count{scope="changes"} 1',
      'meshd_reconcile_ops_total 4',
      'meshd_reconcile_failures_total 1',
      'meshd_drift_rules_total{difference="missing"} 2',
      'meshd_drift_rules_total{difference="unexpected"} 1',
      'meshd_reconcile_last_timestamp_seconds 1700000000.5',
      'meshd_netlink_errors_total{errno="EBUSY"} 1',
    ]);
    expect(lines).toContain('meshd_reconcile_seconds_bucket{le="0.05",scope="everything"} 1');
    expect(lines).toContain('meshd_reconcile_seconds_bucket{le="0.01",scope="everything"} 0');
  });

  it('reads a value when somebody asks', async () => {
    const metrics = new DaemonMetrics();
    let services = 1;
    metrics.observe('meshd_services', 'Services asked for.', () => services);
    services = 7;
    expect(await samples(metrics)).toContain('meshd_services 7');
  });

  it('holds figures of its own, beside those of another', async () => {
    const [one, other] = [new DaemonMetrics(), new DaemonMetrics()];
    one.passed(pass);
    expect(await samples(other)).toContain('meshd_reconcile_ops_total 0');
  });
});
