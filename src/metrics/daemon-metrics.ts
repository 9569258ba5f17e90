import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { errnoName } from '../kernel/index.js';
import type { PassReport } from '../reconcile/index.js';

/** What the daemon tells of itself. Times in seconds, as Prometheus has it. */
export class DaemonMetrics {
  private readonly registry = new Registry();
  private readonly passSeconds = new Histogram({
    name: 'meshd_reconcile_seconds',
    help: 'Duration of reconcile passes.',
    labelNames: ['scope'],
    buckets: [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    registers: [this.registry],
  });
  private readonly ops = this.counter('meshd_reconcile_ops_total', 'Ops sent to the kernel.');
  private readonly failedPasses = this.counter(
    'meshd_reconcile_failures_total',
    'Passes after which something was not as it should be.',
  );
  private readonly drift = new Counter({
    name: 'meshd_drift_rules_total',
    help: 'Rules found changed behind our back.',
    labelNames: ['difference'],
    registers: [this.registry],
  });
  private readonly lastPass = new Gauge({
    name: 'meshd_reconcile_last_timestamp_seconds',
    help: 'When the last pass ended.',
    registers: [this.registry],
  });
  private readonly netlinkErrors = new Counter({
    name: 'meshd_netlink_errors_total',
    help: 'Refusals and lost replies of the kernel, by errno.',
    labelNames: ['errno'],
    registers: [this.registry],
  });

  passed(report: PassReport): void {
    this.passSeconds.observe({ scope: report.scope }, report.durationMs / 1000);
    this.ops.inc(report.ops);
    if (report.error !== undefined) this.failedPasses.inc();
    for (const { difference } of report.drift) this.drift.inc({ difference });
    for (const errno of report.errnos) this.netlinkErrors.inc({ errno: errnoName(errno) });
    this.lastPass.set(report.atMs / 1000);
  }

  /** A value read when somebody asks. */
  observe(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  private counter(name: string, help: string): Counter {
    return new Counter({ name, help, registers: [this.registry] });
  }
}
