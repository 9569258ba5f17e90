import type { DrainProgress, DrainRequest, WatchEvent } from '../../../src/api/index.js';
import type { Log } from '../../../src/base/index.js';
import {
  HostBackend,
  HostController,
  restoreTable,
  type HealthReport,
  type HealthView,
} from '../../../src/host/index.js';
import { FakeKernel } from '../../../src/kernel/fake/index.js';
import { formatOp, type ServiceSpec } from '../../../src/model/index.js';
import {
  replay,
  ServiceTable,
  snapshotOf,
  VipPool,
  type TableRecord,
} from '../../../src/store/index.js';
import { parseService } from '../../support/service-text.js';
import { SimClock } from '../../support/sim-clock.js';

export const repairIntervalMs = 60_000;
export const retireePollMs = 500;

/** Everything is healthy that a test has not called otherwise. */
export class FakeHealth implements HealthView {
  readonly watched = new Set<string>();
  private readonly causes = new Map<string, string>();
  private callback: (service: string) => void = () => undefined;

  put({ name }: { readonly name: string }): void {
    this.watched.add(name);
  }

  remove(name: string): void {
    this.watched.delete(name);
  }

  isUsable(service: string, address: string): boolean {
    return !this.causes.has(`${service} ${address}`);
  }

  report(service: string, address: string): HealthReport {
    const cause = this.causes.get(`${service} ${address}`);
    return cause === undefined ? { health: 'healthy' } : { health: 'unhealthy', cause };
  }

  onChange(callback: (service: string) => void): void {
    this.callback = callback;
  }

  stop(): void {
    this.watched.clear();
  }

  fail(service: string, address: string, cause = 'connection refused'): void {
    this.causes.set(`${service} ${address}`, cause);
    this.callback(service);
  }

  recover(service: string, address: string): void {
    this.causes.delete(`${service} ${address}`);
    this.callback(service);
  }
}

export interface HostBenchOptions {
  /** What an earlier run left. */
  readonly kernel?: FakeKernel;
  readonly clock?: SimClock;
  readonly records?: readonly TableRecord[];
  readonly file?: readonly ServiceSpec[];
  readonly pools?: readonly string[];
}

/** A host over a kernel in memory, by a clock that stands still. */
export class HostBench {
  readonly clock: SimClock;
  readonly kernel: FakeKernel;
  readonly health = new FakeHealth();
  readonly table: ServiceTable;
  readonly controller: HostController;
  readonly backend: HostBackend;
  /** The state file. */
  readonly records: TableRecord[] = [];
  /** Called with each write to the state file, before it is done. */
  persisting: () => Promise<void> = () => Promise.resolve();
  /** `warn web: service withheld ...`. */
  readonly log: string[] = [];
  private readonly events: string[] = [];

  constructor(options: HostBenchOptions = {}) {
    this.clock = options.clock ?? new SimClock();
    this.kernel = options.kernel ?? new FakeKernel();
    this.table = new ServiceTable(new VipPool(options.pools ?? []));
    const { clock, kernel, health, table } = this;
    restoreTable(table, options.file ?? [], replay(options.records ?? []), this.recorder());
    this.records.push(...snapshotOf(table));
    this.controller = new HostController({
      kernel,
      table,
      health,
      clock,
      log: this.recorder(),
      reconcile: {
        repairIntervalMs,
        repairShareMax: 0.001,
        networkIntervalMs: 1000,
        retryMinMs: 100,
        retryMaxMs: 1000,
        retireePollMs,
        drainDeadlineMs: 7777,
      },
      persist: async (records) => {
        await this.persisting();
        this.records.push(...records);
      },
    });
    this.backend = new HostBackend({
      controller: this.controller,
      table,
      kernel,
      health,
      clock,
      instance: 'run-1',
      version: { version: '0.1.0', node: 'v20', kernel: '6.1' },
      dataPath: { kind: 'ipvs', detail: 'ip_vs 1.2.1, 4096 buckets' },
      checkSpec: (value) => value as ServiceSpec,
      configFile: () => undefined,
      doctor: () => Promise.resolve([]),
    });
  }

  async start(): Promise<this> {
    await this.controller.start();
    await this.clock.advance(0);
    return this;
  }

  /** Waits for a change and for the pass that follows it. */
  async run<T>(change: Promise<T>): Promise<T> {
    change.catch(() => undefined);
    await this.clock.advance(0);
    const result = await change;
    await this.clock.advance(0);
    return result;
  }

  /** Sets services of the API. */
  apply(...services: readonly ServiceSpec[]): Promise<unknown> {
    return this.run(this.controller.submit({ source: 'api', set: services, remove: [] }));
  }

  remove(name: string, now = false): Promise<unknown> {
    return this.run(this.backend.remove({ name, now }));
  }

  /** Drains and returns what is reported of it, as text. */
  async drain(request: DrainRequest): Promise<string[]> {
    const reports: string[] = [];
    await this.run(
      this.backend.drain(request, (progress) => void reports.push(formatProgress(progress))),
    );
    return reports;
  }

  /** The Ops tried since the last call. */
  takeOps(): string[] {
    return this.kernel.applied.splice(0).map(formatOp);
  }

  /** Follows the feed from now on. */
  watch(): void {
    this.backend.watch(undefined, (event) => this.events.push(formatEvent(event)));
    this.events.splice(0);
  }

  takeEvents(): string[] {
    return this.events.splice(0);
  }

  /** How many connections the destination holds, in every service of port 80. */
  setOpen(vip: string, server: string, active: number): void {
    const match = { protocol: 'tcp', address: vip, port: 80 } as const;
    this.kernel.setDestinationCounters(match, `${server}:80`, { active });
  }

  /** What the kernel holds of the virtual services, one line per destination. */
  destinations(): string[] {
    return [...this.kernel.rules.values()].flatMap((rule) =>
      rule.kind === 'virtual-service'
        ? rule.destinations.map(({ address, weight }) => `${address} weight=${weight}`)
        : [],
    );
  }

  private recorder(): Log {
    const record =
      (level: string) =>
      (context: object, message: string): void => {
        const service = 'service' in context ? `${String(context.service)}: ` : '';
        this.log.push(`${level} ${service}${message}`);
      };
    return {
      debug: record('debug'),
      info: record('info'),
      warn: record('warn'),
      error: record('error'),
    };
  }
}

/** `web vip=10.96.0.1` and servers `10.0.0.11 weight=2`; port 80/tcp, round robin. */
export function spec(text: string, ...servers: readonly string[]): ServiceSpec {
  const port = text.includes('port=') ? '' : ' port=80/tcp';
  return parseService(`service ${text}${port}`, servers);
}

function formatProgress({ phase, connections, remainingMs, destinations }: DrainProgress): string {
  const open = destinations.map((d) => `${d.name}=${d.connections}`).join(' ');
  return `${phase} ${connections} in ${remainingMs} ms: ${open}`;
}

function formatEvent(event: WatchEvent): string {
  if (event.type === 'snapshot') return 'snapshot';
  if (event.type === 'removed') return `removed ${event.name}`;
  const { service } = event;
  const words = [
    `set ${service.spec.name}`,
    service.programmed ? 'programmed' : 'pending',
    ...(service.withheld === undefined ? [] : ['withheld']),
    ...service.destinations.map((d) => `${d.name}=${d.effectiveWeight}`),
  ];
  return words.join(' ');
}
