import { defaultLimits, type Limits } from './admission.js';
import { newCounters } from './counters.js';
import type { Effect, GossipEvent, MemberEvent } from './effects.js';
import { LocalHealth } from './local-health.js';
import { Member, MemberTable } from './member-table.js';
import type { PeerAddress } from './messages.js';
import type { SwimOptions } from './options.js';
import type { Profile } from './profile.js';
import { Timers } from './timers.js';
import { ourVersions } from './versions.js';

/** What waits for the answers to a ping. */
export interface Waiting {
  ack(): void;
  nack(): void;
}

/** What the parts of the core share: the time, the members, what is to be done. */
export class Core {
  readonly profile: Profile;
  readonly limits: Limits;
  readonly lifeguard: boolean;
  readonly random: () => number;
  readonly timers = new Timers();
  readonly counters = newCounters();
  readonly health: LocalHealth;
  readonly members: MemberTable;
  readonly self: Member;
  /** By the number of the ping. */
  readonly waiting = new Map<number, Waiting>();
  /** From here on nothing that is said of us is contradicted. */
  leaving = false;
  /** Time that this process has lived, the unit of all timers. See `advance`. */
  nowMs: number;
  /** What the caller's clock is ahead of `nowMs`. */
  private aheadMs = 0;
  private effects: Effect[] = [];
  private sequence: number;

  constructor(
    readonly options: SwimOptions,
    nowMs: number,
  ) {
    this.profile = options.profile;
    this.limits = { ...defaultLimits, ...options.limits };
    this.lifeguard = options.lifeguard ?? true;
    this.random = options.random;
    this.nowMs = nowMs;
    this.health = new LocalHealth(this.lifeguard ? this.profile.awarenessMaxMult : 1);
    this.members = new MemberTable(this.random);
    // By chance, so that a late answer to who had our address before does not count.
    this.sequence = Math.floor(this.random() * 2 ** 32);
    const { name: node, at, meta = new Uint8Array(), versions = ourVersions } = options;
    this.self = new Member({ node, at, meta, incarnation: 1, state: 'alive', versions }, nowMs);
    this.members.add(this.self);
  }

  /**
   * Takes over the caller's time. Time in which this process did not run (a stopped guest, a
   * blocked event loop) does not count: answers wait to be read, and whoever would judge before
   * reading them would accuse everybody. It shows in timers that are overdue.
   */
  advance(callerMs: number): void {
    const beforeMs = this.nowMs;
    const dueMs = Math.max(beforeMs, this.timers.nextMs);
    // Due is what the caller was told: a subtraction may fall short of it by a rounding, for ever.
    const isDue = callerMs >= this.nextTickMs;
    const nowMs = isDue ? Math.max(dueMs, callerMs - this.aheadMs) : callerMs - this.aheadMs;
    // The clock went back: we did not.
    if (nowMs < beforeMs) this.aheadMs = callerMs - beforeMs;
    else this.nowMs = nowMs;
    if (!this.lifeguard) return;
    const lateMs = this.nowMs - dueMs;
    if (lateMs <= this.profile.probeTimeoutMs / 2) return;
    this.nowMs = dueMs;
    this.aheadMs += lateMs;
    this.counters.stalls++;
    if (lateMs >= this.profile.probeTimeoutMs) this.health.add(1);
  }

  runTimers(): void {
    while (this.timers.runNext(this.nowMs));
  }

  /** Of the caller's time. */
  get nextTickMs(): number {
    return this.timers.nextMs + this.aheadMs;
  }

  /** The first time after now that is whole intervals away from `phaseMs`; both are integers. */
  nextMultiple(phaseMs: number, intervalMs: number): number {
    return phaseMs + (Math.floor((this.nowMs - phaseMs) / intervalMs) + 1) * intervalMs;
  }

  do(effect: Effect): void {
    this.effects.push(effect);
  }

  emit(event: GossipEvent): void {
    this.effects.push({ kind: 'event', event });
  }

  emitMember(change: MemberEvent['change'], member: Member): void {
    this.emit({ kind: 'member', change, member: member.facts });
  }

  takeEffects(): Effect[] {
    const taken = this.effects;
    if (taken.length > 0) this.effects = [];
    return taken;
  }

  nextSequence(): number {
    this.sequence = (this.sequence + 1) % 2 ** 32;
    return this.sequence;
  }

  isOther(member: Member): boolean {
    return member !== this.self;
  }
}

export function sameAddress(a: PeerAddress, b: PeerAddress): boolean {
  return a.port === b.port && a.address === b.address;
}
