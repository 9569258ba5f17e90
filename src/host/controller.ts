import { MeshError, type Clock, type Log } from '../base/index.js';
import type { HostAddress, Kernel } from '../kernel/index.js';
import {
  familyOf,
  formatEndpoint,
  ruleKey,
  type Op,
  type Rule,
  type Service,
} from '../model/index.js';
import { Reconciler, Retirement, type PassReport, type Retiree } from '../reconcile/index.js';
import {
  compileBase,
  compilePublished,
  compileService,
  diff,
  RuleTable,
  type IdleTimeouts,
  type OnLink,
} from '../rules/index.js';
import {
  recordsOf,
  type MeshRequest,
  type Prepared,
  type ServiceEntry,
  type ServiceTable,
  type TableRecord,
  type TableRequest,
} from '../store/index.js';
import type { HealthView } from './health-view.js';
import { HostAddresses } from './host-addresses.js';
import { Listeners } from './listeners.js';
import { listenersOf, virtualServiceKeys } from './service-listeners.js';
import { noServiceNetworks, type ServiceNetworks } from './service-networks.js';
import { Standing } from './standing.js';

/** Owner of the rules that belong to no service. */
const baseOwner = '';

export interface HostOptions {
  readonly kernel: Kernel;
  readonly table: ServiceTable;
  readonly health: HealthView;
  readonly clock: Clock;
  readonly log: Log;
  readonly idleTimeouts?: IdleTimeouts;
  readonly reconcile: {
    readonly repairIntervalMs: number;
    readonly repairShareMax: number;
    readonly networkIntervalMs: number;
    readonly retryMinMs: number;
    readonly retryMaxMs: number;
    readonly retireePollMs: number;
    readonly drainDeadlineMs: number;
  };
  /** Writes to the state file; resolves when the records are on disk. */
  persist(records: readonly TableRecord[]): Promise<void>;
}

export type RetirementEvent = Retiree & { readonly end: 'finished' | 'deadline' };

/** A change that callers ask for. */
export interface HostChange extends TableRequest {
  /** The table's revision the caller has seen. */
  readonly expectedRevision?: number;
  /** Cuts open connections of what is removed instead of letting them finish. */
  readonly now?: boolean;
}

/** What shall drain of a service: all of it, by address. */
export interface DrainChange {
  readonly drained: ReadonlySet<string>;
  /** For those it names, whether they begin to drain or do already; else the service's own. */
  readonly deadline?: { readonly ms: number; readonly addresses: ReadonlySet<string> };
}

/**
 * The services of one host, from what is asked for to what the kernel does: joins the table, the
 * health of destinations, the compiler and the reconciler. All changes go through `submit`, one
 * after the other: decided, written to disk, then in force.
 */
export class HostController {
  readonly rules = new RuleTable();
  readonly retirement: Retirement;
  readonly reconciler: Reconciler;
  /** A service's spec or state changed; the name. */
  readonly serviceChanged = new Listeners<string>();
  readonly passed = new Listeners<PassReport>();
  readonly retired = new Listeners<RetirementEvent>();
  private hostAddresses = new HostAddresses([]);
  /** To be set before start. */
  networks: ServiceNetworks = noServiceNetworks;
  /** By name, why the host's own addresses, or its networks, stand against a service. */
  private readonly refused = new Map<string, string>();
  private readonly standing = new Standing(this.rules);
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: HostOptions) {
    const { clock, reconcile, table } = options;
    this.retirement = new Retirement(clock, reconcile.drainDeadlineMs, (retiree, end) => {
      this.retired.emit({ ...retiree, end });
    });
    this.rules.put(baseOwner, compileBase(options.idleTimeouts));
    this.reconciler = new Reconciler({
      ...reconcile,
      kernel: options.kernel,
      table: this.rules,
      retirement: this.retirement,
      clock,
      log: options.log,
      revision: () => table.revision,
      hostAddresses: (addresses) => this.hostAddressesAre(addresses),
      passed: (report) => this.afterPass(report),
    });
    options.health.onChange((service) => this.recompile(service));
  }

  /** The first pass follows; services that are in the table by then are part of it. */
  async start(): Promise<void> {
    const { table, health } = this.options;
    for (const { spec, service, revision } of table.all()) {
      health.put(service);
      this.standing.expect(spec.name, revision);
      // Drains that an earlier run began go on for as long as the service says.
      if (table.drainedOf(spec.name).size > 0) this.setRetiringTime(service, spec.drainDeadlineMs);
    }
    await this.reconciler.start();
  }

  /** Leaves the kernel as it is: forwarding goes on without us. */
  async stop(): Promise<void> {
    await this.queue.catch(() => undefined);
    await this.reconciler.stop();
  }

  /**
   * Errors: conflict (revision), those of ServiceTable.prepare, and of the state file; then nothing
   * has changed.
   */
  submit(request: HostChange): Promise<Prepared> {
    return this.change(
      () => this.prepare(request),
      (prepared) => this.retireFrom(prepared, request.now ?? false),
    );
  }

  /** Errors: as of ServiceTable.prepareMesh; then nothing has changed. */
  submitMesh(request: MeshRequest): Promise<Prepared> {
    return this.change(
      () => this.options.table.prepareMesh(request),
      (prepared) => this.retireFrom(prepared, false),
    );
  }

  /** Decides on a change and leaves it at that. Errors: as of submit. */
  prepare(request: HostChange): Prepared {
    const { table } = this.options;
    const { expectedRevision: expected } = request;
    if (expected !== undefined && expected !== table.revision) {
      const problem = `expected revision ${expected}, the table is at ${table.revision}`;
      throw new MeshError('conflict', problem);
    }
    return table.prepare(request);
  }

  /** The Ops that a prepared change would lead to, drains left out; changes nothing. */
  preview(prepared: Prepared): Op[] {
    const next = new Map<string, Rule>();
    const keys = new Set<string>();
    const changed = prepared.changes.filter(({ change }) => change !== 'unchanged');
    const names = new Set(changed.map(({ name }) => name));
    for (const { name, after } of changed) {
      for (const key of this.rules.rulesOf(name).map(ruleKey)) {
        // What somebody else wants too stays.
        if (this.rules.ownersOf(key).every((owner) => names.has(owner))) keys.add(key);
      }
      for (const rule of after === undefined ? [] : this.compiled(after.service)) {
        next.set(ruleKey(rule), rule);
        keys.add(ruleKey(rule));
      }
    }
    for (const rule of this.reconciler.foreignRules) keys.delete(ruleKey(rule));
    return diff(next, this.reconciler.held, keys);
  }

  /**
   * Sets which destinations of a service drain from now on. `decide` is called in its turn, with
   * what drains by then. Errors: not_found, those of `decide` and of the state file.
   */
  setDrained(
    name: string,
    decide: (entry: ServiceEntry, drained: ReadonlySet<string>) => DrainChange,
  ): Promise<Prepared> {
    const { table } = this.options;
    let decided: DrainChange = { drained: new Set() };
    let earlier: ReadonlySet<string> = new Set();
    const prepare = (): Prepared => {
      const entry = table.get(name);
      if (entry === undefined) throw new MeshError('not_found', `service ${name}: not found`);
      earlier = table.drainedOf(name);
      decided = decide(entry, earlier);
      return table.prepareDrain(name, decided.drained);
    };
    return this.change(prepare, ({ changes }) => {
      const { spec, service } = changes[0]!.before!;
      const begin = [...decided.drained].filter((address) => !earlier.has(address));
      const { ms, addresses } = decided.deadline ?? {
        ms: spec.drainDeadlineMs,
        addresses: new Set(begin),
      };
      this.setDrainDeadline(service, ms, { addresses, earlier });
    });
  }

  /** To be called when a network is another than before: services on it have VIPs there. */
  async networkChanged(network: string): Promise<void> {
    await this.change(
      () => this.options.table.prepareNetwork(network),
      () => undefined,
    );
    this.recompileIf((service) => service.network === network);
  }

  /** To be called when other endpoints than before are on the ingress network. */
  ingressChanged(): void {
    this.recompileIf(({ publish }) => publish.length > 0);
  }

  get onLink(): OnLink {
    return this.hostAddresses.onLink;
  }

  isLocalAddress(address: string): boolean {
    return this.hostAddresses.has(address);
  }

  /** Why the service is kept out of the kernel. */
  withheldReason(name: string): string | undefined {
    return this.refused.get(name) ?? this.standing.blockedReasons.get(name);
  }

  get withheldCount(): number {
    return new Set([...this.refused.keys(), ...this.standing.blockedReasons.keys()]).size;
  }

  /** True when the kernel was seen to hold every rule of this version. */
  isProgrammed({ spec, revision }: ServiceEntry): boolean {
    return !this.refused.has(spec.name) && this.standing.isProgrammed(spec.name, revision);
  }

  private change(
    decide: () => Prepared,
    beforeRules: (prepared: Prepared) => void,
  ): Promise<Prepared> {
    const result = this.queue.then(async () => {
      const prepared = decide();
      const records = recordsOf(prepared);
      if (records.length > 0) await this.options.persist(records);
      this.options.table.commit(prepared);
      beforeRules(prepared);
      this.enforce(prepared);
      return prepared;
    });
    this.queue = result.catch(() => undefined);
    return result;
  }

  private enforce(prepared: Prepared): void {
    for (const { name, change, after } of prepared.changes) {
      if (change === 'unchanged') continue;
      if (after === undefined) {
        this.options.health.remove(name);
        this.rules.put(name, []);
        this.refused.delete(name);
        this.standing.forget(name);
      } else {
        this.options.health.put(after.service);
        this.compile(after.service);
        this.standing.expect(name, after.revision);
      }
      this.serviceChanged.emit(name);
    }
    this.reconciler.poke();
  }

  /** What changed services leave behind may finish, or ends `now`. */
  private retireFrom(prepared: Prepared, now: boolean): void {
    for (const { change, before } of prepared.changes) {
      if (change === 'unchanged' || before === undefined) continue;
      this.setRetiringTime(before.service, now ? 0 : before.spec.drainDeadlineMs);
      if (!now) continue;
      for (const key of virtualServiceKeys(before.service)) this.retirement.endAll(key);
    }
  }

  /** For what retires of a service from now on. */
  private setRetiringTime(service: Service, deadlineMs: number): void {
    for (const key of virtualServiceKeys(service)) this.retirement.setDeadline(key, deadlineMs);
  }

  /** For `addresses`; one that drained `earlier` and has finished has no deadline to move. */
  private setDrainDeadline(
    service: Service,
    deadlineMs: number,
    { addresses, earlier }: Readonly<Record<'addresses' | 'earlier', ReadonlySet<string>>>,
  ): void {
    for (const { key, targetPort, family } of listenersOf(service)) {
      const held = this.reconciler.held.get(key);
      const servers = held?.kind === 'virtual-service' ? held.destinations : [];
      for (const address of addresses) {
        if (familyOf(address) !== family) continue;
        const isHeld = servers.some((d) => d.address === address && d.port === targetPort);
        if (earlier.has(address) && !isHeld) continue;
        this.retirement.setDeadline(key, deadlineMs, formatEndpoint(address, targetPort));
      }
    }
  }

  private recompile(name: string): void {
    const entry = this.options.table.get(name);
    if (entry === undefined) return;
    this.compile(entry.service);
    this.serviceChanged.emit(name);
    this.reconciler.poke();
  }

  private recompileIf(isConcerned: (service: Service) => boolean): void {
    for (const { service } of this.options.table.all()) {
      if (isConcerned(service)) this.compile(service);
    }
    this.reconciler.poke();
  }

  /** Why a service is kept out of the kernel; undefined when it is not. */
  private reasonAgainst(service: Service): string | undefined {
    const problem =
      service.network === undefined ? undefined : this.networks.problemOf(service.network);
    return problem ?? this.hostAddresses.reasonAgainst(service.vips);
  }

  private compile(service: Service): void {
    const { name } = service;
    const reason = this.reasonAgainst(service);
    if (reason === undefined) this.refused.delete(name);
    else {
      if (this.refused.get(name) !== reason) {
        this.options.log.warn({ service: name }, `service withheld: ${reason}`);
      }
      this.refused.set(name, reason);
    }
    this.rules.put(name, this.compiled(service));
  }

  /** No rules for a service that is withheld. */
  private compiled(service: Service): Rule[] {
    if (this.reasonAgainst(service) !== undefined) return [];
    if (service.network !== undefined) {
      return compilePublished(service, this.networks.ingressOf(service.name));
    }
    const { health } = this.options;
    return compileService(service, {
      onLink: this.onLink,
      isHealthy: (name, address) => health.isUsable(name, address),
    });
  }

  private hostAddressesAre(addresses: readonly HostAddress[]): void {
    this.hostAddresses = new HostAddresses(addresses);
    const before = new Map(this.refused);
    for (const { service } of this.options.table.all()) {
      this.compile(service);
      if (this.refused.get(service.name) !== before.get(service.name)) {
        this.serviceChanged.emit(service.name);
      }
    }
  }

  private afterPass(report: PassReport): void {
    for (const name of this.standing.passed(report, this.reconciler.withheld())) {
      if (this.options.table.get(name) !== undefined) this.serviceChanged.emit(name);
    }
    this.passed.emit(report);
  }
}
