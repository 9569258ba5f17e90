import type { Clock, Log } from '../base/index.js';
import type { Kernel } from '../kernel/index.js';
import type { Rule, RuleSet } from '../model/index.js';
import { Reconciler, Retirement, type PassReport } from '../reconcile/index.js';
import { RuleTable } from '../rules/index.js';

export interface SandboxOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly reconcile: Omit<
    ConstructorParameters<typeof Reconciler>[0],
    'kernel' | 'table' | 'retirement' | 'clock' | 'log' | 'revision' | 'hostAddresses' | 'passed'
  > & { readonly drainDeadlineMs: number };
}

/** A namespace that refuses is given up after so many passes. */
const finishTriesMax = 3;

/** A network namespace of somebody else that this host programs: that of a task. */
export class Sandbox {
  readonly rules = new RuleTable();
  private readonly reconciler: Reconciler;
  private revision = 0;
  private seen: Pick<PassReport, 'revision' | 'failed'> = { revision: -1 };
  private passedOnce: () => void = () => undefined;

  constructor(
    readonly kernel: Kernel,
    options: SandboxOptions,
    passed: (report: PassReport) => void,
  ) {
    const { clock, log, reconcile } = options;
    this.reconciler = new Reconciler({
      ...reconcile,
      kernel,
      table: this.rules,
      retirement: new Retirement(clock, reconcile.drainDeadlineMs),
      clock,
      log,
      revision: () => this.revision,
      hostAddresses: () => undefined,
      passed: (report) => {
        this.seen = report;
        passed(report);
        this.passedOnce();
      },
    });
  }

  /** True when the kernel was seen to hold every rule. */
  get isProgrammed(): boolean {
    return this.seen.revision === this.revision && this.seen.failed === undefined;
  }

  /** What the kernel is known to hold, by ruleKey. */
  get held(): RuleSet {
    return this.reconciler.held;
  }

  start(): Promise<void> {
    return this.reconciler.start();
  }

  put(owner: string, rules: readonly Rule[]): void {
    this.revision++;
    this.rules.put(owner, rules);
    this.reconciler.poke();
  }

  /** Resolves when the kernel holds what is wanted, or when it could not be brought to that. */
  finish(): Promise<void> {
    let tries = finishTriesMax;
    return new Promise((resolve) => {
      this.passedOnce = () => {
        // A pass that was running before knew of something else.
        if (this.seen.revision !== this.revision) return;
        tries--;
        if (this.isProgrammed || tries === 0) resolve();
      };
      // It looks: what went with its device is not there to be deleted.
      this.reconciler.repair();
    });
  }

  /** Leaves the namespace as it is. */
  async stop(): Promise<void> {
    await this.reconciler.stop();
    await this.kernel.close();
  }
}
