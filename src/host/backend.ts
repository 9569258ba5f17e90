import type {
  ApplyRequest,
  ApplyResult,
  ConfigFileState,
  ConnectionList,
  ConnectionsQuery,
  DoctorCheck,
  DrainProgress,
  DrainRequest,
  DrainTarget,
  DriftRecord,
  ExplainQuery,
  Explanation,
  MeshBackend,
  MeshControl,
  NamesControl,
  NetworkControl,
  Plan,
  ReconcileSummary,
  RemoveRequest,
  RemoveResult,
  ServiceState,
  Status,
  Traffic,
  Version,
  WatchEvent,
  WatchPosition,
} from '../api/index.js';
import { ServiceFeed } from '../api/index.js';
import { MeshError, type Clock } from '../base/index.js';
import type { DataPath, Kernel } from '../kernel/index.js';
import { ruleKey, type ServiceSpec, type VirtualServiceMatch } from '../model/index.js';
import type { PassReport } from '../reconcile/index.js';
import type { Prepared, ServiceEntry, ServiceTable } from '../store/index.js';
import type { HostController } from './controller.js';
import { Drains } from './drains.js';
import { DriftLog } from './drift-log.js';
import type { ExplainSources } from './explain-host.js';
import { answerExplain, explainAcross, type ExplainMesh } from './explain-walk.js';
import type { HealthView } from './health-view.js';
import { describePlan } from './plan.js';
import { serviceState, yieldedState } from './service-state.js';
import { TrafficView } from './traffic.js';

export interface HostBackendOptions {
  readonly controller: HostController;
  readonly table: ServiceTable;
  readonly kernel: Kernel;
  readonly health: HealthView;
  readonly clock: Clock;
  /** Names this run of the daemon. */
  readonly instance: string;
  readonly version: Version;
  readonly dataPath: DataPath;
  /** Errors: FieldError. */
  checkSpec(value: unknown, where: string): ServiceSpec;
  configFile(): ConfigFileState | undefined;
  doctor(): Promise<readonly DoctorCheck[]>;
  /** Absent on a host that stands alone. */
  readonly mesh?: MeshControl;
  readonly networks?: NetworkControl;
  /** Absent where names are not answered. */
  readonly names?: NamesControl | undefined;
  readonly explainMesh?: ExplainMesh;
}

/** The mesh API of one host: what callers ask, answered from the controller and the kernel. */
export class HostBackend implements MeshBackend {
  private readonly feed: ServiceFeed;
  private readonly drains: Drains;
  private readonly trafficView: TrafficView;
  private readonly driftLog = new DriftLog();
  private readonly startedAt: number;
  private lastPass: ReconcileSummary | undefined;

  constructor(private readonly options: HostBackendOptions) {
    const { controller, table, kernel, clock } = options;
    this.startedAt = clock.now();
    this.drains = new Drains(controller, table, clock);
    this.trafficView = new TrafficView(
      kernel,
      table,
      () => clock.wallMs(),
      (name) => this.matchesOf(name),
    );
    this.feed = new ServiceFeed(options.instance, () => this.states());
    controller.serviceChanged.add((name) => {
      const state = this.find(name);
      if (state === undefined) this.feed.removed(name);
      else this.feed.set(state);
    });
    controller.passed.add((report) => {
      this.lastPass = summaryOf(report);
      this.driftLog.note(report);
    });
  }

  get mesh(): MeshControl | undefined {
    return this.options.mesh;
  }

  get networks(): NetworkControl | undefined {
    return this.options.networks;
  }

  get names(): NamesControl | undefined {
    return this.options.names;
  }

  version(): Promise<Version> {
    return Promise.resolve(this.options.version);
  }

  status(): Promise<Status> {
    const { table, controller, clock, kernel } = this.options;
    let destinations = 0;
    for (const { service } of table.all()) destinations += service.destinations.length;
    const { lastPass } = this;
    const config = this.options.configFile();
    return Promise.resolve({
      version: this.options.version.version,
      instance: this.options.instance,
      uptimeMs: clock.now() - this.startedAt,
      sandbox: kernel.sandbox,
      revision: table.revision,
      services: table.size,
      destinations,
      withheld: controller.withheldCount + this.yieldedCount(),
      dataPath: this.options.dataPath,
      drift: this.driftLog.totals,
      ...(lastPass === undefined ? {} : { reconcile: lastPass }),
      ...(config === undefined ? {} : { config }),
    });
  }

  services(): Promise<readonly ServiceState[]> {
    return Promise.resolve(this.states());
  }

  service(name: string): Promise<ServiceState> {
    const state = this.find(name);
    if (state !== undefined) return Promise.resolve(state);
    return Promise.reject(new MeshError('not_found', `service ${name}: not found`));
  }

  async apply(request: ApplyRequest): Promise<ApplyResult> {
    const { controller, table } = this.options;
    const specs = request.services.map((value, i) =>
      this.options.checkSpec(value, `services[${i}]`),
    );
    const change = {
      source: 'api' as const,
      set: specs,
      remove: request.replaceAll ? ('others' as const) : [],
      expectedRevisions: request.expectedRevisions,
      ...(request.expectedRevision === undefined
        ? {}
        : { expectedRevision: request.expectedRevision }),
    };
    if (request.dryRun) {
      const prepared = controller.prepare(change);
      const plan = await this.describe(controller.preview(prepared));
      return { ...resultOf(prepared), revision: table.revision, plan };
    }
    return resultOf(await controller.submit(change));
  }

  async remove(request: RemoveRequest): Promise<RemoveResult> {
    const { name, expectedRevision } = request;
    const prepared = await this.options.controller.submit({
      source: 'api',
      set: [],
      remove: [name],
      now: request.now,
      ...(expectedRevision === undefined
        ? {}
        : { expectedRevisions: new Map([[name, expectedRevision]]) }),
    });
    return { revision: prepared.revision };
  }

  drain(request: DrainRequest, report: (progress: DrainProgress) => void): Promise<() => void> {
    return this.drains.drain(request, report);
  }

  cancelDrain(target: DrainTarget): Promise<void> {
    return this.drains.cancel(target);
  }

  watch(from: WatchPosition | undefined, listener: (event: WatchEvent) => void): () => void {
    return this.feed.watch(from, listener);
  }

  traffic(service?: string): Promise<Traffic> {
    return this.trafficView.traffic(service);
  }

  connections(query: ConnectionsQuery): Promise<ConnectionList> {
    return this.trafficView.connections(query);
  }

  async plan(): Promise<Plan> {
    const { ops, foreign } = await this.options.controller.reconciler.plan();
    return this.describe(ops, foreign);
  }

  explain(query: ExplainQuery): Promise<Explanation> {
    const { explainMesh } = this.options;
    return explainAcross(query, this.explainSources, explainMesh);
  }

  /** What another node asks about the way of a packet here. Errors: Error. */
  answerExplain(question: unknown): Promise<unknown> {
    return answerExplain(question, this.explainSources);
  }

  private get explainSources(): ExplainSources {
    const { controller, table, kernel, health, explainMesh: networks } = this.options;
    const own = { controller, table, kernel, health };
    return networks === undefined ? own : { ...own, networks };
  }

  drift(limit: number): Promise<readonly DriftRecord[]> {
    return Promise.resolve(this.driftLog.latest(limit));
  }

  doctor(): Promise<readonly DoctorCheck[]> {
    return this.options.doctor();
  }

  private describe(
    ops: Parameters<typeof describePlan>[0],
    foreign: Parameters<typeof describePlan>[1] = [],
  ): Promise<Plan> {
    const { controller, kernel } = this.options;
    return describePlan(ops, foreign, {
      kernel,
      held: (key) => controller.reconciler.held.get(key),
      serviceOf: (key) => controller.rules.ownerOf(key),
    });
  }

  private states(): ServiceState[] {
    const { table } = this.options;
    const names = new Set([...table.yielded.keys()]);
    for (const { spec } of table.all()) names.add(spec.name);
    return [...names].sort().map((name) => this.find(name)!);
  }

  private find(name: string): ServiceState | undefined {
    const { table } = this.options;
    const entry = table.get(name);
    if (entry !== undefined) return this.state(entry);
    const yielded = table.yielded.get(name);
    return yielded === undefined ? undefined : yieldedState(yielded);
  }

  private state(entry: ServiceEntry): ServiceState {
    const { controller, health } = this.options;
    const { name } = entry.spec;
    return serviceState(entry, {
      programmed: controller.isProgrammed(entry),
      withheld: controller.withheldReason(name),
      health: (address) => health.report(name, address),
      endpoints: controller.networks.endpointsOf(entry.service),
    });
  }

  /** Of those that gave way, the ones that no other node's service of this name stands for. */
  private yieldedCount(): number {
    const { table } = this.options;
    return [...table.yielded.keys()].filter((name) => table.get(name) === undefined).length;
  }

  private matchesOf(service: string): VirtualServiceMatch[] {
    const { rules, reconciler } = this.options.controller;
    // Somebody else's may stand where ours should.
    return rules
      .rulesOf(service)
      .flatMap((rule) =>
        rule.kind === 'virtual-service' && reconciler.held.has(ruleKey(rule)) ? [rule.match] : [],
      );
  }
}

function summaryOf({ atMs, durationMs, ops, error }: PassReport): ReconcileSummary {
  return { atMs, durationMs, ops, ...(error === undefined ? {} : { error }) };
}

function resultOf(prepared: Prepared): ApplyResult {
  return {
    revision: prepared.revision,
    changes: prepared.changes.map(({ name, change, before, after }) => {
      return { name, change, vips: (after ?? before)!.service.vips };
    }),
  };
}
