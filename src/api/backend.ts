import type { Connection, Counters, DataPath } from '../kernel/index.js';
import type { Protocol, ServiceSpec } from '../model/index.js';
import type { MeshControl } from './mesh-control.js';
import type { NamesControl } from './names-control.js';
import type { NetworkControl } from './network-control.js';

/**
 * What the mesh API serves: the daemon as its callers see it, in terms of the model.
 *
 * Implemented by the daemon and, in tests, by a fake in memory. Every method rejects with a
 * MeshError; its code becomes the gRPC status (status.ts). Answers are the caller's to keep and
 * nobody's to change. Times named `...AtMs` are milliseconds since the Unix epoch.
 */
export interface MeshBackend {
  /** The other nodes; absent on a host that stands alone. */
  readonly mesh?: MeshControl | undefined;
  /** Networks that span hosts; absent as `mesh`. */
  readonly networks?: NetworkControl | undefined;
  /** How names are answered; absent where they are not. */
  readonly names?: NamesControl | undefined;

  version(): Promise<Version>;
  status(): Promise<Status>;

  /** Every service, by name. */
  services(): Promise<readonly ServiceState[]>;
  /** Errors: not_found. */
  service(name: string): Promise<ServiceState>;

  /**
   * Makes the services as given, all or none. With `dryRun` nothing changes and `plan` says what
   * would. Errors: invalid_argument (FieldError: `services[2].ports[0].port`), conflict (a revision
   * is not the expected one), failed_precondition (a service belongs to the configuration file),
   * resource_exhausted (no address left in a pool).
   */
  apply(request: ApplyRequest): Promise<ApplyResult>;

  /** Removes one service of the API. Errors: not_found, conflict, failed_precondition. */
  remove(request: RemoveRequest): Promise<RemoveResult>;

  /**
   * Takes new connections away from one destination, or all of a service, and lets the open ones
   * finish. Resolves when the drain is decided and under way; then `report` is called with the
   * progress at least every few seconds, last with a phase other than `draining`. The returned
   * function ends the reports, never the drain. A second drain of the same only moves the deadline.
   * A drained destination takes none until `cancelDrain`, whatever `apply` says; connections that are
   * left at the deadline are cut. Errors: not_found.
   */
  drain(request: DrainRequest, report: (progress: DrainProgress) => void): Promise<() => void>;

  /** Gives drained destinations their weight back. Errors: not_found, failed_precondition. */
  cancelDrain(target: DrainTarget): Promise<void>;

  /**
   * Calls `listener` with what happened after `from`, then with every change as it happens, in
   * order. Without `from`, or when it is too old or of another instance, begins with a snapshot.
   * Calls may come before `watch` returns. The returned function ends the calls. `ServiceFeed`
   * implements it.
   */
  watch(from: WatchPosition | undefined, listener: (event: WatchEvent) => void): () => void;

  /** Counters of all virtual services, or of those of one service. Errors: not_found. */
  traffic(service?: string): Promise<Traffic>;

  /** Open connections, at most `limit`. Errors: not_found (service, or destination of it). */
  connections(query: ConnectionsQuery): Promise<ConnectionList>;

  /** What a repair would do now, and what it would leave alone. */
  plan(): Promise<Plan>;

  /** The way of a packet through the rules. */
  explain(query: ExplainQuery): Promise<Explanation>;

  /** The latest drift, newest first. */
  drift(limit: number): Promise<readonly DriftRecord[]>;

  /** Examines the host for what keeps the mesh from working. */
  doctor(): Promise<readonly DoctorCheck[]>;
}

export interface Version {
  /** Of the daemon: `0.1.0`. */
  readonly version: string;
  /** Of Node.js: `v20.19.0`. */
  readonly node: string;
  /** `uname -r`. */
  readonly kernel: string;
}

export interface Status {
  readonly version: string;
  /** Names one run of the daemon; positions of a watch are valid only within it. */
  readonly instance: string;
  readonly uptimeMs: number;
  /** `host`, or the path of a network namespace. */
  readonly sandbox: string;
  /** Grows with every change of what is asked for. */
  readonly revision: number;
  readonly services: number;
  readonly destinations: number;
  /** Services that are not in the kernel because they conflict with something. */
  readonly withheld: number;
  readonly dataPath: DataPath;
  /** Absent until the first pass has ended. */
  readonly reconcile?: ReconcileSummary;
  readonly drift: DriftTotals;
  /** Absent when the daemon runs without a configuration file. */
  readonly config?: ConfigFileState;
}

export interface ReconcileSummary {
  readonly atMs: number;
  readonly durationMs: number;
  /** Ops the last pass applied; 0 = the kernel held everything already. */
  readonly ops: number;
  /** The first failure of the last pass. */
  readonly error?: string;
}

/** Since the daemon started. Unit: rules. */
export interface DriftTotals {
  readonly detected: number;
  readonly repaired: number;
  readonly lastAtMs?: number;
}

export interface ConfigFileState {
  readonly path: string;
  /** When the contents now in force were read; absent when none ever was. */
  readonly loadedAtMs?: number;
  /** Why the newest contents are not in force. */
  readonly error?: string;
}

/** Who asked for a service, and so who may change it; `mesh`: another node did. */
export type ServiceSource = 'file' | 'api' | 'mesh';

export interface ServiceState {
  readonly spec: ServiceSpec;
  /** In force: those of the spec, or what the pools gave. Empty while none could be given. */
  readonly vips: readonly string[];
  /** The table's revision at which this spec came into force. */
  readonly revision: number;
  readonly source: ServiceSource;
  /** The node that asked for it, with source `mesh`. */
  readonly owner?: string;
  /** The kernel was seen to hold all rules of this revision. */
  readonly programmed: boolean;
  /** Why the service is kept out of the kernel: `10.96.0.1 is an address of eth0`. */
  readonly withheld?: string;
  /** As in the spec, in its order. */
  readonly destinations: readonly DestinationState[];
}

export interface DestinationState {
  readonly name: string;
  readonly address: string;
  /** As asked for. */
  readonly weight: number;
  /** In force: 0 while unhealthy or draining. */
  readonly effectiveWeight: number;
  readonly draining: boolean;
  readonly health: Health;
  /** Why the last check failed: `connect: connection refused`. */
  readonly healthCause?: string;
}

/** `unchecked`: the service has no health check. `unknown`: too few results so far. */
export type Health = 'healthy' | 'unhealthy' | 'unknown' | 'unchecked';

export interface ApplyRequest {
  /** Unchecked; each in the shape of an entry of `services` in the configuration file. */
  readonly services: readonly unknown[];
  /** Services of the API that are not given are removed. */
  readonly replaceAll: boolean;
  readonly dryRun: boolean;
  /** The table's revision the caller has seen. */
  readonly expectedRevision?: number;
  /** By service name, the service's revision the caller has seen; 0 = it must not exist. */
  readonly expectedRevisions: ReadonlyMap<string, number>;
}

export interface ApplyResult {
  /** Of the table, after the change (with dryRun: now). */
  readonly revision: number;
  /** One per service given or removed. */
  readonly changes: readonly ServiceChange[];
  /** With dryRun only. */
  readonly plan?: Plan;
}

export interface ServiceChange {
  readonly name: string;
  readonly change: 'created' | 'updated' | 'removed' | 'unchanged';
  /** VIPs in force; those it had when removed. */
  readonly vips: readonly string[];
}

export interface RemoveRequest {
  readonly name: string;
  readonly expectedRevision?: number;
  /** Cuts open connections instead of letting them finish for the spec's `drainDeadlineMs`. */
  readonly now: boolean;
}

export interface RemoveResult {
  readonly revision: number;
}

export interface DrainTarget {
  readonly service: string;
  /** Name or address of a destination; absent = all of them. */
  readonly destination?: string;
}

export interface DrainRequest extends DrainTarget {
  /** Absent = `drainDeadlineMs` of the spec. Unit: milliseconds from now. */
  readonly deadlineMs?: number;
}

export interface DrainProgress {
  /** `finished`: no connection is left. `deadline`: those left were cut. */
  readonly phase: 'draining' | 'finished' | 'deadline' | 'cancelled';
  readonly connections: number;
  /** Until the deadline. */
  readonly remainingMs: number;
  readonly destinations: readonly { readonly name: string; readonly connections: number }[];
}

/** A place in the sequence of changes of one run of the daemon. */
export interface WatchPosition {
  readonly instance: string;
  /** Grows by 1 with every change of any service, of its spec or of its state. */
  readonly sequence: number;
}

/** `snapshot` replaces all that the watcher knew. */
export type WatchEvent = { readonly position: WatchPosition } & (
  | { readonly type: 'snapshot'; readonly services: readonly ServiceState[] }
  | { readonly type: 'set'; readonly service: ServiceState }
  | { readonly type: 'removed'; readonly name: string }
);

export interface Traffic {
  readonly atMs: number;
  readonly services: readonly ServiceTraffic[];
}

/** One virtual service in the kernel: a service has one per VIP and port. */
export interface ServiceTraffic extends Counters {
  readonly service: string;
  /** `10.96.0.1:80/tcp`. */
  readonly listen: string;
  readonly destinations: readonly DestinationTraffic[];
}

export interface DestinationTraffic extends Counters {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** Established connections. */
  readonly active: number;
  /** Connections in every other state, and UDP flows. */
  readonly inactive: number;
  /** Affinity templates. */
  readonly persistent: number;
}

export interface ConnectionsQuery {
  readonly service?: string;
  /** Name or address. */
  readonly destination?: string;
  /** Address or prefix of clients. */
  readonly client?: string;
  readonly limit: number;
}

export interface ConnectionList {
  readonly connections: readonly NamedConnection[];
  /** There are more than the limit allowed. */
  readonly truncated: boolean;
}

export interface NamedConnection extends Connection {
  /** Absent for connections of virtual services that are not ours. */
  readonly service?: string;
  readonly destinationName?: string;
}

export interface Plan {
  readonly ops: readonly PlannedOp[];
  /** IPVS virtual services that are not ours, as text; never touched. */
  readonly foreign: readonly string[];
}

export interface PlannedOp {
  /** `formatOp`. */
  readonly text: string;
  /** Absent for what belongs to no single service, such as a sysctl. */
  readonly service?: string;
  /** Open connections that it would cut. */
  readonly cutsConnections: number;
}

export interface ExplainQuery {
  /** Canonical addresses, of one family. */
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly protocol: Protocol;
}

export interface Explanation {
  readonly steps: readonly ExplainStep[];
  readonly outcome: {
    /**
     * `balanced`: goes to one of `destinations`. `refused`: ours, but nobody takes it.
     * `passed`: none of our rules cares.
     */
    readonly verdict: 'balanced' | 'refused' | 'passed';
    readonly text: string;
    readonly destinations: readonly string[];
  };
}

export interface ExplainStep {
  /**
   * What the step is about: call, arrival, clients, service, destination, bound, way, sandbox, entry,
   * listener, answer, egress, silence, end. Others may follow.
   */
  readonly kind: string;
  /** `virtual service web`. */
  readonly title: string;
  readonly detail: string;
  /** Where it happens; absent on a host that stands alone. */
  readonly node?: string;
  /** Absent = the host's own, else the name of the task whose it is. */
  readonly task?: string;
  /** `formatRule` of the rules that it meets, one a line. */
  readonly rule?: string;
  /** What the kernel has of these rules: `holds`, `lacks`, `differs`. */
  readonly kernel?: string;
  /** `10.0.0.11:80`, of a step about a destination. */
  readonly destination?: string;
  readonly counters?: Counters;
}

/** One pass that found the kernel changed behind our back. */
export interface DriftRecord {
  readonly atMs: number;
  readonly rules: readonly DriftedRule[];
  readonly repaired: boolean;
  /** Why it could not be repaired. */
  readonly error?: string;
}

export interface DriftedRule {
  readonly difference: 'missing' | 'changed' | 'unexpected';
  /** `formatRule` or `ruleKey`. */
  readonly rule: string;
}

export interface DoctorCheck {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  /** What was found. */
  readonly cause: string;
  /** What to do about it: a command where there is one. Empty when all is well. */
  readonly fix: string;
}
