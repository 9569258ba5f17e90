import type { Log } from '../../../src/base/index.js';
import { FakeKernel } from '../../../src/kernel/fake/index.js';
import type { HostAddress } from '../../../src/kernel/index.js';
import { formatOp, formatRuleSet, type Rule } from '../../../src/model/index.js';
import { Reconciler, Retirement, type PassReport } from '../../../src/reconcile/index.js';
import { RuleTable } from '../../../src/rules/index.js';
import { parseRules } from '../../support/rule-text.js';
import { SimClock } from '../../support/sim-clock.js';

export const repairIntervalMs = 60_000;
export const retryMinMs = 100;
export const retireePollMs = 1000;

export interface BenchOptions {
  readonly kernel?: FakeKernel;
  readonly clock?: SimClock;
  /** How long removed destinations may finish; 0 unless a test is about that. */
  readonly deadlineMs?: number;
  /** Called as Reconciler's `hostAddresses`. */
  readonly hostAddresses?: (addresses: readonly HostAddress[], bench: ReconcilerBench) => void;
}

/** A reconciler over a kernel in memory, by a clock that stands still. */
export class ReconcilerBench {
  readonly clock: SimClock;
  readonly kernel: FakeKernel;
  readonly table = new RuleTable();
  readonly retirement: Retirement;
  readonly reconciler: Reconciler;
  readonly reports: PassReport[] = [];
  /** `warn foreign virtual service left alone` and so on. */
  readonly log: string[] = [];
  readonly ended: string[] = [];
  revision = 0;

  constructor(options: BenchOptions = {}) {
    this.clock = options.clock ?? new SimClock();
    this.kernel = options.kernel ?? new FakeKernel();
    this.retirement = new Retirement(this.clock, options.deadlineMs ?? 0, (retiree, end) => {
      this.ended.push(`${retiree.key} ${retiree.destination.address} ${end}`);
    });
    this.reconciler = new Reconciler({
      kernel: this.kernel,
      table: this.table,
      retirement: this.retirement,
      clock: this.clock,
      log: this.recorder(),
      repairIntervalMs,
      networkIntervalMs: 200,
      retryMinMs,
      retryMaxMs: 10_000,
      repairShareMax: 0.1,
      retireePollMs,
      revision: () => this.revision,
      hostAddresses: (addresses) => options.hostAddresses?.(addresses, this),
      passed: (report) => this.reports.push(report),
    });
  }

  /** What `owner` wants from now on, as text; the next pass follows. */
  async want(owner: string, ...lines: readonly string[]): Promise<void> {
    await this.wantRules(owner, parseRules(lines));
  }

  async wantRules(owner: string, rules: readonly Rule[]): Promise<void> {
    this.revision++;
    this.table.put(owner, rules);
    this.reconciler.poke();
    await this.clock.advance(0);
  }

  async start(): Promise<void> {
    await this.reconciler.start();
    await this.clock.advance(0);
  }

  /** Reads the whole kernel again. */
  async repair(): Promise<void> {
    this.reconciler.repair();
    await this.clock.advance(0);
  }

  plant(...lines: readonly string[]): void {
    this.kernel.plant(...parseRules(lines));
  }

  /** The Ops tried since the last call. */
  takeOps(): string[] {
    return this.kernel.applied.splice(0).map(formatOp);
  }

  /** What the kernel holds beside settings, as text. */
  held(): string {
    const rules = [...this.kernel.rules.values()].filter(
      ({ kind }) => kind !== 'sysctl' && kind !== 'ipvs-timeouts',
    );
    return formatRuleSet(rules);
  }

  get lastReport(): PassReport {
    return this.reports.at(-1)!;
  }

  private recorder(): Log {
    const record =
      (level: string) =>
      (_context: object, message: string): void =>
        void this.log.push(`${level} ${message}`);
    return {
      debug: record('debug'),
      info: record('info'),
      warn: record('warn'),
      error: record('error'),
    };
  }
}

export const device = 'link mesh0 type dummy up';

/** A service of one port and one destination, with what its VIP needs. */
export function service(vip: string, server = '10.0.0.11', weight = 1): string[] {
  return [
    `ipvs ${vip}:80/tcp rr`,
    `  ${server}:80 masq weight=${weight}`,
    `addr ${vip}/32 dev mesh0`,
  ];
}
