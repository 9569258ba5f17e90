import { MeshError } from '../base/index.js';
import { addressAt, prefixLength, prefixSize } from '../model/index.js';

/*
 * How a subnet is divided without a manager: three quarters into slices that nodes claim, one after
 * the other as they need them; the last quarter is kept for VIPs. Whoever holds a slice gives out its
 * addresses without asking anybody.
 */

/** Addresses of one slice. */
const sliceSize = 16;
/** Of a large subnet no more slices are used: more than any mesh has nodes. */
const slicesMax = 65_536;
/** The network's own address, and that of a router that somebody may put there. */
const reserved = 2;

/** How many slices a subnet has. Errors: invalid_argument for one with less than two. */
export function sliceCount(subnet: string): number {
  const count = Math.min(slicesMax, Math.floor((prefixSize(subnet) * 3) / 4 / sliceSize));
  if (count >= 2) return count;
  throw new MeshError(
    'invalid_argument',
    `subnet ${subnet}: expected room for at least 43 addresses`,
  );
}

/** The part of a subnet that VIPs are taken from, as a prefix. */
export function vipRange(subnet: string): string {
  const first = addressAt(subnet, (prefixSize(subnet) / 4) * 3);
  return `${first}/${prefixLength(subnet) + 2}`;
}

/** The addresses of a slice, in order. */
export function sliceAddresses(subnet: string, slice: number): string[] {
  const first = slice * sliceSize;
  const skipped = slice === 0 ? reserved : 0;
  return Array.from({ length: sliceSize - skipped }, (_, i) =>
    addressAt(subnet, first + skipped + i),
  );
}

/**
 * A slice for a node to claim: the first free one from a place that follows from the node's name,
 * so that nodes that do not know of each other yet seldom choose the same.
 * Errors: resource_exhausted.
 */
export function chooseSlice(subnet: string, node: string, taken: ReadonlySet<number>): number {
  const count = sliceCount(subnet);
  const start = placeOf(node) % count;
  for (let step = 0; step < count; step++) {
    const slice = (start + step) % count;
    if (!taken.has(slice)) return slice;
  }
  throw new MeshError('resource_exhausted', `subnet ${subnet}: all ${count} slices are claimed`);
}

/** FNV-1a. */
function placeOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
