import type { RowDifference } from '../api/index.js';
import type { CatalogEntry } from '../catalog/index.js';

/** A row as far as it takes to tell whether two nodes have the same. */
export interface RowMark {
  readonly owner: string;
  readonly key: string;
  readonly network: string;
  readonly epoch: number;
  readonly version: number;
}

export function rowList(entries: Iterable<CatalogEntry>): RowMark[] {
  return Array.from(entries, ({ row: { owner, key, network, epoch, version } }) => {
    return { owner, key, network, epoch, version };
  });
}

/** By owner, network and key. */
export function compareRows(here: readonly RowMark[], there: readonly RowMark[]): RowDifference[] {
  const theirs = new Map(there.map((mark) => [identityOf(mark), mark]));
  const ours = new Map(here.map((mark) => [identityOf(mark), mark]));
  const identities = [...new Set([...ours.keys(), ...theirs.keys()])].sort();
  return identities.flatMap((identity) => {
    const [own, other] = [ours.get(identity), theirs.get(identity)];
    if (own !== undefined && other !== undefined && placeOf(own) === placeOf(other)) return [];
    const { owner, key, network } = (own ?? other)!;
    return [
      {
        owner,
        key,
        network,
        ...(own === undefined ? {} : { here: placeOf(own) }),
        ...(other === undefined ? {} : { there: placeOf(other) }),
      },
    ];
  });
}

function identityOf({ owner, network, key }: RowMark): string {
  return JSON.stringify([owner, network, key]);
}

function placeOf({ epoch, version }: RowMark): string {
  return `${epoch}.${version}`;
}
