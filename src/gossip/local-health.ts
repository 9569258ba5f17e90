/**
 * How well this process itself keeps up: 0 = well, up to `max` - 1. The slower we are, the longer
 * we wait before we accuse others. Source: Lifeguard.
 */
export class LocalHealth {
  private value = 0;

  /** `max` 1 keeps it at 0. */
  constructor(private readonly max: number) {}

  get score(): number {
    return this.value;
  }

  add(delta: number): void {
    this.value = Math.min(this.max - 1, Math.max(0, this.value + delta));
  }

  /** A time that we allow others, made longer by as much as we are slow ourselves. */
  scale(ms: number): number {
    return ms * (this.value + 1);
  }
}
