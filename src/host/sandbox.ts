import type { Clock, Log } from '../base/index.js';
import type { Kernel } from '../kernel/index.js';
import type { Rule } from '../model/index.js';
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

/** A network namespace of somebody else that this host programs: that of a task. */
export class Sandbox {
  readonly rules = new RuleTable();
  private readonly reconciler: Reconciler;
  private revision = 0;

  constructor(
    private readonly kernel: Kernel,
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
      passed,
    });
  }

  start(): Promise<void> {
    return this.reconciler.start();
  }

  put(owner: string, rules: readonly Rule[]): void {
    this.revision++;
    this.rules.put(owner, rules);
    this.reconciler.poke();
  }

  /** Leaves the namespace as it is. */
  async stop(): Promise<void> {
    await this.reconciler.stop();
    await this.kernel.close();
  }
}
