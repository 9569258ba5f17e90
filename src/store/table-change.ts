import type { Service, ServiceSpec } from '../model/index.js';

/** Who asked for a service, and so who may change it; `mesh`: another node did. */
export type ServiceSource = LocalSource | 'mesh';
export type LocalSource = 'file' | 'api';

export interface ServiceEntry {
  /** As it was asked for. */
  readonly spec: ServiceSpec;
  readonly source: ServiceSource;
  /** The node that asked for it, with source `mesh`. */
  readonly owner?: string;
  /** The revision of the table at which this version came into force. */
  readonly revision: number;
  /** What the rules are compiled from: VIPs settled, drained destinations marked. */
  readonly service: Service;
}

/** A change to the table: all of it or nothing. */
export interface TableRequest {
  readonly source: LocalSource;
  readonly set: readonly ServiceSpec[];
  /** Names, or `others`: every service of this source that is not in `set`. */
  readonly remove: readonly string[] | 'others';
  /** By name, the revision the caller has seen; 0 = the service must not exist. */
  readonly expectedRevisions?: ReadonlyMap<string, number>;
}

/** What other nodes ask for, as settled between all of them (src/mesh/resolve.ts). */
export interface MeshRequest {
  readonly set: readonly { readonly service: Service; readonly owner: string }[];
  /** Services of the mesh that nobody asks for any more. */
  readonly remove: readonly string[];
  /** Services of ours that give way, and to what. */
  readonly yield: readonly { readonly name: string; readonly reason: string }[];
  /** Those that gave way and need not any longer. */
  readonly restore: readonly string[];
}

/** A service of ours that gave way to another node's. */
export interface YieldedService {
  readonly spec: ServiceSpec;
  readonly source: LocalSource;
  readonly reason: string;
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
  /** By name, what is yielded from then on; undefined = no longer. */
  readonly yielded: ReadonlyMap<string, YieldedService | undefined>;
}
