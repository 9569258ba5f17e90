import type { MemberState } from './model.js';

/** Who is there, as the membership below tells. This node itself is not among them. */
export class Members {
  /** Names that are up, in no order, and where they are in it. */
  private readonly live: string[] = [];
  private readonly places = new Map<string, number>();
  /** Since when who is not up is not; the earliest first. */
  private readonly gone = new Map<string, number>();
  /** Changes with the set of those that are up. */
  revision = 0;

  /** `goneMax`: of more than these, the earliest are forgotten. */
  constructor(private readonly goneMax: number) {}

  isUp(name: string): boolean {
    return this.places.has(name);
  }

  /** Names of all that are up. */
  get up(): readonly string[] {
    return this.live;
  }

  /** Returns whether it was up and is not, or the other way round. */
  set(name: string, state: MemberState, now: number): boolean {
    const wasUp = this.isUp(name);
    if (state !== 'up' && !this.gone.has(name)) this.remember(name, now);
    if (wasUp === (state === 'up')) return false;
    if (wasUp) this.remove(name);
    else {
      this.gone.delete(name);
      this.places.set(name, this.live.length);
      this.live.push(name);
    }
    this.revision++;
    return true;
  }

  /** Since when it is not up; undefined for one that is up or was never heard of. */
  downSince(name: string): number | undefined {
    return this.gone.get(name);
  }

  forget(name: string): void {
    this.gone.delete(name);
  }

  /** Names that are not up. */
  down(): IterableIterator<string> {
    return this.gone.keys();
  }

  /** One that is up, by lot. */
  pick(random: () => number): string | undefined {
    return this.live[Math.floor(random() * this.live.length)];
  }

  private remember(name: string, now: number): void {
    this.gone.set(name, now);
    if (this.gone.size <= this.goneMax) return;
    for (const earliest of this.gone.keys()) {
      this.gone.delete(earliest);
      break;
    }
  }

  /** The last one takes its place. */
  private remove(name: string): void {
    const place = this.places.get(name)!;
    const last = this.live.pop()!;
    this.places.delete(name);
    if (last === name) return;
    this.live[place] = last;
    this.places.set(last, place);
  }
}
