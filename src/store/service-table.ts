import { MeshError } from '../base/index.js';
import { familyOf, type Family, type Service, type ServiceSpec } from '../model/index.js';
import { Claims, listenersOf, type Listener } from './claims.js';
import { chosenPorts, choosePorts, givenPorts, type ChosenPort } from './published-ports.js';
import { sameService } from './same-service.js';
import { withDrained } from './with-drained.js';
import type {
  MeshRequest,
  Prepared,
  ServiceEntry,
  TableChange,
  TableRequest,
  YieldedService,
} from './table-change.js';
import type { VipPool } from './vip-pool.js';

/**
 * Every service of this host by name, with revisions. Changing it takes two steps, so that the
 * caller can write the change to disk in between: `prepare` decides and may refuse, `commit`
 * cannot fail.
 */
export class ServiceTable {
  private readonly entries = new Map<string, ServiceEntry>();
  private readonly listeners = new Map<Listener, string>();
  /** VIP -> names of the services that have it. */
  private readonly holders = new Map<string, Set<string>>();
  /** VIPs given from the pools earlier, to be given again: by service, and by VIP. */
  private readonly remembered = new Map<string, readonly string[]>();
  private readonly rememberedFor = new Map<string, string>();
  private readonly rememberedPorts = new Map<string, readonly ChosenPort[]>();
  /** Service -> addresses of destinations that were told to drain. */
  private readonly drained = new Map<string, ReadonlySet<string>>();
  /** Asked for here, but another node's has the name or the VIP. */
  private readonly yieldedByName = new Map<string, YieldedService>();
  private current = 0;

  /** `networkPool`: of the VIPs on a network; undefined while the network is not known. */
  constructor(
    private readonly pool: VipPool,
    private readonly networkPool: (network: string) => VipPool | undefined = () => undefined,
  ) {}

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

  /** `name` gets them again for ports that it leaves to us, unless somebody has them by then. */
  rememberPorts(name: string, ports: readonly ChosenPort[]): void {
    this.rememberedPorts.set(name, ports);
  }

  get yielded(): ReadonlyMap<string, YieldedService> {
    return this.yieldedByName;
  }

  drainedOf(name: string): ReadonlySet<string> {
    return this.drained.get(name) ?? new Set();
  }

  /**
   * Errors: invalid_argument (a name twice), failed_precondition (a service of the other source or
   * of another node, or no pool), conflict (revision, VIP or port), not_found (removal),
   * resource_exhausted (pools).
   */
  prepare(request: TableRequest): Prepared {
    const { source } = request;
    const names = namesOf(request);
    const yielded = this.yieldedAfter(request, names);
    const leaving = this.leaving(request, names).filter((name) => !yielded.has(name));
    this.checkOwners(request, [...names, ...leaving]);
    const set = request.set.filter(({ name }) => !yielded.has(name));
    const claims = new Claims(this.listeners, this.holders, [
      ...set.map(({ name }) => name),
      ...leaving,
    ]);
    const revision = this.current + 1;
    const entries = this.settle(set, claims).map((service, i): ServiceEntry => {
      return { spec: set[i]!, source, revision, service };
    });
    return this.prepared(entries, leaving, yielded);
  }

  /** Errors: conflict, when it was settled without what this table holds by now; not_found. */
  prepareMesh(request: MeshRequest): Prepared {
    const yielded = new Map<string, YieldedService | undefined>();
    for (const { name, reason } of request.yield) {
      const before = this.yieldedByName.get(name) ?? this.entries.get(name);
      if (before === undefined || before.source === 'mesh') throw notFound(name);
      yielded.set(name, { spec: before.spec, source: before.source, reason });
    }
    const restored = request.restore.flatMap((name) => this.yieldedByName.get(name) ?? []);
    for (const { spec } of restored) yielded.set(spec.name, undefined);
    const set = new Set(request.set.map(({ service }) => service.name));
    const gone = request.remove.filter((name) => this.entries.get(name)?.source === 'mesh');
    const gaveWay = request.yield.map(({ name }) => name).filter((name) => this.entries.has(name));
    const leaving = [...gone, ...gaveWay].filter((name) => !set.has(name));
    const specs = restored.map(({ spec }) => spec);
    const moving = [...set, ...specs.map(({ name }) => name), ...leaving];
    const claims = new Claims(this.listeners, this.holders, moving);
    for (const { service } of request.set) claims.claim(service, service.vips);
    const revision = this.current + 1;
    const entries = [
      ...request.set.map(({ service, owner }): ServiceEntry => {
        return { spec: service, source: 'mesh', owner, revision, service };
      }),
      ...this.settle(specs, claims).map((service, i): ServiceEntry => {
        return { spec: specs[i]!, source: restored[i]!.source, revision, service };
      }),
    ];
    return this.prepared(entries, leaving, yielded);
  }

  private prepared(
    entries: readonly ServiceEntry[],
    leaving: readonly string[],
    yielded: Prepared['yielded'],
  ): Prepared {
    const changes = [
      ...entries.map((after) => this.changeTo(after)),
      ...leaving.map((name): TableChange => {
        return { name, change: 'removed', before: this.entries.get(name)! };
      }),
    ];
    const changed = yielded.size > 0 || changes.some(({ change }) => change !== 'unchanged');
    return { revision: changed ? this.current + 1 : this.current, changes, yielded };
  }

  /** Of the services that gave way, those that `request` changes or removes. */
  private yieldedAfter(
    { source, set, remove }: TableRequest,
    names: ReadonlySet<string>,
  ): Map<string, YieldedService | undefined> {
    const after = new Map<string, YieldedService | undefined>();
    for (const spec of set) {
      const before = this.yieldedByName.get(spec.name);
      if (before?.source === source) after.set(spec.name, { ...before, spec });
    }
    for (const [name, before] of this.yieldedByName) {
      const isLeaving = remove === 'others' ? !names.has(name) : remove.includes(name);
      if (isLeaving && before.source === source) after.set(name, undefined);
    }
    return after;
  }

  /** Destinations of `name` that are to drain from now on, or none any more. */
  prepareDrain(name: string, drained: ReadonlySet<string>): Prepared {
    const before = this.entries.get(name);
    if (before === undefined) throw notFound(name);
    const service = withDrained(before.spec, before.service, drained);
    const revision = this.current + 1;
    const change = this.changeTo({ ...before, revision, service });
    return {
      revision: change.change === 'unchanged' ? this.current : revision,
      changes: [change],
      yielded: new Map(),
    };
  }

  /**
   * Services of this node on a network that is another than before get the VIPs that it has for
   * them. Errors: resource_exhausted.
   */
  prepareNetwork(network: string): Prepared {
    const before = [...this.entries.values()].filter(({ spec, source }) => {
      return spec.network === network && source !== 'mesh' && isPooled(spec);
    });
    const specs = before.map(({ spec }) => spec);
    const moving = specs.map(({ name }) => name);
    const claims = new Claims(this.listeners, this.holders, moving);
    const revision = this.current + 1;
    const entries = this.settle(specs, claims).map((service, i): ServiceEntry => {
      return { ...before[i]!, revision, service };
    });
    return this.prepared(entries, [], new Map());
  }

  commit(prepared: Prepared): void {
    this.current = prepared.revision;
    for (const { change, before } of prepared.changes) {
      if (change !== 'unchanged' && before !== undefined) this.forget(before);
    }
    for (const { change, after } of prepared.changes) {
      if (change !== 'unchanged' && after !== undefined) this.note(after);
    }
    for (const [name, service] of prepared.yielded) {
      if (service === undefined) this.yieldedByName.delete(name);
      else this.yieldedByName.set(name, service);
    }
  }

  private leaving(request: TableRequest, kept: ReadonlySet<string>): string[] {
    if (request.remove !== 'others') {
      for (const name of request.remove) {
        if (!this.entries.has(name) && !this.yieldedByName.has(name)) throw notFound(name);
      }
      return [...request.remove];
    }
    return [...this.entries.values()]
      .filter(({ spec, source }) => source === request.source && !kept.has(spec.name))
      .map(({ spec }) => spec.name);
  }

  private checkOwners(request: TableRequest, names: readonly string[]): void {
    for (const name of names) {
      const yielded = this.yieldedByName.get(name);
      const entry = yielded?.source === request.source ? undefined : this.entries.get(name);
      if (entry !== undefined && entry.source !== request.source && !this.agrees(entry, request)) {
        throw new MeshError('failed_precondition', `service ${name}: belongs to ${ownerOf(entry)}`);
      }
      const expected = request.expectedRevisions?.get(name);
      const actual = entry?.revision ?? 0;
      if (expected !== undefined && expected !== actual) {
        const problem = `expected revision ${expected}, it is at ${actual}`;
        throw new MeshError('conflict', `service ${name}: ${problem}`);
      }
    }
  }

  /** Hosts of a mesh may have one file: who asks for the same as another node is not in its way. */
  private agrees({ spec, source, service }: ServiceEntry, { set }: TableRequest): boolean {
    const wanted = set.find(({ name }) => name === spec.name);
    if (source !== 'mesh' || wanted === undefined) return false;
    const vips = wanted.vips.length === 0 ? service.vips : wanted.vips;
    const publish = choosePorts(wanted, service.publish, () => true);
    return sameService({ ...wanted, vips, publish }, service);
  }

  /** Given VIPs first, then those that services had before; what is new stands in no one's way. */
  private settle(specs: readonly ServiceSpec[], claims: Claims): Service[] {
    const settled = new Map<string, Service>();
    const settleOne = (spec: ServiceSpec, vips: readonly string[]): void => {
      const publish = this.choosePorts(spec, claims);
      claims.claim({ ...spec, publish }, vips);
      settled.set(spec.name, withDrained(spec, { vips, publish }, this.drainedOf(spec.name)));
    };
    for (const spec of specs) claims.claim(givenPorts(spec), []);
    const pooled = specs.filter(isPooled);
    for (const spec of specs) if (!isPooled(spec)) settleOne(spec, spec.vips);
    const kept = pooled.map((spec) => this.keepVips(spec, claims));
    pooled.forEach((spec, i) => settleOne(spec, this.chooseVips(spec, kept[i]!, claims)));
    return specs.map(({ name }) => settled.get(name)!);
  }

  /** Of the VIPs that a service has or had, those it may keep; shared ones as long as ports allow. */
  private keepVips(spec: ServiceSpec, claims: Claims): string[] {
    const families = this.familiesOf(spec);
    const pool = this.poolOf(spec);
    const before =
      this.entries.get(spec.name)?.service.vips ?? this.remembered.get(spec.name) ?? [];
    const kept = before.filter((vip) => {
      if (!families.includes(familyOf(vip)) || pool?.contains(vip) === false) return false;
      const isOurs = this.rememberedFor.get(vip) === spec.name;
      return !claims.isTaken(vip) || (isOurs && claims.isFree(spec, vip));
    });
    claims.take(kept);
    return kept;
  }

  private chooseVips(spec: ServiceSpec, kept: readonly string[], claims: Claims): string[] {
    const pool = this.poolOf(spec);
    // It gets the others when its network is known.
    if (pool === undefined) return [...kept];
    const isOthers = (vip: string): boolean =>
      (this.rememberedFor.get(vip) ?? spec.name) !== spec.name;
    return this.familiesOf(spec).map(
      (family) =>
        kept.find((vip) => familyOf(vip) === family) ??
        pool.choose(spec.name, family, (vip) => claims.isTaken(vip), isOthers),
    );
  }

  private choosePorts(spec: ServiceSpec, claims: Claims): Service['publish'] {
    const held = this.entries.get(spec.name)?.service.publish ?? [];
    const before = [...held, ...(this.rememberedPorts.get(spec.name) ?? [])];
    return choosePorts(spec, before, (port) => claims.isFreePort(spec.name, port));
  }

  private poolOf({ network }: ServiceSpec): VipPool | undefined {
    return network === undefined ? this.pool : this.networkPool(network);
  }

  private familiesOf(spec: ServiceSpec): Family[] {
    const own = spec.network === undefined ? undefined : this.networkPool(spec.network);
    if (own !== undefined) return ([4, 6] as const).filter((family) => own.hasFamily(family));
    const families = new Set(spec.destinations.map(({ address }) => familyOf(address)));
    if (families.size === 0) {
      // Nobody to ask: it stays as it is.
      const before = this.entries.get(spec.name)?.service.vips ?? this.remembered.get(spec.name);
      for (const vip of before ?? []) families.add(familyOf(vip));
    }
    if (families.size > 0 || spec.network !== undefined) return [...families].sort();
    return this.pool.hasFamily(4) || !this.pool.hasFamily(6) ? [4] : [6];
  }

  private changeTo(after: ServiceEntry): TableChange {
    const { name } = after.spec;
    const before = this.entries.get(name);
    if (before === undefined) return { name, change: 'created', after };
    const text = ({ spec, service, source, owner }: ServiceEntry): string =>
      JSON.stringify([spec, service, source, owner]);
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
    const chosen = chosenPorts(entry.spec, service);
    if (chosen.length > 0) this.rememberPorts(service.name, chosen);
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

/** Whether its VIPs are for us to choose. */
function isPooled({ vips, endpointMode }: ServiceSpec): boolean {
  return vips.length === 0 && endpointMode === 'vip';
}

function ownerOf({ source, owner }: ServiceEntry): string {
  if (source === 'mesh') return `node ${owner!}`;
  return source === 'file' ? 'the configuration file' : 'the API';
}

function notFound(name: string): MeshError {
  return new MeshError('not_found', `service ${name}: not found`);
}
