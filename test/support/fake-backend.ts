import {
  ServiceFeed,
  type ApplyRequest,
  type ApplyResult,
  type ConnectionList,
  type ConnectionsQuery,
  type DoctorCheck,
  type DrainProgress,
  type DrainRequest,
  type DrainTarget,
  type DriftRecord,
  type ExplainQuery,
  type Explanation,
  type MeshBackend,
  type MeshControl,
  type NamedConnection,
  type NamesControl,
  type NetworkControl,
  type Plan,
  type RemoveRequest,
  type RemoveResult,
  type ServiceState,
  type ServiceTraffic,
  type Status,
  type Traffic,
  type Version,
  type WatchEvent,
  type WatchPosition,
} from '../../src/api/index.js';
import { MeshError } from '../../src/base/index.js';
import { checkSpec } from '../../src/config/index.js';
import { formatEndpoint } from '../../src/model/index.js';
import { counters, epoch, stateOf } from './fake-states.js';

/** A daemon without a kernel: keeps services in memory and says of all else what it was given. */
export class FakeBackend implements MeshBackend {
  mesh: MeshControl | undefined;
  networks: NetworkControl | undefined;
  names: NamesControl | undefined;
  readonly table = new Map<string, ServiceState>();
  readonly feed = new ServiceFeed('run-1', () => [...this.table.values()]);
  revision = 0;
  /** New services wait for `program` when false. */
  programs = true;
  currentPlan: Plan = { ops: [], foreign: [] };
  checks: readonly DoctorCheck[] = [];
  records: readonly DriftRecord[] = [];
  openConnections: readonly NamedConnection[] = [];
  explanation: Explanation = {
    steps: [],
    outcome: { verdict: 'passed', text: 'none of our rules cares', destinations: [] },
  };
  statusExtras: Partial<Status> = {};
  /** What was asked, for tests of what reaches the daemon. */
  readonly asked: unknown[] = [];
  /** Thrown by every call. */
  failure: Error | undefined;
  drainReport: ((progress: DrainProgress) => void) | undefined;
  drainLeft = 0;
  /** Open watches. */
  watchers = 0;
  onDrain: (report: (progress: DrainProgress) => void) => void = () => undefined;

  set(state: ServiceState): void {
    this.table.set(state.spec.name, state);
    this.feed.set(state);
  }

  program(name: string): void {
    this.set({ ...this.find(name), programmed: true });
  }

  version(): Promise<Version> {
    return this.say({ version: '0.1.0', node: 'v20.19.0', kernel: '6.1.0-18-amd64' });
  }

  status(): Promise<Status> {
    const states = [...this.table.values()];
    return this.say({
      version: '0.1.0',
      instance: 'run-1',
      uptimeMs: 93_784_000,
      sandbox: 'host',
      revision: this.revision,
      services: states.length,
      destinations: states.reduce((sum, state) => sum + state.destinations.length, 0),
      withheld: states.filter((state) => state.withheld !== undefined).length,
      dataPath: { kind: 'ipvs', detail: 'ip_vs 1.2.1, 4096 buckets' },
      drift: { detected: 0, repaired: 0 },
      ...this.statusExtras,
    });
  }

  services(): Promise<readonly ServiceState[]> {
    return this.say([...this.table.values()]);
  }

  async service(name: string): Promise<ServiceState> {
    await this.say(null);
    return this.find(name);
  }

  async apply(request: ApplyRequest): Promise<ApplyResult> {
    this.asked.push(request);
    await this.say(null);
    const specs = request.services.map((service, i) => checkSpec(service, `services[${i}]`));
    for (const [name, revision] of request.expectedRevisions) {
      const now = this.table.get(name)?.revision ?? 0;
      if (now !== revision)
        throw new MeshError(
          'conflict',
          `service ${name}: expected revision ${revision}, is ${now}`,
        );
    }
    const changes = specs.map(({ name }, i) => ({
      name,
      change: this.table.has(name) ? ('updated' as const) : ('created' as const),
      vips: this.table.get(name)?.vips ?? [`10.96.0.${i + 1}`],
    }));
    if (request.dryRun) return { revision: this.revision, changes, plan: this.currentPlan };
    this.revision++;
    specs.forEach((spec, i) => {
      const base = stateOf(spec, { vips: changes[i]!.vips, revision: this.revision });
      this.set({ ...base, source: 'api', programmed: this.programs });
    });
    return { revision: this.revision, changes };
  }

  async remove(request: RemoveRequest): Promise<RemoveResult> {
    this.asked.push(request);
    const state = this.find(request.name);
    await this.say(null);
    if (state.source === 'file') {
      const where = 'belongs to the configuration file';
      throw new MeshError('failed_precondition', `remove service ${request.name}: it ${where}`);
    }
    this.table.delete(request.name);
    this.feed.removed(request.name);
    return { revision: ++this.revision };
  }

  async drain(request: DrainRequest, report: (progress: DrainProgress) => void) {
    this.asked.push(request);
    await this.say(null);
    this.find(request.service);
    this.drainReport = report;
    this.onDrain(report);
    return () => {
      this.drainLeft++;
    };
  }

  async cancelDrain(target: DrainTarget): Promise<void> {
    this.asked.push(target);
    await this.say(null);
    this.find(target.service);
  }

  watch(from: WatchPosition | undefined, listener: (event: WatchEvent) => void): () => void {
    this.watchers++;
    const stop = this.feed.watch(from, listener);
    return () => {
      this.watchers--;
      stop();
    };
  }

  async traffic(service?: string): Promise<Traffic> {
    await this.say(null);
    if (service !== undefined) this.find(service);
    const states = [...this.table.values()].filter(
      ({ spec, programmed }) => programmed && (service === undefined || spec.name === service),
    );
    return { atMs: epoch, services: states.flatMap(trafficOf) };
  }

  connections(query: ConnectionsQuery): Promise<ConnectionList> {
    this.asked.push(query);
    const connections = this.openConnections.filter(
      ({ service }) => query.service === undefined || service === query.service,
    );
    const truncated = connections.length > query.limit;
    return this.say({ connections: connections.slice(0, query.limit), truncated });
  }

  plan(): Promise<Plan> {
    return this.say(this.currentPlan);
  }

  explain(query: ExplainQuery): Promise<Explanation> {
    this.asked.push(query);
    return this.say(this.explanation);
  }

  drift(limit: number): Promise<readonly DriftRecord[]> {
    return this.say(this.records.slice(0, limit));
  }

  doctor(): Promise<readonly DoctorCheck[]> {
    return this.say(this.checks);
  }

  private find(name: string): ServiceState {
    const state = this.table.get(name);
    if (state === undefined) throw new MeshError('not_found', `service ${name}: not found`);
    return state;
  }

  private say<T>(value: T): Promise<T> {
    return this.failure === undefined ? Promise.resolve(value) : Promise.reject(this.failure);
  }
}

function trafficOf({ spec, vips, destinations }: ServiceState): ServiceTraffic[] {
  return vips.flatMap((vip) =>
    spec.ports.map((port) => ({
      service: spec.name,
      listen: `${formatEndpoint(vip, port.port)}/${port.protocol}`,
      ...counters(destinations.length * 100),
      destinations: destinations.map(({ name, address, effectiveWeight }, i) => ({
        name,
        address,
        port: port.targetPort,
        weight: effectiveWeight,
        active: 12 * (i + 1),
        inactive: 3,
        persistent: 0,
        ...counters(100),
      })),
    })),
  );
}
