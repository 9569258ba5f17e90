/** How much strangers may ask of us. */
export interface Limits {
  /** Members known at once, the dead included. */
  readonly membersMax: number;
  /** Unknown members that one source may name: at once, and per second afterwards. */
  readonly strangersBurst: number;
  readonly strangersPerSecond: number;
  /** Requests over streams by one source: at once, and per second afterwards. */
  readonly requestsBurst: number;
  readonly requestsPerSecond: number;
  /** Sources kept apart; further ones share what one source may do. */
  readonly sourcesMax: number;
  /** Pings in the place of others that may be under way. */
  readonly relaysMax: number;
  /** Failed members that are remembered for a reunion after a long partition. */
  readonly lostMax: number;
  /** Addresses given to join. */
  readonly seedsMax: number;
  /** User broadcasts that wait; the oldest gives way. */
  readonly userBroadcastsMax: number;
}

/**
 * Generous to a cluster that starts all at once: 1,000 members through one peer in a moment. Not
 * so to one that makes up 10,000 names a second: 100 of them get in, until the table is full.
 */
export const defaultLimits: Limits = {
  membersMax: 16_384,
  strangersBurst: 2_048,
  strangersPerSecond: 100,
  requestsBurst: 256,
  requestsPerSecond: 64,
  sourcesMax: 1_024,
  relaysMax: 1_024,
  lostMax: 256,
  seedsMax: 64,
  userBroadcastsMax: 1_024,
};

/** Tokens of one source as of a moment. */
interface Bucket {
  tokens: number;
  atMs: number;
}

/** A limit of so many at once and so many per second, for each source apart. */
export class SourceLimit {
  private readonly buckets = new Map<string, Bucket>();
  private readonly others: Bucket;
  private sweptAtMs = -Infinity;

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
    private readonly sourcesMax: number,
  ) {
    this.others = { tokens: burst, atMs: 0 };
  }

  /** Whether one more is within the limit; counts it if so. */
  take(source: string, nowMs: number): boolean {
    const bucket = this.bucketOf(source, nowMs);
    this.fill(bucket, nowMs);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  private bucketOf(source: string, nowMs: number): Bucket {
    const known = this.buckets.get(source);
    if (known !== undefined) return known;
    if (this.buckets.size >= this.sourcesMax) this.sweep(nowMs);
    // Made-up sources must not buy each other a fresh bucket.
    if (this.buckets.size >= this.sourcesMax) return this.others;
    const bucket = { tokens: this.burst, atMs: nowMs };
    this.buckets.set(source, bucket);
    return bucket;
  }

  private fill(bucket: Bucket, nowMs: number): void {
    const gained = ((nowMs - bucket.atMs) / 1000) * this.perSecond;
    bucket.tokens = Math.min(this.burst, bucket.tokens + Math.max(0, gained));
    bucket.atMs = nowMs;
  }

  /** Forgets the sources whose bucket is full again. Once a second: it looks at all. */
  private sweep(nowMs: number): void {
    if (nowMs - this.sweptAtMs < 1000) return;
    this.sweptAtMs = nowMs;
    for (const [source, bucket] of this.buckets) {
      this.fill(bucket, nowMs);
      if (bucket.tokens >= this.burst) this.buckets.delete(source);
    }
  }
}
