/**
 * Addresses in the order in which they became free. Who had one may be called there for a while yet,
 * by nodes that have not heard: whoever gets it next would answer for somebody else.
 */
export class FreedAddresses {
  private readonly order = new Set<string>();

  add(addresses: readonly string[]): void {
    for (const address of addresses) {
      this.order.delete(address);
      this.order.add(address);
    }
  }

  /** Of `free`, one that nobody had, or that is free for the longest; undefined of none. */
  choose(free: readonly string[]): string | undefined {
    const unused = free.find((address) => !this.order.has(address));
    return unused ?? [...this.order].find((address) => free.includes(address));
  }
}
