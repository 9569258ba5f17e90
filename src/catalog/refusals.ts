/** Why something that a peer sent was not taken. */
export type Refusal =
  /** Not of the format, or of another version of it. */
  | 'malformed'
  | 'format'
  /** Larger than anything we ask for. */
  | 'too-large'
  /** The transport says that somebody else sent it. */
  | 'sender'
  /** The sender is no live member. */
  | 'stranger'
  /** Rows that nobody asked for. */
  | 'unasked'
  /** An answer that is not of what was asked. */
  | 'answer'
  /** A network that this node does not take. */
  | 'interest'
  /** The name has another key, or may not have this one. */
  | 'key'
  | 'signature'
  /** An epoch that is over; of acknowledgements, all but the latest. */
  | 'stale'
  /** Somebody else speaks for this node. */
  | 'self'
  /** Too much at once; it comes again by the exchanges. */
  | 'busy'
  | 'value-size'
  | 'rows'
  | 'bytes'
  | 'owners'
  | 'networks';

/** Counts refusals by reason. */
export class Refusals {
  private readonly counts = new Map<Refusal, number>();

  count(reason: Refusal): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
  }

  snapshot(): ReadonlyMap<Refusal, number> {
    return new Map(this.counts);
  }
}

/** So much per second, and at most one second's worth at once. */
export class Budget {
  private left: number;
  private atMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly perSecond: number) {
    this.left = perSecond;
  }

  /** Takes `amount` if anything is left; a debt is paid before the next. */
  take(amount: number, now: number): boolean {
    const elapsed = Math.max(0, now - this.atMs);
    this.left = Math.min(this.perSecond, this.left + (elapsed * this.perSecond) / 1_000);
    this.atMs = now;
    if (this.left <= 0) return false;
    this.left -= amount;
    return true;
  }
}
