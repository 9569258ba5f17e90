/** A row as its owner wrote it. Identity: owner, network and key. */
export interface Row {
  /** Name of the node that alone writes it. */
  readonly owner: string;
  /** Such as `service/web`. */
  readonly key: string;
  /** Who takes it: '' = everybody, else the nodes with this network in their interest. */
  readonly network: string;
  /** One life of its owner; see epoch.ts. Range 1-2^53-1. */
  readonly epoch: number;
  /** Position among all changes of its owner in this epoch. Range 1-2^53-1. */
  readonly version: number;
  /** Absent: a tombstone, the row was deleted by this version. */
  readonly value?: Uint8Array;
}

/** A row with its owner's signature over rowBytes. */
export interface SignedRow extends Row {
  readonly signature: Uint8Array;
}

/**
 * What an owner says of all its rows in one network at one version. The set of versions decides
 * what the rows are, so that a count and a hash over it show whether somebody has them all: a
 * relay can neither hold rows back nor end a row unnoticed.
 */
export interface Head {
  readonly owner: string;
  readonly network: string;
  readonly epoch: number;
  /** The last change in this network. */
  readonly version: number;
  /** Tombstones up to this version are gone; who has less than this must get everything. */
  readonly floor: number;
  /** Rows, tombstones included. */
  readonly count: number;
  /** versionsHash of the rows' versions; 16 bytes. */
  readonly versions: Uint8Array;
}

/** A head with its owner's signature over headBytes. */
export interface SignedHead extends Head {
  readonly signature: Uint8Array;
}

/** How far somebody is with one owner's rows in one network. */
export interface Watermark {
  readonly owner: string;
  readonly network: string;
  readonly epoch: number;
  /** Everything up to this version; 0 = nothing yet. */
  readonly version: number;
}

export interface CatalogEntry {
  readonly row: Row;
  /** Its owner is up. */
  readonly inService: boolean;
}

export interface CatalogChange extends CatalogEntry {
  /** The row is no more: deleted, of an earlier epoch, reaped, or not of interest any longer. */
  readonly gone: boolean;
}

export type MemberState = 'up' | 'failed' | 'left';

/** What the host shall do. The order matters only between changes. */
export type CatalogEffect =
  /** Gossip `payload` (at most about 1 kB); replaces what waits under the same name. */
  | { readonly kind: 'broadcast'; readonly name: string; readonly payload: Uint8Array }
  /** To one member: as a stream where `reliable`, else as a datagram. May be lost all the same. */
  | {
      readonly kind: 'send';
      readonly to: string;
      readonly payload: Uint8Array;
      readonly reliable: boolean;
    }
  /** What became different since the last tick, and whose rows are now complete up to where. */
  | {
      readonly kind: 'changes';
      readonly changes: readonly CatalogChange[];
      readonly complete: readonly Watermark[];
    }
  /** This node's own epoch, to be kept and given to the next start as `lastEpoch`. */
  | { readonly kind: 'epoch'; readonly epoch: number };

/** Makes and checks signatures. Keys have 32 bytes, signatures 64. */
export interface Proofs {
  readonly publicKey: Uint8Array;
  sign(bytes: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** Which key belongs to which name. */
export interface Trust {
  keyOf(owner: string): Uint8Array | undefined;
  /** Asked once the key's holder has proved itself; false = this name may not have that key. */
  bind(owner: string, publicKey: Uint8Array): boolean;
}

/** Is (epoch, version) of `a` later than that of `b`? */
export function isLater(
  a: { readonly epoch: number; readonly version: number },
  b: { readonly epoch: number; readonly version: number },
): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.version > b.version);
}
