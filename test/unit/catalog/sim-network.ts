/** What can happen at a time. */
interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time: runs what is planned, in order. */
export class Timeline {
  nowMs = 0;
  private readonly heap: Event[] = [];
  private order = 0;

  after(delayMs: number, run: () => void): void {
    const event = { atMs: this.nowMs + delayMs, order: this.order++, run };
    const { heap } = this;
    let at = heap.push(event) - 1;
    while (at > 0 && isBefore(event, heap[(at - 1) >> 1]!)) {
      heap[at] = heap[(at - 1) >> 1]!;
      at = (at - 1) >> 1;
    }
    heap[at] = event;
  }

  /** `run` now and then again after each `delayMs()`. */
  every(delayMs: () => number, run: () => void): void {
    this.after(delayMs(), () => {
      run();
      this.every(delayMs, run);
    });
  }

  runUntil(atMs: number, done: () => boolean = () => false): void {
    while (this.heap.length > 0 && this.heap[0]!.atMs <= atMs) {
      const event = this.pop();
      this.nowMs = event.atMs;
      event.run();
      if (done()) return;
    }
    this.nowMs = atMs;
  }

  private pop(): Event {
    const { heap } = this;
    const first = heap[0]!;
    const moved = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (child >= heap.length || !isBefore(heap[child]!, moved)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = moved;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

export interface LinkOptions {
  /** Of datagrams. Range 0-1. */
  readonly loss: number;
  /** Of datagrams that arrive: this part comes twice. */
  readonly duplication: number;
  /** Unit: milliseconds; the delay is drawn between 1 and this, so that order changes. */
  readonly delayMaxMs: number;
}

/** Gossip of a node: every payload goes out a number of times, the newest first. */
export class GossipQueue {
  private readonly waiting = new Map<string, { readonly payload: Uint8Array; sent: number }>();

  get size(): number {
    return this.waiting.size;
  }

  put(name: string, payload: Uint8Array): void {
    this.waiting.delete(name);
    this.waiting.set(name, { payload, sent: 0 });
  }

  /** One packet's fill; `transmits`: how often each goes. */
  fill(transmits: number): Uint8Array[] {
    let left = 1_370;
    const taken: Uint8Array[] = [];
    const order = [...this.waiting].sort(([, a], [, b]) => a.sent - b.sent);
    for (const [name, item] of order) {
      if (item.payload.length + 3 > left) continue;
      left -= item.payload.length + 3;
      taken.push(item.payload);
      if (++item.sent >= transmits) this.waiting.delete(name);
    }
    return taken;
  }
}
