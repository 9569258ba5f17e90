import { MeshError } from '../base/index.js';
import {
  familyOf,
  formatMatch,
  type Family,
  type Service,
  type ServiceSpec,
} from '../model/index.js';
import type { VipPool } from './vip-pool.js';

/** Who asked for a service, and so who may change it. */
export type ServiceSource = 'file' | 'api';

export interface ServiceEntry {
  /** As it was asked for. */
  readonly spec: ServiceSpec;
  readonly source: ServiceSource;
  /** The revision of the table at which this version came into force. */
  readonly revision: number;
  /** What the rules are compiled from: VIPs settled, drained destinations marked. */
  readonly service: Service;
}

/** A change to the table: all of it or nothing. */
export interface TableRequest {
  readonly source: ServiceSource;
  readonly set: readonly ServiceSpec[];
  /** Names, or `others`: every service of this source that is not in `set`. */
  readonly remove: readonly string[] | 'others';
  /** By name, the revision the caller has seen; 0 = the service must not exist. */
  readonly expectedRevisions?: ReadonlyMap<string, number>;
}

export interface TableChange {
  readonly name: string;
  readonly change: 'created' | 'updated' | 'removed' | 'unchanged';
  readonly before?: ServiceEntry;
  readonly after?: ServiceEntry;
}

/** A request found good; `commit` makes it true as long as nothing else was committed since. */
export interface Prepared {
  readonly revision: number;
  readonly changes: readonly TableChange[];
}

/**
 * Every service of this host by name, with revisions. Changing it takes two steps, so that the
 * caller can write the change to disk in between: `prepare` decides and may refuse, `commit`
 * cannot fail.
 */
export class ServiceTable {
  private readonly entries = new Map<string, ServiceEntry>();
  /** `10.96.0.1:80/tcp` -> name. */
  private readonly listeners = new Map<string, string>();
  /** VIP -> names of the services that have it. */
  private readonly holders = new Map<string, Set<string>>();
  /** VIPs given from the pools earlier, to be given again. */
  private readonly remembered = new Map<string, readonly string[]>();
  /** Service -> addresses of destinations that were told to drain. */
  private readonly drained = new Map<string, ReadonlySet<string>>();
  private current = 0;

  constructor(private readonly pool: VipPool) {}

  /** Grows by one with every commit that changes something. */
  get revision(): number {
    return this.current;
  }

  get(name: string): ServiceEntry | undefined {
    return this.entries.get(name);
  }

  all(): IterableIterator<ServiceEntry> {
    return this.entries.values();
  }

  get size(): number {
    return this.entries.size;
  }

  /** Which service listens there. */
  listenerOf(match: string): string | undefined {
    return this.listeners.get(match);
  }

  /** The service that has the VIP, when it is one alone. */
  holderOf(vip: string): string | undefined {
    const names = this.holders.get(vip);
    return names?.size === 1 ? names.values().next().value : undefined;
  }

  rememberVips(name: string, vips: readonly string[]): void {
    this.remembered.set(name, vips);
  }

  drainedOf(name: string): ReadonlySet<string> {
    return this.drained.get(name) ?? new Set();
  }

  /**
   * Errors: failed_precondition (a service of the other source, or no pool), conflict (revision,
   * VIP or port), not_found (removal), resource_exhausted (pools).
   */
  prepare(request: TableRequest): Prepared {
    const names = new Set(request.set.map(({ name }) => name));
    const leaving = this.leaving(request, names);
    this.checkOwners(request, [...names, ...leaving]);
    const claims = new Claims(this.listeners, this.holders, new Set([...names, ...leaving]));
    const revision = this.current + 1;
    const entries = this.settle(request.set, claims).map((service, i): ServiceEntry => {
      const spec = request.set[i]!;
      return { spec, source: request.source, revision, service };
    });
    const changes = [
      ...entries.map((after) => this.changeTo(after)),
      ...leaving.map((name): TableChange => {
        return { name, change: 'removed', before: this.entries.get(name)! };
      }),
    ];
    const changed = changes.some(({ change }) => change !== 'unchanged');
    return { revision: changed ? revision : this.current, changes };
  }

  /** Destinations of `name` that are to drain from now on, or none any more. */
  prepareDrain(name: string, drained: ReadonlySet<string>): Prepared {
    const before = this.entries.get(name);
    if (before === undefined) throw notFound(name);
    const service = withDrained(before.spec, before.service.vips, drained);
    const revision = this.current + 1;
    return {
      revision,
      changes: [{ name, change: 'updated', before, after: { ...before, revision, service } }],
    };
  }

  commit(prepared: Prepared): void {
    this.current = prepared.revision;
    for (const { change, before } of prepared.changes) {
      if (change !== 'unchanged' && before !== undefined) this.forget(before);
    }
    for (const { change, after } of prepared.changes) {
      if (change !== 'unchanged' && after !== undefined) this.note(after);
    }
  }

  private leaving(request: TableRequest, kept: ReadonlySet<string>): string[] {
    if (request.remove !== 'others') {
      for (const name of request.remove) if (!this.entries.has(name)) throw notFound(name);
      return [...request.remove];
    }
    return [...this.entries.values()]
      .filter(({ spec, source }) => source === request.source && !kept.has(spec.name))
      .map(({ spec }) => spec.name);
  }

  private checkOwners(request: TableRequest, names: readonly string[]): void {
    for (const name of names) {
      const entry = this.entries.get(name);
      if (entry !== undefined && entry.source !== request.source) {
        const owner = entry.source === 'file' ? 'the configuration file' : 'the API';
        throw new MeshError('failed_precondition', `service ${name}: belongs to ${owner}`);
      }
      const expected = request.expectedRevisions?.get(name);
      const actual = entry?.revision ?? 0;
      if (expected !== undefined && expected !== actual) {
        const problem = `expected revision ${expected}, it is at ${actual}`;
        throw new MeshError('conflict', `service ${name}: ${problem}`);
      }
    }
  }

  /** Given VIPs first, so that nothing from a pool stands in their way. */
  private settle(specs: readonly ServiceSpec[], claims: Claims): Service[] {
    const settled = new Map<string, Service>();
    const settleOne = (spec: ServiceSpec, vips: readonly string[]): void => {
      claims.claim(spec, vips);
      settled.set(spec.name, withDrained(spec, vips, this.drainedOf(spec.name)));
    };
    for (const spec of specs) if (spec.vips.length > 0) settleOne(spec, spec.vips);
    for (const spec of specs) {
      if (spec.vips.length === 0) settleOne(spec, this.chooseVips(spec, claims));
    }
    return specs.map(({ name }) => settled.get(name)!);
  }

  private chooseVips(spec: ServiceSpec, claims: Claims): string[] {
    const before = this.entries.get(spec.name)?.service.vips ?? this.remembered.get(spec.name);
    return this.familiesOf(spec).map((family) => {
      const earlier = before?.find((vip) => familyOf(vip) === family && this.pool.contains(vip));
      if (earlier !== undefined && !claims.isTaken(earlier)) return earlier;
      return this.pool.choose(spec.name, family, (address) => claims.isTaken(address));
    });
  }

  private familiesOf(spec: ServiceSpec): Family[] {
    const families = new Set(spec.destinations.map(({ address }) => familyOf(address)));
    if (families.size > 0) return [...families].sort();
    return this.pool.hasFamily(4) || !this.pool.hasFamily(6) ? [4] : [6];
  }

  private changeTo(after: ServiceEntry): TableChange {
    const { name } = after.spec;
    const before = this.entries.get(name);
    if (before === undefined) return { name, change: 'created', after };
    const same = JSON.stringify(before.service) === JSON.stringify(after.service);
    if (same) return { name, change: 'unchanged', before, after: before };
    return { name, change: 'updated', before, after };
  }

  private forget({ service }: ServiceEntry): void {
    this.entries.delete(service.name);
    this.drained.delete(service.name);
    for (const listener of listenersOf(service)) this.listeners.delete(listener);
    for (const vip of service.vips) {
      const names = this.holders.get(vip);
      names?.delete(service.name);
      if (names?.size === 0) this.holders.delete(vip);
    }
  }

  private note(entry: ServiceEntry): void {
    const { service } = entry;
    this.entries.set(service.name, entry);
    if (entry.spec.vips.length === 0) this.remembered.set(service.name, service.vips);
    for (const listener of listenersOf(service)) this.listeners.set(listener, service.name);
    for (const vip of service.vips) {
      const names = this.holders.get(vip);
      if (names === undefined) this.holders.set(vip, new Set([service.name]));
      else names.add(service.name);
    }
    const drained = service.destinations.filter(({ draining }) => draining);
    if (drained.length > 0) {
      this.drained.set(service.name, new Set(drained.map(({ address }) => address)));
    }
  }
}

/** VIPs and ports as they will be once the services in `moving` have let go of theirs. */
class Claims {
  private readonly newListeners = new Map<string, string>();
  private readonly newVips = new Set<string>();

  constructor(
    private readonly listeners: ReadonlyMap<string, string>,
    private readonly holders: ReadonlyMap<string, ReadonlySet<string>>,
    private readonly moving: ReadonlySet<string>,
  ) {}

  isTaken(vip: string): boolean {
    if (this.newVips.has(vip)) return true;
    for (const name of this.holders.get(vip) ?? []) if (!this.moving.has(name)) return true;
    return false;
  }

  claim(spec: ServiceSpec, vips: readonly string[]): void {
    for (const listener of listenersOf({ ...spec, vips })) {
      const old = this.listeners.get(listener);
      const holder =
        this.newListeners.get(listener) ?? (this.moving.has(old ?? '') ? undefined : old);
      if (holder !== undefined && holder !== spec.name) {
        throw new MeshError(
          'conflict',
          `service ${spec.name}: ${listener} belongs to service ${holder}`,
        );
      }
      this.newListeners.set(listener, spec.name);
    }
    for (const vip of vips) this.newVips.add(vip);
  }
}

function* listenersOf(service: Service): Generator<string> {
  for (const address of service.vips) {
    for (const { protocol, port, count } of service.ports) {
      for (let i = 0; i < count; i++) yield formatMatch({ protocol, address, port: port + i });
    }
  }
}

function withDrained(
  spec: ServiceSpec,
  vips: readonly string[],
  drained: ReadonlySet<string>,
): Service {
  if (drained.size === 0) return { ...spec, vips };
  const destinations = spec.destinations.map((destination) =>
    drained.has(destination.address) ? { ...destination, draining: true } : destination,
  );
  return { ...spec, vips, destinations };
}

function notFound(name: string): MeshError {
  return new MeshError('not_found', `service ${name}: not found`);
}
