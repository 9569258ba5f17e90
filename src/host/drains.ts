import type { DrainProgress, DrainRequest, DrainTarget } from '../api/index.js';
import { MeshError, type Clock } from '../base/index.js';
import type { Service } from '../model/index.js';
import type { Retiree } from '../reconcile/index.js';
import type { ServiceEntry, ServiceTable } from '../store/index.js';
import type { HostController } from './controller.js';
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
    const entry = this.entry(request.service);
    const addresses = addressesOf(entry.service, request);
    const drained = new Set([...this.table.drainedOf(request.service), ...addresses]);
    const ms = request.deadlineMs ?? entry.spec.drainDeadlineMs;
    const { revision } = await this.controller.setDrained(request.service, drained, {
      ms,
      addresses,
    });
    const watch = new DrainWatch({
      entry,
      addresses,
      controller: this.controller,
      clock: this.clock,
      isDrained: () => isSubset(addresses, this.table.drainedOf(request.service)),
      report,
      revision,
    });
    return watch.start();
  }

  async cancel(target: DrainTarget): Promise<void> {
    const entry = this.entry(target.service);
    const addresses = addressesOf(entry.service, target);
    const drained = new Set(this.table.drainedOf(target.service));
    if (!isSubset(addresses, drained)) {
      const what = target.destination ?? target.service;
      throw new MeshError('failed_precondition', `${what} is not draining`);
    }
    for (const address of addresses) drained.delete(address);
    await this.controller.setDrained(target.service, drained);
  }

  private entry(name: string): ServiceEntry {
    const entry = this.table.get(name);
    if (entry === undefined) throw new MeshError('not_found', `service ${name}: not found`);
    return entry;
  }
}

interface DrainWatchOptions {
  readonly entry: ServiceEntry;
  readonly addresses: ReadonlySet<string>;
  readonly controller: HostController;
  readonly clock: Clock;
  /** False when the drain was taken back. */
  isDrained(): boolean;
  readonly report: (progress: DrainProgress) => void;
  /** Of the table, since when the destinations are to drain. */
  readonly revision: number;
}

/** Reports until the destinations hold no connection, or theirs were cut. */
class DrainWatch {
  private readonly ends: (() => void)[] = [];
  private cut = false;
  private underWay = false;
  private cancelTick = (): void => undefined;
  private stopped = false;

  constructor(private readonly options: DrainWatchOptions) {}

  start(): () => void {
    const { controller } = this.options;
    this.ends.push(
      controller.retired.add((retiree) => {
        if (this.isMine(retiree) && retiree.end === 'deadline') this.cut = true;
      }),
      controller.passed.add((report) => {
        this.underWay ||= report.revision >= this.options.revision;
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
    const { controller, clock, entry, report } = this.options;
    const retirees = [...controller.retirement.retirees()].filter((r) => this.isMine(r));
    const perName = new Map<string, number>();
    for (const { destination, connections } of retirees) {
      const name = destinationName(entry, destination.address);
      perName.set(name, (perName.get(name) ?? 0) + (connections ?? 0));
    }
    const deadlineAt = Math.max(0, ...retirees.map((retiree) => retiree.deadlineAt));
    const phase = this.phase(retirees.length);
    report({
      phase,
      connections: [...perName.values()].reduce((sum, count) => sum + count, 0),
      remainingMs: retirees.length === 0 ? 0 : Math.max(0, deadlineAt - clock.now()),
      destinations: [...perName].map(([name, connections]) => ({ name, connections })),
    });
    if (phase !== 'draining') this.stop();
  }

  private phase(retiring: number): DrainProgress['phase'] {
    if (!this.options.isDrained()) return 'cancelled';
    // Before the first pass the kernel has not heard of the drain yet.
    if (retiring > 0 || !this.underWay) return 'draining';
    return this.cut ? 'deadline' : 'finished';
  }

  private isMine(retiree: Retiree): boolean {
    const { controller, entry, addresses } = this.options;
    const owner = controller.rules.ownerOf(retiree.key);
    return owner === entry.spec.name && addresses.has(retiree.destination.address);
  }
}

/** Errors: not_found. */
function addressesOf(service: Service, target: DrainTarget): Set<string> {
  const chosen = service.destinations.filter(
    ({ name, address }) =>
      target.destination === undefined ||
      name === target.destination ||
      address === target.destination,
  );
  if (chosen.length === 0 && target.destination !== undefined) {
    throw new MeshError(
      'not_found',
      `service ${target.service} has no destination ${target.destination}`,
    );
  }
  return new Set(chosen.map(({ address }) => address));
}

function isSubset(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return [...part].every((value) => whole.has(value));
}
