import type { ServiceState, WatchEvent, WatchPosition } from './backend.js';

/**
 * Changes kept at least for watchers that come back, and up to twice as many. Each holds a service
 * with all its destinations, so 1,024 of them are a few megabytes. Unit: events.
 */
const historyMax = 512;

/**
 * The sequence of service changes of one run of the daemon: implements `MeshBackend.watch`.
 * Whoever changes a service calls `set` or `removed` afterwards; listeners are called at once.
 */
export class ServiceFeed {
  readonly #instance: string;
  readonly #snapshot: () => readonly ServiceState[];
  readonly #historyMax: number;
  readonly #history: WatchEvent[] = [];
  readonly #listeners = new Set<(event: WatchEvent) => void>();
  #sequence = 0;

  /** `snapshot` returns all services as they are after the last published change. */
  constructor(instance: string, snapshot: () => readonly ServiceState[], max = historyMax) {
    this.#instance = instance;
    this.#snapshot = snapshot;
    this.#historyMax = max;
  }

  set(service: ServiceState): void {
    this.#publish({ type: 'set', service, position: this.#next() });
  }

  removed(name: string): void {
    this.#publish({ type: 'removed', name, position: this.#next() });
  }

  /** As MeshBackend.watch. */
  watch(from: WatchPosition | undefined, listener: (event: WatchEvent) => void): () => void {
    for (const event of this.#since(from)) listener(event);
    // Wrapped, so that one function given twice is two listeners.
    const own = (event: WatchEvent): void => listener(event);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  #next(): WatchPosition {
    return { instance: this.#instance, sequence: ++this.#sequence };
  }

  #publish(event: WatchEvent): void {
    this.#history.push(event);
    // Trimmed by half at a time: shift() on every event would move the whole array.
    if (this.#history.length >= 2 * this.#historyMax) {
      this.#history.splice(0, this.#history.length - this.#historyMax);
    }
    for (const listener of [...this.#listeners]) listener(event);
  }

  #since(from: WatchPosition | undefined): readonly WatchEvent[] {
    const oldest = this.#sequence - this.#history.length;
    if (
      from?.instance !== this.#instance ||
      from.sequence < oldest ||
      from.sequence > this.#sequence
    ) {
      const position = { instance: this.#instance, sequence: this.#sequence };
      return [{ type: 'snapshot', position, services: this.#snapshot() }];
    }
    return this.#history.slice(from.sequence - oldest);
  }
}
