import type { MemberState } from './model.js';

/** Who is there, as the membership below tells. This node itself is not among them. */
export class Members {
  private readonly states = new Map<string, { state: MemberState; sinceMs: number }>();
  /** Names that are up, in no order. */
  private readonly live: string[] = [];
  /** Changes with the set of those that are up. */
  revision = 0;

  isUp(name: string): boolean {
    return this.states.get(name)?.state === 'up';
  }

  /** Names of all that are up. */
  get up(): readonly string[] {
    return this.live;
  }

  /** Returns whether it was up and is not, or the other way round. */
  set(name: string, state: MemberState, now: number): boolean {
    const wasUp = this.isUp(name);
    if (this.states.get(name)?.state !== state) this.states.set(name, { state, sinceMs: now });
    if (wasUp === (state === 'up')) return false;
    if (wasUp) this.live.splice(this.live.indexOf(name), 1);
    else this.live.push(name);
    this.revision++;
    return true;
  }

  /** Since when it is not up; undefined for one that is up or was never heard of. */
  downSince(name: string): number | undefined {
    const known = this.states.get(name);
    return known === undefined || known.state === 'up' ? undefined : known.sinceMs;
  }

  forget(name: string): void {
    if (!this.isUp(name)) this.states.delete(name);
  }

  /** Names that are not up. */
  *down(): Generator<string> {
    for (const [name, { state }] of this.states) if (state !== 'up') yield name;
  }

  /** One that is up, by lot. */
  pick(random: () => number): string | undefined {
    return this.live[Math.floor(random() * this.live.length)];
  }
}
