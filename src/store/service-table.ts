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
  /** VIPs given from the pools earlier, to be given again: by service, and by VIP. */
  private readonly remembered = new Map<string, readonly string[]>();
  private readonly rememberedFor = new Map<string, string>();
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

  /** The pools give them to `name` again; to others only when they have no more. */
  rememberVips(name: string, vips: readonly string[]): void {
    for (const vip of this.remembered.get(name) ?? []) this.rememberedFor.delete(vip);
    for (const vip of vips) {
      const other = this.rememberedFor.get(vip);
      if (other !== undefined) {
        const left = this.remembered.get(other)!.filter((theirs) => theirs !== vip);
        this.remembered.set(other, left);
        if (left.length === 0) this.remembered.delete(other);
      }
      this.rememberedFor.set(vip, name);
    }
    this.remembered.set(name, vips);
  }

  drainedOf(name: string): ReadonlySet<string> {
    return this.drained.get(name) ?? new Set();
  }

  /**
   * Errors: invalid_argument (a name twice), failed_precondition (a service of the other source,
   * or no pool), conflict (revision, VIP or port), not_found (removal), resource_exhausted (pools).
   */
  prepare(request: TableRequest): Prepared {
    const names = namesOf(request);
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
    const change = this.changeTo({ ...before, revision, service });
    return { revision: change.change === 'unchanged' ? this.current : revision, changes: [change] };
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

  /** Given VIPs first, then those that services had before; what is new stands in no one's way. */
  private settle(specs: readonly ServiceSpec[], claims: Claims): Service[] {
    const settled = new Map<string, Service>();
    const settleOne = (spec: ServiceSpec, vips: readonly string[]): void => {
      claims.claim(spec, vips);
      settled.set(spec.name, withDrained(spec, vips, this.drainedOf(spec.name)));
    };
    const pooled = specs.filter(({ vips }) => vips.length === 0);
    for (const spec of specs) if (spec.vips.length > 0) settleOne(spec, spec.vips);
    const kept = pooled.map((spec) => this.keepVips(spec, claims));
    pooled.forEach((spec, i) => settleOne(spec, this.chooseVips(spec, kept[i]!, claims)));
    return specs.map(({ name }) => settled.get(name)!);
  }

  /** Of the VIPs that a service has or had, those it may keep; shared ones as long as ports allow. */
  private keepVips(spec: ServiceSpec, claims: Claims): string[] {
    const families = this.familiesOf(spec);
    const before =
      this.entries.get(spec.name)?.service.vips ?? this.remembered.get(spec.name) ?? [];
    const kept = before.filter((vip) => {
      if (!families.includes(familyOf(vip)) || !this.pool.contains(vip)) return false;
      const isOurs = this.rememberedFor.get(vip) === spec.name;
      return !claims.isTaken(vip) || (isOurs && claims.isFree(spec, vip));
    });
    claims.take(kept);
    return kept;
  }

  private chooseVips(spec: ServiceSpec, kept: readonly string[], claims: Claims): string[] {
    const isOthers = (vip: string): boolean =>
      (this.rememberedFor.get(vip) ?? spec.name) !== spec.name;
    return this.familiesOf(spec).map(
      (family) =>
        kept.find((vip) => familyOf(vip) === family) ??
        this.pool.choose(spec.name, family, (vip) => claims.isTaken(vip), isOthers),
    );
  }

  private familiesOf(spec: ServiceSpec): Family[] {
    const families = new Set(spec.destinations.map(({ address }) => familyOf(address)));
    if (families.size === 0) {
      // Nobody to ask: it stays as it is.
      const before = this.entries.get(spec.name)?.service.vips ?? this.remembered.get(spec.name);
      for (const vip of before ?? []) families.add(familyOf(vip));
    }
    if (families.size > 0) return [...families].sort();
    return this.pool.hasFamily(4) || !this.pool.hasFamily(6) ? [4] : [6];
  }

  private changeTo(after: ServiceEntry): TableChange {
    const { name } = after.spec;
    const before = this.entries.get(name);
    if (before === undefined) return { name, change: 'created', after };
    const text = ({ spec, service }: ServiceEntry): string => JSON.stringify([spec, service]);
    if (text(before) === text(after)) return { name, change: 'unchanged', before, after: before };
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
    if (entry.spec.vips.length === 0) this.rememberVips(service.name, service.vips);
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

  /** Nobody else gets these from a pool. */
  take(vips: readonly string[]): void {
    for (const vip of vips) this.newVips.add(vip);
  }

  /** True when every port of `spec` is free on `vip`. */
  isFree(spec: ServiceSpec, vip: string): boolean {
    for (const listener of listenersOf({ ...spec, vips: [vip] })) {
      if ((this.holderOf(listener) ?? spec.name) !== spec.name) return false;
    }
    return true;
  }

  /** Errors: conflict. */
  claim(spec: ServiceSpec, vips: readonly string[]): void {
    for (const listener of listenersOf({ ...spec, vips })) {
      const holder = this.holderOf(listener) ?? spec.name;
      if (holder !== spec.name) {
        const problem = `${listener} belongs to service ${holder}`;
        throw new MeshError('conflict', `service ${spec.name}: ${problem}`);
      }
      this.newListeners.set(listener, spec.name);
    }
    this.take(vips);
  }

  private holderOf(listener: string): string | undefined {
    const old = this.listeners.get(listener);
    const stays = old !== undefined && !this.moving.has(old);
    return this.newListeners.get(listener) ?? (stays ? old : undefined);
  }
}

/** The names to be set. Errors: invalid_argument for one named twice. */
function namesOf({ set, remove }: TableRequest): Set<string> {
  const all = new Set<string>();
  const named = [...set.map(({ name }) => name), ...(remove === 'others' ? [] : remove)];
  for (const name of named) {
    if (all.has(name)) throw new MeshError('invalid_argument', `service ${name}: named twice`);
    all.add(name);
  }
  return new Set(set.map(({ name }) => name));
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
