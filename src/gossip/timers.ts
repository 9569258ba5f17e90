/** Something planned. */
export interface Timer {
  readonly dueMs: number;
  /** Ends it; may be called at any time. */
  cancel(): void;
}

class Planned implements Timer {
  live = true;

  constructor(
    private readonly owner: Timers,
    readonly dueMs: number,
    readonly order: number,
    readonly run: () => void,
  ) {}

  cancel(): void {
    if (!this.live) return;
    this.live = false;
    this.owner.noteCancelled();
  }
}

/**
 * What is to be done later, as a binary heap: O(log n) to plan and to run, O(1) to cancel. Those
 * of one time run in the order in which they were planned.
 */
export class Timers {
  private heap: Planned[] = [];
  private order = 0;
  private cancelled = 0;

  /** Planned and not cancelled. */
  get size(): number {
    return this.heap.length - this.cancelled;
  }

  /** When the first is due; Infinity when none is. */
  get nextMs(): number {
    this.dropCancelled();
    return this.heap[0]?.dueMs ?? Infinity;
  }

  at(dueMs: number, run: () => void): Timer {
    const planned = new Planned(this, dueMs, this.order++, run);
    this.heap.push(planned);
    this.rise(this.heap.length - 1);
    return planned;
  }

  /** Runs the first one if it is due by then; false when none is. */
  runNext(untilMs: number): boolean {
    this.dropCancelled();
    const first = this.heap[0];
    if (first === undefined || first.dueMs > untilMs) return false;
    this.removeFirst();
    first.live = false;
    first.run();
    return true;
  }

  /** Cancelled ones go when they reach the top, or all at once when they are the majority. */
  noteCancelled(): void {
    this.cancelled++;
    if (this.cancelled < 64 || this.cancelled * 2 < this.heap.length) return;
    this.heap = this.heap.filter(({ live }) => live).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.cancelled = 0;
  }

  private dropCancelled(): void {
    while (this.heap[0]?.live === false) {
      this.removeFirst();
      this.cancelled--;
    }
  }

  private removeFirst(): void {
    const last = this.heap.pop()!;
    if (this.heap.length === 0) return;
    this.heap[0] = last;
    this.sink();
  }

  private rise(from: number): void {
    const { heap } = this;
    const planned = heap[from]!;
    let at = from;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(planned, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = planned;
  }

  private sink(): void {
    const { heap } = this;
    const planned = heap[0]!;
    let at = 0;
    for (let below = 1; below < heap.length; below = 2 * at + 1) {
      const right = heap[below + 1];
      if (right !== undefined && isBefore(right, heap[below]!)) below++;
      if (!isBefore(heap[below]!, planned)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = planned;
  }
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
