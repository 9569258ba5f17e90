import { BroadcastQueue, partOverhead } from './broadcast-queue.js';
import type { Core } from './core.js';
import { transmitLimit } from './formulas.js';
import type { Member } from './member-table.js';
import type { Alive, Dead, PacketMessage, PeerAddress, Suspect } from './messages.js';
import type { Timer } from './timers.js';
import { understands } from './versions.js';

/** A compound's type and count. Unit: bytes. */
const compoundHeader = 2;

/** So many ticks may an interval have while users have something new to tell. */
const soonTicks = 10;

/** Old members compute the size of a compound's lengths in eight bits. */
const partsMax = 127;

/**
 * Tells the others: a few members by chance at every tick, and whoever gets another packet. What
 * is told of members goes before what users tell.
 */
export class Gossip {
  private readonly membership = new BroadcastQueue();
  private readonly user: BroadcastQueue;
  /** Ticks are whole intervals after this, so that a queue that fills adds no wait of its own. */
  private readonly phaseMs: number;
  private planned: Timer | undefined;
  private toldAtMs = -Infinity;

  constructor(private readonly core: Core) {
    this.user = new BroadcastQueue(core.limits.userBroadcastsMax);
    this.phaseMs = Math.floor(core.nowMs + core.random() * core.profile.gossipIntervalMs);
  }

  /** Broadcasts that wait. */
  get sizes(): { readonly membership: number; readonly user: number; readonly dropped: number } {
    return {
      membership: this.membership.size,
      user: this.user.size,
      dropped: this.user.dropped,
    };
  }

  /** The largest encoded message that fits into a packet. */
  get messageBytesMax(): number {
    return this.core.options.packetBytes - compoundHeader - partOverhead;
  }

  /** `done` is called once it was told as far as it will be. */
  tell(message: Alive | Suspect | Dead, done?: () => void): void {
    this.membership.push(message.node, this.core.options.encode(message), done);
    this.plan();
  }

  tellUser(name: string, bytes: Buffer, done?: () => void): void {
    this.user.push(name, bytes, done);
    this.planSoon();
  }

  /** One packet: these messages, then what else there is to tell. */
  send(to: PeerAddress, messages: readonly PacketMessage[], checksum: boolean): void {
    const parts = messages.map((message) => this.core.options.encode(message));
    this.fill(parts);
    this.packet(to, parts, checksum);
  }

  private fill(parts: Buffer[]): void {
    if (this.membership.size + this.user.size === 0) return;
    const { options, profile, members } = this.core;
    const limit = transmitLimit(profile.retransmitMult, members.size);
    let free = options.packetBytes - compoundHeader;
    for (const { length } of parts) free -= partOverhead + length;
    free = this.membership.fill(parts, free, partsMax - parts.length, limit);
    this.user.fill(parts, free, partsMax - parts.length, limit);
  }

  private packet(to: PeerAddress, parts: readonly Buffer[], checksum: boolean): void {
    this.core.counters.packetsSent++;
    this.core.counters.messagesSent += parts.length;
    this.core.do({ kind: 'packet', to, parts, checksum });
  }

  /** Nothing is planned while there is nothing to tell. */
  private plan(): void {
    if (this.planned !== undefined) return;
    const { core, phaseMs } = this;
    this.planned = core.timers.at(core.nextMultiple(phaseMs, core.profile.gossipIntervalMs), () =>
      this.tick(),
    );
  }

  /**
   * What users tell goes out at once where little was told of late: on its way through the cluster
   * it then waits at nobody. It is told as often as ever.
   */
  private planSoon(): void {
    const { core } = this;
    const gapMs = core.profile.gossipIntervalMs / soonTicks;
    const dueMs = Math.max(core.nowMs, this.toldAtMs + gapMs);
    if (this.planned !== undefined && this.planned.dueMs <= dueMs) return;
    this.planned?.cancel();
    this.planned = core.timers.at(dueMs, () => this.tick());
  }

  private tick(): void {
    this.planned = undefined;
    this.toldAtMs = this.core.nowMs;
    const { members, profile } = this.core;
    for (const member of members.pick(profile.gossipNodes, (one) => this.isWorthTelling(one))) {
      const parts: Buffer[] = [];
      this.fill(parts);
      if (parts.length === 0) break;
      this.packet(member.at, parts, readsChecksum(member));
    }
    if (this.membership.size + this.user.size > 0) this.plan();
  }

  /** The dead too for a while: one that is not dead must hear of it to contradict. */
  private isWorthTelling(member: Member): boolean {
    if (!this.core.isOther(member) || member.state === 'left') return false;
    if (!member.isGone) return true;
    return this.core.nowMs - member.changedAtMs <= this.core.profile.gossipToTheDeadMs;
  }
}

export function readsChecksum({ protocolMax }: Member): boolean {
  return protocolMax >= understands.checksum;
}
