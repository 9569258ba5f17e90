import type { Clock } from '../base/index.js';

/** Sources remembered; beyond that all begin anew. */
const sourcesMax = 10_000;

/** So many a second of each source, and as many at once. */
export class SourceLimit {
  private readonly used = new Map<string, { atMs: number; tokens: number }>();

  /** `perSecond` 0 = no limit. */
  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly perSecond: number,
  ) {}

  allows(source: string): boolean {
    const { perSecond } = this;
    if (perSecond === 0) return true;
    const now = this.clock.now();
    const known = this.used.get(source);
    if (known === undefined) {
      if (this.used.size >= sourcesMax) this.used.clear();
      this.used.set(source, { atMs: now, tokens: perSecond - 1 });
      return true;
    }
    const tokens = Math.min(perSecond, known.tokens + ((now - known.atMs) / 1_000) * perSecond);
    known.atMs = now;
    known.tokens = tokens < 1 ? tokens : tokens - 1;
    return tokens >= 1;
  }
}
