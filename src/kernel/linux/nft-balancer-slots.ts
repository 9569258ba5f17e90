/**
 * How nftables chooses a destination: a number below `slots.length`, by turns, by chance or by a
 * hash of the client, and for each number the destination that has it. Pure.
 */
import type { Destination, VirtualService } from '../../model/index.js';

export interface Choice {
  readonly by: 'turn' | 'chance' | 'client';
  /** With `by: client`: its port counts too. */
  readonly withPort: boolean;
  /** Positions among the destinations. Empty = nobody takes new connections. */
  readonly slots: readonly number[];
}

/** More slots would not fit a message of a service with many destinations. */
const slotsMax = 1_024;
/** Primes, so that every step of a permutation visits all slots. */
const hashedSlots = { few: 251, many: 1_021 } as const;
const fewDestinations = 16;

/**
 * What stands for each scheduler of IPVS. Exact are rr and wrr (up to 1,024 slots; finer weights
 * are rounded). lc, wlc, sed, nq and lblc look at open connections, which nftables cannot: they
 * choose by chance, in proportion to the weights. fo and ovf: the highest weight alone. sh and mh:
 * a table as Maglev builds it (Eisenbud et al., NSDI 2016, section 3.4), the same on every node;
 * when a destination goes, the clients of the others stay where they are but for a few.
 */
export function choose(service: VirtualService): Choice {
  const { scheduler, schedulerFlags, destinations } = service;
  const open = destinations.flatMap(({ weight }, index) => (weight > 0 ? [{ index, weight }] : []));
  const plain = { withPort: false };
  if (open.length === 0) return { by: 'turn', ...plain, slots: [] };
  switch (scheduler) {
    case 'rr':
      return { by: 'turn', ...plain, slots: open.map(({ index }) => index) };
    case 'wrr':
      return { by: 'turn', ...plain, slots: interleaved(open) };
    case 'fo':
    case 'ovf': {
      const best = open.reduce((a, b) => (b.weight > a.weight ? b : a));
      return { by: 'turn', ...plain, slots: [best.index] };
    }
    case 'sh':
    case 'mh':
      return {
        by: 'client',
        withPort: schedulerFlags.includes('port'),
        slots: hashed(open, destinations),
      };
    case 'lc':
    case 'wlc':
    case 'sed':
    case 'nq':
    case 'lblc':
      return { by: 'chance', ...plain, slots: interleaved(open) };
  }
}

interface Open {
  readonly index: number;
  readonly weight: number;
}

/** Each as often as its share says, and those of one as far apart as can be (smooth weighted rr). */
function interleaved(open: readonly Open[]): number[] {
  const shares = sharesOf(open);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const credits = shares.map(() => 0);
  return Array.from({ length: total }, () => {
    let best = 0;
    shares.forEach((share, i) => {
      credits[i]! += share;
      if (credits[i]! > credits[best]!) best = i;
    });
    credits[best]! -= total;
    return open[best]!.index;
  });
}

/** The weights in their lowest terms, rounded where their sum is too large; at least 1 each. */
function sharesOf(open: readonly Open[]): number[] {
  const divisor = open.reduce((sum, { weight }) => commonDivisor(sum, weight), 0);
  const total = open.reduce((sum, { weight }) => sum + weight / divisor, 0);
  const scale = total > slotsMax ? slotsMax / total : 1;
  return open.map(({ weight }) => Math.max(1, Math.round((weight / divisor) * scale)));
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** In turns, each destination takes the next free slot in an order of its own. */
function hashed(open: readonly Open[], destinations: readonly Destination[]): number[] {
  const { few, many } = hashedSlots;
  const size: number = destinations.length > fewDestinations ? many : few;
  const heaviest = Math.max(...open.map(({ weight }) => weight));
  const takers = open.map(({ index, weight }) => {
    const { address, port } = destinations[index]!;
    const text = `${address} ${port}`;
    const step = (textHash(`step ${text}`) % (size - 1)) + 1;
    return { index, next: textHash(text) % size, step, share: weight / heaviest, credit: 0 };
  });
  // The order of the destinations must not matter: nodes hear of them in different orders.
  takers.sort((a, b) => a.next - b.next || a.step - b.step);
  const slots = new Array<number>(size).fill(-1);
  for (let free: number = size; free > 0;) {
    for (const taker of takers) {
      taker.credit += taker.share;
      if (taker.credit < 1 || free === 0) continue;
      taker.credit -= 1;
      while (slots[taker.next] !== -1) taker.next = (taker.next + taker.step) % size;
      slots[taker.next] = taker.index;
      free--;
    }
  }
  return slots;
}

/** FNV-1a, 32 bits, then mixed: texts that differ in their last letter shall lie far apart. */
function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
