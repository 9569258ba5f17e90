import type { Clock, Log } from '../base/index.js';
import type { HostAddress, Kernel } from '../kernel/index.js';
import {
  destinationKey,
  ruleKey,
  type Op,
  type Rule,
  type Service,
  type VirtualServiceRule,
} from '../model/index.js';
import { Reconciler, Retirement, type PassReport, type Retiree } from '../reconcile/index.js';
import {
  compileBase,
  compileService,
  diff,
  OnLink,
  RuleTable,
  type IdleTimeouts,
} from '../rules/index.js';
import {
  recordsOf,
  type Prepared,
  type ServiceEntry,
  type ServiceTable,
  type TableRecord,
  type TableRequest,
} from '../store/index.js';
import type { HealthView } from './health-view.js';
import { Listeners } from './listeners.js';

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
  private onLinkNow = new OnLink([]);
  private hostAddresses: readonly HostAddress[] = [];
  private readonly withheldReasons = new Map<string, string>();
  private queue: Promise<unknown> = Promise.resolve();
  private programmedRevision = 0;
  private failedKeys: ReadonlySet<string> = new Set();

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
    for (const entry of this.options.table.all()) this.options.health.put(entry.service);
    await this.reconciler.start();
  }

  /** Leaves the kernel as it is: forwarding goes on without us. */
  async stop(): Promise<void> {
    await this.queue.catch(() => undefined);
    await this.reconciler.stop();
  }

  /** Errors: those of ServiceTable.prepare, and of the state file; then nothing has changed. */
  submit(request: TableRequest & { readonly now?: boolean }): Promise<Prepared> {
    return this.change(() => this.options.table.prepare(request), request.now);
  }

  /** The Ops that a prepared change would lead to, drains left out; changes nothing. */
  preview(prepared: Prepared): Op[] {
    const next = new Map<string, Rule>();
    const keys = new Set<string>();
    for (const { name, change, after } of prepared.changes) {
      if (change === 'unchanged') continue;
      for (const rule of this.rules.rulesOf(name)) {
        if (this.rules.isSoleOwner(ruleKey(rule), name)) keys.add(ruleKey(rule));
      }
      for (const rule of after === undefined ? [] : this.compiled(after.service)) {
        next.set(ruleKey(rule), rule);
        keys.add(ruleKey(rule));
      }
    }
    return diff(next, this.reconciler.held, keys);
  }

  /**
   * Sets which destinations of a service drain from now on. `deadline` holds for those it names,
   * whether they begin to or drain already; absent = the service's own for those that begin to.
   */
  setDrained(
    name: string,
    addresses: ReadonlySet<string>,
    deadline?: { readonly ms: number; readonly addresses: ReadonlySet<string> },
  ): Promise<Prepared> {
    return this.change(() => {
      const prepared = this.options.table.prepareDrain(name, addresses);
      if (deadline !== undefined) this.setDrainDeadline(name, deadline.ms, deadline.addresses);
      return prepared;
    });
  }

  get onLink(): OnLink {
    return this.onLinkNow;
  }

  isLocalAddress(address: string): boolean {
    return this.hostAddresses.some((host) => host.address === address);
  }

  /** Why the service is kept out of the kernel. */
  withheldReason(name: string): string | undefined {
    const reason = this.withheldReasons.get(name);
    if (reason !== undefined) return reason;
    const held = this.reconciler.withheld().find(({ key }) => this.rules.ownerOf(key) === name);
    return held === undefined ? undefined : `${held.key.slice('ipvs '.length)}: ${held.reason}`;
  }

  get withheldCount(): number {
    const names = new Set(this.withheldReasons.keys());
    for (const { key } of this.reconciler.withheld()) names.add(this.rules.ownerOf(key) ?? '');
    return names.size;
  }

  /** True when the kernel holds every rule of this version. */
  isProgrammed(entry: ServiceEntry): boolean {
    if (entry.revision > this.programmedRevision) return false;
    if (this.withheldReasons.has(entry.spec.name)) return false;
    const { failedKeys } = this;
    const blocked = new Set(this.reconciler.withheld().map(({ key }) => key));
    if (failedKeys.size === 0 && blocked.size === 0) return true;
    return this.rules
      .rulesOf(entry.spec.name)
      .map(ruleKey)
      .every((key) => !failedKeys.has(key) && !blocked.has(key));
  }

  private change(decide: () => Prepared, now = false): Promise<Prepared> {
    const result = this.queue.then(async () => {
      const prepared = decide();
      const records = recordsOf(prepared);
      if (records.length > 0) await this.options.persist(records);
      this.options.table.commit(prepared);
      this.enforce(prepared, now);
      return prepared;
    });
    this.queue = result.catch(() => undefined);
    return result;
  }

  private enforce(prepared: Prepared, now: boolean): void {
    for (const { name, change, before, after } of prepared.changes) {
      if (change === 'unchanged') continue;
      if (before !== undefined) {
        this.setDrainDeadlines(name, now ? 0 : before.spec.drainDeadlineMs, now);
      }
      if (after === undefined) {
        this.options.health.remove(name);
        this.rules.put(name, []);
        this.withheldReasons.delete(name);
      } else {
        this.options.health.put(after.service);
        this.compile(after.service);
      }
      this.serviceChanged.emit(name);
    }
    this.reconciler.poke();
  }

  /** For what retires from now on; `now` ends what retires already. */
  private setDrainDeadlines(name: string, deadlineMs: number, now: boolean): void {
    for (const key of this.virtualServicesOf(name)) {
      this.retirement.setDeadline(key, deadlineMs);
      if (now) this.retirement.endAll(key);
    }
  }

  private setDrainDeadline(name: string, deadlineMs: number, addresses: ReadonlySet<string>): void {
    const retirees = [...this.retirement.retirees()];
    for (const key of this.virtualServicesOf(name)) {
      const rule = this.rules.desired.get(key) as VirtualServiceRule;
      // What drains already is not among the destinations asked for.
      const retiring = retirees.filter((retiree) => retiree.key === key);
      for (const destination of [...rule.destinations, ...retiring.map((r) => r.destination)]) {
        if (!addresses.has(destination.address)) continue;
        this.retirement.setDeadline(key, deadlineMs, destinationKey(destination));
      }
    }
  }

  private virtualServicesOf(name: string): string[] {
    return this.rules
      .rulesOf(name)
      .filter(({ kind }) => kind === 'virtual-service')
      .map(ruleKey);
  }

  private recompile(name: string): void {
    const entry = this.options.table.get(name);
    if (entry === undefined) return;
    this.compile(entry.service);
    this.serviceChanged.emit(name);
    this.reconciler.poke();
  }

  private compile(service: Service): void {
    const taken = service.vips
      .map((vip) => this.hostAddresses.find(({ address }) => address === vip))
      .find((host) => host !== undefined);
    if (taken !== undefined) {
      const reason = `${taken.address} is an address of ${taken.device}`;
      this.withheldReasons.set(service.name, reason);
      this.options.log.warn({ service: service.name }, `service withheld: ${reason}`);
      this.rules.put(service.name, []);
      return;
    }
    this.withheldReasons.delete(service.name);
    this.rules.put(service.name, this.compiled(service));
  }

  private compiled(service: Service): Rule[] {
    const { health } = this.options;
    return compileService(service, {
      onLink: this.onLinkNow,
      isHealthy: (name, address) => health.isUsable(name, address),
    });
  }

  private hostAddressesAre(addresses: readonly HostAddress[]): void {
    this.hostAddresses = addresses;
    this.onLinkNow = new OnLink(addresses.filter(({ scope }) => scope === 'global'));
    for (const { service } of this.options.table.all()) this.compile(service);
  }

  private afterPass(report: PassReport): void {
    this.failedKeys = report.failed ?? new Set();
    const before = this.programmedRevision;
    this.programmedRevision = report.revision;
    if (report.revision !== before) {
      for (const { spec, revision } of this.options.table.all()) {
        if (revision > before) this.serviceChanged.emit(spec.name);
      }
    }
    this.passed.emit(report);
  }
}
