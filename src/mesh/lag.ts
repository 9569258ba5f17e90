/** A change of this node's services that not all live nodes have in their kernels. */
interface Open {
  readonly version: number;
  readonly atMs: number;
}

/** More changes than that are taken together with their neighbours. */
const openMax = 256;

/** How far the other nodes are behind this one's changes. */
export class Lag {
  private readonly open: Open[] = [];
  /** What the last change took that all have by now. Unit: milliseconds. */
  lastMs: number | undefined;

  changed(version: number, nowMs: number): void {
    // The oldest of them tells the lag.
    if (this.open.length === openMax) this.open.splice(1, 1);
    this.open.push({ version, atMs: nowMs });
  }

  /** `has`: whether all live nodes have this version. */
  look(has: (version: number) => boolean, nowMs: number): void {
    let done = 0;
    while (done < this.open.length && has(this.open[done]!.version)) done++;
    const last = this.open[done - 1];
    if (last !== undefined) this.lastMs = nowMs - last.atMs;
    this.open.splice(0, done);
  }

  /** Age of the oldest change that somebody lacks; 0 = all have all. Unit: milliseconds. */
  nowMs(nowMs: number): number {
    const oldest = this.open[0];
    return oldest === undefined ? 0 : nowMs - oldest.atMs;
  }

  /** Versions begin anew. */
  restart(): void {
    this.open.length = 0;
  }
}
