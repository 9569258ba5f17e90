import { messageOf, type Clock, type Log } from '../base/index.js';
import type { CatalogChange, CatalogEntry, Watermark } from '../catalog/index.js';
import type { MeshRequest, ServiceEntry, ServiceTable } from '../store/index.js';
import { decodeServiceRow, encodeServiceRow, serviceKey, serviceOfKey } from './service-row.js';
import { meshRequest, settle, type Declaration, type Loser } from './settle.js';

/** What of the host this needs. */
export interface MeshHost {
  readonly table: ServiceTable;
  submitMesh(request: MeshRequest): Promise<{ readonly revision: number }>;
  /** True when the kernel was seen to hold every rule of this version. */
  isProgrammed(entry: ServiceEntry): boolean;
  /** The same of networks, and who is on them. */
  areNetworksProgrammed(): boolean;
}

/** What of the catalog this needs. */
export interface OwnRows {
  put(key: string, value: Uint8Array): void;
  delete(key: string): void;
  applied(watermark: Watermark): void;
}

export interface MeshServicesOptions {
  readonly self: string;
  readonly host: MeshHost;
  readonly rows: OwnRows;
  readonly clock: Clock;
  readonly log: Log;
  /** Of an earlier run: what other nodes asked for, until they say so themselves. */
  readonly remembered: readonly Declaration[];
  /** Of an earlier run: this node's own claims. */
  readonly claims: ReadonlyMap<string, number>;
  /** `remembered` or `claims` would differ by now. */
  changed(): void;
}

/** Changes that come together are settled together. Unit: milliseconds. */
const settleDelayMs = 5;
/** After a change that was refused, which another one may have made possible. */
const retryMs = 2_000;

/**
 * The services of all nodes: tells the others what this one asks for, and brings into force here
 * what they ask for, as settled (settle.ts). What was brought into the kernel is acknowledged.
 */
export class MeshServices {
  private readonly claims: Map<string, number>;
  /** Bytes of the own rows, to tell changes from news without one. */
  private readonly published = new Map<string, string>();
  /** Of others, in service or not yet heard of again: by owner, by name. */
  private readonly others = new Map<string, Map<string, Declaration>>();
  /** Names heard of in this run, by owner. */
  private readonly fresh = new Map<string, Set<string>>();
  /** Owners of whom only an earlier run knows. */
  private readonly unheard = new Set<string>();
  /** Rows that are complete here and not yet in the kernel: by owner and network. */
  private readonly unacknowledged = new Map<string, Watermark>();
  private settlement = settle([]);
  /** The table's revision that the last settlement led to, and that the kernel was seen to follow. */
  private settledRevision = 0;
  private servedRevision = 0;
  /** Something may differ from what the table holds. */
  private isUnsettled = false;
  private planned: (() => void) | undefined;
  private settling: Promise<void> = Promise.resolve();

  constructor(private readonly options: MeshServicesOptions) {
    this.claims = new Map(options.claims);
    for (const declaration of options.remembered) {
      this.declarationsOf(declaration.owner).set(declaration.service.name, declaration);
      this.unheard.add(declaration.owner);
    }
  }

  /**
   * Before the host's first pass: what the earlier run knew of others comes into force at once, so
   * that the kernel need not change.
   */
  restore(): void {
    const { host, self, log } = this.options;
    this.settlement = settle([...this.declarations(), ...this.ownDeclarations()]);
    const request = meshRequest(this.settlement, host.table, self);
    if (request === undefined) return;
    try {
      host.table.commit(host.table.prepareMesh(request));
    } catch (error) {
      log.warn({ err: error }, `services of other nodes not taken over: ${messageOf(error)}`);
    }
  }

  /** Tells of everything that this node asks for. */
  start(): void {
    for (const { spec } of this.options.host.table.all()) this.publish(spec.name);
    for (const name of this.options.host.table.yielded.keys()) this.publish(name);
    this.plan(settleDelayMs);
  }

  stop(): void {
    this.planned?.();
  }

  /** Declarations that give way to others, of any node. */
  get losers(): readonly Loser[] {
    return this.settlement.losers;
  }

  /** What other nodes ask for. */
  declarations(): Declaration[] {
    return [...this.others.values()].flatMap((byName) => [...byName.values()]);
  }

  /** How many services a node asks for. */
  countOf(node: string): number {
    return node === this.options.self ? this.published.size : (this.others.get(node)?.size ?? 0);
  }

  /** Nodes whose services are not all in this kernel yet. */
  unserved(): string[] {
    return [...new Set([...this.unacknowledged.values()].map(({ owner }) => owner))].sort();
  }

  ownClaims(): ReadonlyMap<string, number> {
    return this.claims;
  }

  /** A service of the host's table changed, in whatever way. */
  localChanged(name: string): void {
    this.publish(name);
    this.acknowledge();
  }

  catalogChanged(changes: readonly CatalogChange[], complete: readonly Watermark[]): void {
    for (const change of changes) this.note(change);
    for (const watermark of complete) {
      if (watermark.owner === this.options.self) continue;
      this.unacknowledged.set(`${watermark.owner} ${watermark.network}`, watermark);
      this.heard(watermark.owner);
    }
    this.plan(settleDelayMs);
  }

  /** Those of an earlier run of whom nothing was heard are not waited for any longer. */
  forgetUnheard(): void {
    for (const owner of this.unheard) this.others.delete(owner);
    if (this.unheard.size > 0) this.plan(settleDelayMs);
    this.unheard.clear();
  }

  /** This node left: what others ask for is their own business. */
  forgetOthers(): void {
    this.others.clear();
    this.unheard.clear();
    this.unacknowledged.clear();
    this.plan(settleDelayMs);
  }

  /** A pass over the kernel has ended well; `revision`: of the table that it worked from. */
  passed(revision: number): void {
    this.servedRevision = Math.max(this.servedRevision, revision);
    this.acknowledge();
  }

  /** The owner's rows are complete here: what only the earlier run knew is over. */
  private heard(owner: string): void {
    if (!this.unheard.delete(owner)) return;
    const fresh = this.fresh.get(owner) ?? new Set();
    const known = this.declarationsOf(owner);
    for (const name of [...known.keys()]) if (!fresh.has(name)) known.delete(name);
  }

  private note({ row, inService, gone }: CatalogChange & CatalogEntry): void {
    const name = serviceOfKey(row.key);
    if (name === undefined || row.owner === this.options.self) return;
    const known = this.declarationsOf(row.owner);
    this.namesHeard(row.owner).add(name);
    if (gone || row.value === undefined) {
      known.delete(name);
      return;
    }
    const declaration = decodeServiceRow(row.owner, name, row.value);
    if (!inService && !outlivesOwner(declaration)) {
      known.delete(name);
      return;
    }
    if ('problem' in declaration) {
      known.delete(name);
      const context = { service: name, node: row.owner };
      this.options.log.warn(context, `service of another node left out: ${declaration.problem}`);
    } else {
      known.set(name, withKnownService(declaration, known.get(name)));
    }
  }

  private publish(name: string): void {
    const { table } = this.options.host;
    const entry = table.get(name);
    const yielded = table.yielded.get(name)?.spec;
    const own = entry === undefined || entry.source === 'mesh' ? yielded : entry.service;
    // It gave way before it had a VIP or a port that was left to us, or its network is not known
    // yet: what was said of it still holds.
    if (own?.vips.length === 0 && own.endpointMode === 'vip') return;
    if (own?.publish.some(({ port }) => port === 0) === true) return;
    const key = serviceKey(name);
    if (own === undefined) {
      if (this.published.delete(name)) this.options.rows.delete(key);
      if (this.claims.delete(name)) this.options.changed();
      return;
    }
    const value = encodeServiceRow(this.claimOf(name), own);
    const text = Buffer.from(value).toString('latin1');
    if (this.published.get(name) === text) return;
    this.published.set(name, text);
    this.options.rows.put(key, value);
    this.plan(settleDelayMs);
  }

  private claimOf(name: string): number {
    const known = this.claims.get(name);
    if (known !== undefined) return known;
    let highest = 0;
    for (const claim of this.claims.values()) highest = Math.max(highest, claim);
    for (const { claim } of this.declarations()) highest = Math.max(highest, claim);
    this.claims.set(name, highest + 1);
    this.options.changed();
    return highest + 1;
  }

  private plan(delayMs: number): void {
    this.isUnsettled = true;
    this.planned ??= this.options.clock.after(delayMs, () => {
      this.planned = undefined;
      this.settling = this.settling.then(() => this.settle());
    });
  }

  private async settle(): Promise<void> {
    const { host, self, log } = this.options;
    this.isUnsettled = false;
    this.settlement = settle([...this.declarations(), ...this.ownDeclarations()]);
    const request = meshRequest(this.settlement, host.table, self);
    if (request !== undefined) {
      try {
        this.settledRevision = (await host.submitMesh(request)).revision;
        for (const { name, reason } of request.yield) {
          log.warn({ service: name }, `service gives way: ${reason}`);
        }
        this.options.changed();
      } catch (error) {
        log.error({ err: error }, `services of other nodes not taken over: ${messageOf(error)}`);
        this.plan(retryMs);
      }
    }
    this.acknowledge();
  }

  private *ownDeclarations(): Generator<Declaration> {
    const { self: owner, host } = this.options;
    for (const { source, service } of host.table.all()) {
      if (source !== 'mesh') yield { owner, claim: this.claimOf(service.name), service };
    }
    for (const [name, { spec }] of host.table.yielded) {
      // One whose VIP came from a pool lost by its name; by which VIP does not matter then.
      if (this.claims.has(name)) yield { owner, claim: this.claimOf(name), service: spec };
    }
  }

  /** Tells owners of what is in this kernel by now. */
  private acknowledge(): void {
    for (const [key, watermark] of this.unacknowledged) {
      if (!this.isServed(watermark.owner)) continue;
      this.unacknowledged.delete(key);
      this.options.rows.applied(watermark);
    }
  }

  /** Whether the kernel has what is in force of an owner; what lost is served by not being there. */
  private isServed(owner: string): boolean {
    // What is removed leaves nothing behind to look at, but the pass that removed it.
    if (this.isUnsettled || this.servedRevision < this.settledRevision) return false;
    const { host } = this.options;
    if (!host.areNetworksProgrammed()) return false;
    for (const { service } of this.others.get(owner)?.values() ?? []) {
      if (this.settlement.winners.get(service.name)?.service !== service) continue;
      const entry = host.table.get(service.name);
      const isInForce = entry?.service === service || entry?.source !== 'mesh';
      if (entry === undefined || !isInForce || !host.isProgrammed(entry)) return false;
    }
    return true;
  }

  private declarationsOf(owner: string): Map<string, Declaration> {
    return entryOf(this.others, owner, () => new Map<string, Declaration>());
  }

  private namesHeard(owner: string): Set<string> {
    return entryOf(this.fresh, owner, () => new Set<string>());
  }
}

/** Endpoints of a service on a network speak for themselves, whoever asked for the service. */
function outlivesOwner(declaration: Declaration | { readonly problem: string }): boolean {
  return !('problem' in declaration) && declaration.service.network !== undefined;
}

/** What is in force is told from what is not by identity: words that stay the same stay the same object. */
function withKnownService(fresh: Declaration, known: Declaration | undefined): Declaration {
  const text = (of: Declaration): string => Buffer.from(encodeServiceRow(0, of.service)).toString();
  if (known === undefined || text(known) !== text(fresh)) return fresh;
  return { ...fresh, service: known.service };
}

function entryOf<V>(map: Map<string, V>, key: string, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
