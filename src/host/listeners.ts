/** Who wants to know when something happens. */
export class Listeners<T> {
  private readonly callbacks = new Set<(value: T) => void>();

  /** The returned function ends the calls. */
  add(callback: (value: T) => void): () => void {
    this.callbacks.add(callback);
    return () => {
      this.callbacks.delete(callback);
    };
  }

  emit(value: T): void {
    for (const callback of [...this.callbacks]) callback(value);
  }
}
