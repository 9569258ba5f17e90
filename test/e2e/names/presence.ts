/** Who served what when, and when nobody could hear of it. */
interface Stay {
  readonly fromMs: number;
  /** Infinity = until now. */
  untilMs: number;
}

interface Trouble {
  readonly fromMs: number;
  untilMs: number;
}

export class Presence {
  /** By service and address. */
  private readonly stays = new Map<string, Stay[]>();
  private readonly troubles: Trouble[] = [];

  /** `limitMs`: how long after somebody left he may still be told, and after a trouble. */
  constructor(private readonly limitMs: number) {}

  /** `fromMs`: before anybody could hear of it. */
  comes(service: string, addresses: readonly string[], fromMs = Date.now()): void {
    for (const address of addresses) {
      const stays = this.staysOf(service, address);
      if (stays.at(-1)?.untilMs !== Infinity) stays.push({ fromMs, untilMs: Infinity });
    }
  }

  /** To be called when it has left. */
  leaves(service: string, addresses: readonly string[]): void {
    for (const address of addresses) {
      const last = this.staysOf(service, address).at(-1);
      if (last?.untilMs === Infinity) last.untilMs = Date.now();
    }
  }

  /** While it lasts, and as long again as they need to agree, some do not hear of others. */
  async during(trouble: () => Promise<void>): Promise<void> {
    const noted: Trouble = { fromMs: Date.now(), untilMs: Infinity };
    this.troubles.push(noted);
    await trouble();
    noted.untilMs = Date.now();
  }

  /** Whether the address may be told all this time. */
  isTold(service: string, address: string, fromMs: number, untilMs: number): boolean {
    let at = fromMs;
    for (const stay of this.staysOf(service, address)) {
      if (stay.fromMs > at) return false;
      at = Math.max(at, this.forgotten(stay.untilMs));
      if (at >= untilMs) return true;
    }
    return false;
  }

  /** Sorted. */
  now(service: string): string[] {
    return [...this.stays]
      .filter(([key, stays]) => key.startsWith(`${service} `) && stays.at(-1)!.untilMs === Infinity)
      .map(([key]) => key.slice(service.length + 1))
      .sort();
  }

  /** By when all must know that somebody left at this time. */
  private forgotten(leftMs: number): number {
    const heard = this.troubles.reduce((ms, { fromMs, untilMs }) => {
      return fromMs <= ms + this.limitMs && untilMs > ms ? untilMs : ms;
    }, leftMs);
    return heard + this.limitMs;
  }

  private staysOf(service: string, address: string): Stay[] {
    const key = `${service} ${address}`;
    const known = this.stays.get(key) ?? [];
    this.stays.set(key, known);
    return known;
  }
}
