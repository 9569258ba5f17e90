/** Something that every member should hear, already encoded. */
interface Broadcast {
  readonly name: string;
  readonly bytes: Buffer;
  readonly order: number;
  transmits: number;
  readonly done: (() => void) | undefined;
}

/** What each message costs in a packet beside its bytes: its length. Unit: bytes. */
export const partOverhead = 2;

/**
 * Broadcasts that wait to be put into packets. One per name: a newer one ends the older. Each is
 * handed out as often as the limit says; those handed out least come first, among them the largest
 * that still fits, among those the newest. Source: memberlist's TransmitLimitedQueue.
 */
export class BroadcastQueue {
  /** Sorted: transmits up, bytes down, order down. */
  private readonly sorted: Broadcast[] = [];
  /** In the order in which they came. */
  private readonly byName = new Map<string, Broadcast>();
  private order = 0;
  /** Broadcasts that gave way because the queue was full. */
  dropped = 0;

  /** `sizeMax`: the oldest gives way to one more than this. */
  constructor(private readonly sizeMax = Infinity) {}

  get size(): number {
    return this.sorted.length;
  }

  /** `done` is called when it was handed out to the limit, or made obsolete. */
  push(name: string, bytes: Buffer, done?: () => void): void {
    this.drop(name);
    if (this.sorted.length >= this.sizeMax) {
      for (const oldest of this.byName.keys()) {
        this.drop(oldest);
        this.dropped++;
        break;
      }
    }
    const broadcast = { name, bytes, order: this.order++, transmits: 0, done };
    this.byName.set(name, broadcast);
    this.insert(broadcast);
  }

  drop(name: string): void {
    const broadcast = this.byName.get(name);
    if (broadcast === undefined) return;
    this.byName.delete(name);
    const { transmits, bytes, order } = broadcast;
    this.sorted.splice(this.lowerBound(transmits, bytes.length, order), 1);
    broadcast.done?.();
  }

  /**
   * Adds to `parts` what fits into `free` bytes, each at most once and `countMax` in all, and
   * counts it as handed out. Returns the bytes left.
   */
  fill(parts: Buffer[], free: number, countMax: number, limit: number): number {
    if (this.sorted.length === 0) return free;
    const taken: Broadcast[] = [];
    let left = free;
    let tier = 0;
    while (taken.length < countMax) {
      const at = this.lowerBound(tier, left - partOverhead, Infinity);
      const broadcast = this.sorted[at];
      if (broadcast === undefined) break;
      // Nothing in this tier fits any more: on with the next that there is.
      tier = broadcast.transmits > tier ? broadcast.transmits : tier;
      if (broadcast.bytes.length > left - partOverhead) continue;
      this.sorted.splice(at, 1);
      taken.push(broadcast);
      parts.push(broadcast.bytes);
      left -= partOverhead + broadcast.bytes.length;
    }
    // Back only now: within this packet they must not be found again.
    for (const broadcast of taken) this.putBack(broadcast, limit);
    return left;
  }

  private putBack(broadcast: Broadcast, limit: number): void {
    broadcast.transmits++;
    if (broadcast.transmits < limit) {
      this.insert(broadcast);
      return;
    }
    this.byName.delete(broadcast.name);
    broadcast.done?.();
  }

  private insert(broadcast: Broadcast): void {
    const { transmits, bytes, order } = broadcast;
    this.sorted.splice(this.lowerBound(transmits, bytes.length, order), 0, broadcast);
  }

  /** The first place whose broadcast does not come before these. */
  private lowerBound(transmits: number, length: number, order: number): number {
    let low = 0;
    let high = this.sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.sorted[middle]!;
      const before =
        other.transmits - transmits || length - other.bytes.length || order - other.order;
      if (before < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
