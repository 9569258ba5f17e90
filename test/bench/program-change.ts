import { silentLog } from '../../src/base/index.js';
import { realClock } from '../../src/io/index.js';
import { Reconciler, Retirement, type PassReport } from '../../src/reconcile/index.js';
import { compileService, type RuleTable } from '../../src/rules/index.js';
import type { Service, ServiceDestination } from '../../src/model/index.js';
import { openLinuxKernel } from '../../src/kernel/linux/index.js';
import { hostTableOf, routedHost, servicesOf } from './workload.js';

/** What happens to the services in turn, to their destinations. */
const kinds = ['weight', 'add', 'remove'] as const;
type Kind = (typeof kinds)[number];

/**
 * One service after the other changes, through the reconciler: from the change in the rule table
 * to the end of the pass that brought it to the kernel.
 */
export async function change(
  services: number,
  destinations: number,
  changes: number,
): Promise<object> {
  const wanted = servicesOf(services, destinations);
  const table = hostTableOf(wanted);
  const passes = new Passes();
  const reconciler = await startReconciler(table, passes);
  const first = await passes.next();
  const times: number[] = [];
  const ops: Record<Kind, number[]> = { weight: [], add: [], remove: [] };
  for (let n = 0; n < changes; n++) {
    const kind = kinds[n % kinds.length]!;
    const i = (n * 251) % services;
    const service = changed(wanted[i]!, kind, n);
    const passed = passes.next();
    const startedAt = performance.now();
    table.put(service.name, compileService(service, routedHost));
    reconciler.poke();
    const report = await passed;
    times.push(performance.now() - startedAt);
    ops[kind].push(report.ops);
  }
  await reconciler.stop();
  return { times, ops, firstPassMs: first.durationMs, firstPassOps: first.ops };
}

function changed(service: Service, kind: Kind, n: number): Service {
  return { ...service, destinations: changedDestinations(service.destinations, kind, n) };
}

function changedDestinations(
  before: readonly ServiceDestination[],
  kind: Kind,
  n: number,
): ServiceDestination[] {
  switch (kind) {
    case 'weight':
      return before.map((one, j) => (j === 0 ? { ...one, weight: 2 } : one));
    case 'add':
      return [...before, { ...before[0]!, address: `10.80.${n >> 8}.${n & 255}` }];
    case 'remove':
      return before.slice(1);
  }
}

/** Hands out the reports of passes that did something. */
class Passes {
  private waiting: ((report: PassReport) => void) | undefined;
  private failed: ((error: Error) => void) | undefined;

  next(): Promise<PassReport> {
    return new Promise((resolve, reject) => {
      this.waiting = resolve;
      this.failed = reject;
    });
  }

  report(report: PassReport): void {
    if (report.error !== undefined) this.failed?.(new Error(report.error));
    else if (report.ops > 0) this.waiting?.(report);
  }
}

async function startReconciler(table: RuleTable, passes: Passes): Promise<Reconciler> {
  const kernel = await openLinuxKernel();
  const reconciler = new Reconciler({
    kernel,
    table,
    // Removed destinations go at once: nobody is connected to them.
    retirement: new Retirement(realClock, 0),
    clock: realClock,
    log: silentLog,
    repairIntervalMs: 3_600_000,
    repairShareMax: 0.001,
    networkIntervalMs: 200,
    retryMinMs: 100,
    retryMaxMs: 10_000,
    retireePollMs: 500,
    revision: () => 1,
    hostAddresses: () => undefined,
    passed: (report) => passes.report(report),
  });
  await reconciler.start();
  return reconciler;
}
