import { holderOf, type SliceClaim } from '../overlay/index.js';

/** A row of ours: JSON with the claim, and what it claims. */
interface RowDocument {
  readonly claim: number;
  readonly body: unknown;
}

export function rowBytes(claim: number, body: unknown): Uint8Array {
  return Buffer.from(JSON.stringify({ claim, body }));
}

/** Errors: Error, SyntaxError. */
export function readRow(value: Uint8Array): RowDocument {
  const { claim, body } = JSON.parse(Buffer.from(value).toString()) as RowDocument;
  if (Number.isSafeInteger(claim) && claim >= 0) return { claim, body };
  throw new Error('claim: expected a number');
}

export interface LostSlice {
  readonly key: string;
  readonly subnet: string;
  readonly slice: number;
}

/** Which node claims which slice of which subnet. Keys: `10.64.0.0/24/3`. */
export class Slices {
  /** By key, by owner. */
  private readonly claims = new Map<string, Map<string, number>>();

  constructor(
    private readonly self: string,
    saved: readonly { readonly key: string; readonly claim: number }[],
  ) {
    for (const { key, claim } of saved) this.of(key).set(self, claim);
  }

  *own(): Generator<{ readonly key: string; readonly claim: number }> {
    for (const [key, owners] of this.claims) {
      const claim = owners.get(this.self);
      if (claim !== undefined) yield { key, claim };
    }
  }

  get highestClaim(): number {
    let highest = 0;
    for (const owners of this.claims.values()) {
      for (const claim of owners.values()) highest = Math.max(highest, claim);
    }
    return highest;
  }

  claim(subnet: string, slice: number, claim: number): string {
    const key = `${subnet}/${slice}`;
    this.of(key).set(this.self, claim);
    return key;
  }

  /** What another node claims, or not any more. */
  note(owner: string, key: string, value: Uint8Array | undefined): void {
    this.of(key).delete(owner);
    if (value !== undefined) this.of(key).set(owner, readRow(value).claim);
  }

  /** Slices of a subnet that this node holds. */
  held(subnet: string): number[] {
    return this.slicesOf(subnet, (owners) => holderOf(claimsOf(owners)) === this.self);
  }

  /** Slices of a subnet that anybody claims. */
  claimed(subnet: string): ReadonlySet<number> {
    return new Set(this.slicesOf(subnet, (owners) => owners.size > 0));
  }

  /** Gives up what somebody claimed before us. */
  dropLost(): LostSlice[] {
    const lost: LostSlice[] = [];
    for (const [key, owners] of this.claims) {
      if (!owners.has(this.self) || holderOf(claimsOf(owners)) === this.self) continue;
      owners.delete(this.self);
      lost.push({ key, ...partsOf(key) });
    }
    return lost;
  }

  private slicesOf(
    subnet: string,
    which: (owners: ReadonlyMap<string, number>) => boolean,
  ): number[] {
    return [...this.claims].flatMap(([key, owners]) => {
      const parts = partsOf(key);
      return parts.subnet === subnet && which(owners) ? [parts.slice] : [];
    });
  }

  private of(key: string): Map<string, number> {
    const known = this.claims.get(key);
    if (known !== undefined) return known;
    const made = new Map<string, number>();
    this.claims.set(key, made);
    return made;
  }
}

function claimsOf(owners: ReadonlyMap<string, number>): SliceClaim[] {
  return Array.from(owners, ([owner, claim]) => ({ owner, claim }));
}

function partsOf(key: string): { subnet: string; slice: number } {
  const slash = key.lastIndexOf('/');
  return { subnet: key.slice(0, slash), slice: Number(key.slice(slash + 1)) };
}
