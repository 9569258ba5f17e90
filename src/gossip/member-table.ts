import type { MemberState, PeerAddress } from './messages.js';
import type { Suspicion } from './suspicion.js';

/** One member, ourselves included. */
export class Member {
  readonly node: string;
  /** When `state` became what it is. */
  changedAtMs: number;
  /** Runs while `state` is suspect. */
  suspicion?: Suspicion;
  private current: MemberState;

  constructor(facts: MemberState, nowMs: number) {
    this.node = facts.node;
    this.current = facts;
    this.changedAtMs = nowMs;
  }

  /** What we know of it. Replaced, never changed: it is handed out. */
  get facts(): MemberState {
    return this.current;
  }

  get state(): MemberState['state'] {
    return this.current.state;
  }

  get at(): PeerAddress {
    return this.current.at;
  }

  get incarnation(): number {
    return this.current.incarnation;
  }

  /** Dead, or left. */
  get isGone(): boolean {
    return this.current.state === 'dead' || this.current.state === 'left';
  }

  /** The memberlist protocol that it understands; 0 = it did not say. */
  get protocolMax(): number {
    return this.current.versions?.protocolMax ?? 0;
  }

  change(facts: Partial<Omit<MemberState, 'node'>>, nowMs: number): void {
    if (facts.state !== undefined && facts.state !== this.state) this.changedAtMs = nowMs;
    this.current = { ...this.current, ...facts };
  }
}

/**
 * All members, the dead too until they are forgotten, in an order of chance that is the order of
 * probing. Adding, and choosing some by chance, cost the same however many there are.
 */
export class MemberTable {
  private readonly byName = new Map<string, Member>();
  private readonly slots: Member[] = [];
  private cursor = 0;

  constructor(private readonly random: () => number) {}

  get size(): number {
    return this.slots.length;
  }

  get(node: string): Member | undefined {
    return this.byName.get(node);
  }

  /** All of them; not to be kept over a change. */
  all(): readonly Member[] {
    return this.slots;
  }

  /** To a place of chance, so that members that come together are not probed together. */
  add(member: Member): void {
    const place = this.below(this.slots.length + 1);
    this.slots.push(member);
    this.swap(place, this.slots.length - 1);
    this.byName.set(member.node, member);
  }

  /** Removes those that `isOver`; returns them. O(n). */
  removeWhere(isOver: (member: Member) => boolean): Member[] {
    const removed: Member[] = [];
    let kept = 0;
    for (const member of this.slots) {
      if (isOver(member)) {
        removed.push(member);
        this.byName.delete(member.node);
      } else this.slots[kept++] = member;
    }
    this.slots.length = kept;
    return removed;
  }

  /** The next one in the order of probing that `isWanted`; `atEnd` is called at its end. */
  next(isWanted: (member: Member) => boolean, atEnd: () => void): Member | undefined {
    for (let looked = 0; looked <= this.slots.length; looked++) {
      if (this.cursor >= this.slots.length) {
        this.cursor = 0;
        atEnd();
        this.shuffle();
      }
      const member = this.slots[this.cursor++];
      if (member !== undefined && isWanted(member)) return member;
    }
    return undefined;
  }

  /** Up to `count` different ones that `isWanted`, by chance. */
  pick(count: number, isWanted: (member: Member) => boolean): Member[] {
    const picked: Member[] = [];
    const size = this.slots.length;
    if (size < 3 * count) {
      const order = Array.from(this.slots);
      for (let left = size; left > 0 && picked.length < count; left--) {
        const at = this.below(left);
        const member = order[at]!;
        order[at] = order[left - 1]!;
        if (isWanted(member)) picked.push(member);
      }
      return picked;
    }
    // Few are wanted of very many only while most are dead: then some are missed, as in memberlist.
    for (let draws = 3 * size; draws > 0 && picked.length < count; draws--) {
      const member = this.slots[this.below(size)]!;
      if (isWanted(member) && !picked.includes(member)) picked.push(member);
    }
    return picked;
  }

  private shuffle(): void {
    for (let left = this.slots.length; left > 1; left--) this.swap(this.below(left), left - 1);
  }

  private swap(a: number, b: number): void {
    const member = this.slots[a]!;
    this.slots[a] = this.slots[b]!;
    this.slots[b] = member;
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }
}
