import type { DrainProgress, DrainRequest, DrainTarget } from '../api/index.js';
import { MeshError, type Clock } from '../base/index.js';
import { parseAddress, type Service } from '../model/index.js';
import type { Retiree } from '../reconcile/index.js';
import type { ServiceEntry, ServiceTable } from '../store/index.js';
import type { HostController } from './controller.js';
import { virtualServiceKeys } from './service-listeners.js';
import { destinationName } from './traffic.js';

/** Between two reports of a drain that goes on. Unit: milliseconds. */
const reportIntervalMs = 1000;

/** Drains destinations on request, and tells how it goes. */
export class Drains {
  constructor(
    private readonly controller: HostController,
    private readonly table: ServiceTable,
    private readonly clock: Clock,
  ) {}

  /** As MeshBackend.drain. */
  async drain(
    request: DrainRequest,
    report: (progress: DrainProgress) => void,
  ): Promise<() => void> {
    let addresses: ReadonlySet<string> = new Set();
    let ms = 0;
    const prepared = await this.controller.setDrained(request.service, (entry, earlier) => {
      addresses = addressesOf(entry.service, request);
      ms = request.deadlineMs ?? entry.spec.drainDeadlineMs;
      return { drained: new Set([...earlier, ...addresses]), deadline: { ms, addresses } };
    });
    const watch = new DrainWatch({
      entry: prepared.changes[0]!.after!,
      addresses,
      deadlineAt: this.clock.now() + ms,
      controller: this.controller,
      table: this.table,
      clock: this.clock,
      report,
      revision: prepared.revision,
    });
    return watch.start();
  }

  /** As MeshBackend.cancelDrain: of those that are meant, those that drain. */
  async cancel(target: DrainTarget): Promise<void> {
    await this.controller.setDrained(target.service, ({ service }, earlier) => {
      const drained = new Set(earlier);
      for (const address of addressesOf(service, target)) drained.delete(address);
      if (drained.size === earlier.size) {
        const what = target.destination ?? target.service;
        throw new MeshError('failed_precondition', `${what} is not draining`);
      }
      return { drained };
    });
  }
}

interface DrainWatchOptions {
  /** The service as it was when the drain was decided. */
  readonly entry: ServiceEntry;
  readonly addresses: ReadonlySet<string>;
  /** Unit: Clock.now(). */
  readonly deadlineAt: number;
  readonly controller: HostController;
  readonly table: ServiceTable;
  readonly clock: Clock;
  readonly report: (progress: DrainProgress) => void;
  /** Of the table, since when the destinations are to drain. */
  readonly revision: number;
}

/** Reports until the destinations hold no connection, or theirs were cut. */
class DrainWatch {
  private readonly ends: (() => void)[] = [];
  /** ruleKeys of the service's virtual services. */
  private readonly keys: ReadonlySet<string>;
  private cut = false;
  private underWay = false;
  private cancelTick = (): void => undefined;
  private stopped = false;

  constructor(private readonly options: DrainWatchOptions) {
    this.keys = new Set(virtualServiceKeys(options.entry.service));
  }

  start(): () => void {
    const { controller } = this.options;
    this.ends.push(
      controller.retired.add((retiree) => {
        if (this.isMine(retiree) && retiree.end === 'deadline') this.cut = true;
      }),
      controller.passed.add((report) => {
        // A pass that broke off may not have come to see what there is to drain.
        const saw = report.failed !== 'everything' && report.revision >= this.options.revision;
        this.underWay ||= saw;
        this.tell();
      }),
    );
    this.tick();
    return () => this.stop();
  }

  private tick(): void {
    this.tell();
    if (this.stopped) return;
    this.cancelTick = this.options.clock.after(reportIntervalMs, () => this.tick());
  }

  private stop(): void {
    this.stopped = true;
    this.cancelTick();
    for (const end of this.ends.splice(0)) end();
  }

  private tell(): void {
    if (this.stopped) return;
    const { controller, clock, entry, addresses } = this.options;
    const retirees = [...controller.retirement.retirees()].filter((r) => this.isMine(r));
    const open = new Map([...addresses].map((address) => [address, 0]));
    for (const { destination, connections } of retirees) {
      const { address } = destination;
      open.set(address, (open.get(address) ?? 0) + (connections ?? 0));
    }
    const phase = this.phase(retirees.length);
    const deadlines = retirees.map(({ deadlineAt }) => deadlineAt);
    const deadlineAt = deadlines.length === 0 ? this.options.deadlineAt : Math.max(...deadlines);
    // Before the report, which may ask for the end of the reports itself.
    if (phase !== 'draining') this.stop();
    this.options.report({
      phase,
      connections: [...open.values()].reduce((sum, count) => sum + count, 0),
      remainingMs: phase === 'draining' ? Math.max(0, deadlineAt - clock.now()) : 0,
      destinations: [...open].map(([address, connections]) => {
        return { name: destinationName(entry, address), connections };
      }),
    });
  }

  private phase(retiring: number): DrainProgress['phase'] {
    if (this.isTakenBack()) return 'cancelled';
    // Before the first pass the kernel has not heard of the drain yet.
    if (retiring > 0 || !this.underWay) return 'draining';
    return this.cut ? 'deadline' : 'finished';
  }

  /** A destination, or its service, that is removed meanwhile goes on draining. */
  private isTakenBack(): boolean {
    const { entry, addresses, table } = this.options;
    const now = table.get(entry.spec.name)?.service.destinations ?? [];
    return now.some(({ address, draining }) => addresses.has(address) && !draining);
  }

  private isMine({ key, destination }: Retiree): boolean {
    return this.keys.has(key) && this.options.addresses.has(destination.address);
  }
}

/** Errors: not_found. */
function addressesOf(service: Service, target: DrainTarget): Set<string> {
  const named = parseAddress(target.destination ?? '');
  const chosen = service.destinations.filter(
    ({ name, address }) =>
      target.destination === undefined || name === target.destination || address === named,
  );
  if (chosen.length === 0 && target.destination !== undefined) {
    throw new MeshError(
      'not_found',
      `service ${target.service} has no destination ${target.destination}`,
    );
  }
  return new Set(chosen.map(({ address }) => address));
}
