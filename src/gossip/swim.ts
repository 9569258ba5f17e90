import { MeshError } from '../base/index.js';
import { Core } from './core.js';
import type { Counters } from './counters.js';
import type { Effect, Input, StreamId } from './effects.js';
import { Exchange } from './exchange.js';
import { Gossip, readsChecksum } from './gossip.js';
import { Joiner } from './joiner.js';
import { Member } from './member-table.js';
import type { MemberState, PacketMessage, PeerAddress, StreamMessage } from './messages.js';
import { metaBytesMax, type SwimOptions } from './options.js';
import { Prober } from './prober.js';
import { Relay } from './relay.js';
import { Rules } from './rules.js';
import { Streams } from './streams.js';

/** A leave is told for this many gossip intervals at most, should nobody be left to be told. */
const leaveIntervalsMax = 25;

/** How much waits, for metrics. */
export interface QueueSizes {
  readonly broadcasts: number;
  readonly userBroadcasts: number;
  readonly userBroadcastsDropped: number;
  readonly timers: number;
  /** Pings without an answer yet. */
  readonly waiting: number;
}

/**
 * One member of a cluster, without sockets or clock. The caller's duties:
 *
 * 1. `step` what arrives, with the time.
 * 2. `tick` when `nextTickMs` has come; a tick that comes much later counts as a stop of the
 *    process, and the time between is left out.
 * 3. Do what `ready` returns, in order, after each call of any method.
 *
 * All times are of one clock in milliseconds that does not stand for a date.
 */
export class Swim {
  private readonly core: Core;
  private readonly gossip: Gossip;
  private readonly rules: Rules;
  private readonly streams: Streams;
  private readonly relay: Relay;
  private readonly exchange: Exchange;
  private readonly joiner: Joiner;

  constructor(options: SwimOptions, nowMs: number) {
    checkMeta(options.meta);
    const core = new Core(options, nowMs);
    this.core = core;
    for (const member of options.known ?? [])
      if (member.node !== options.name) core.members.add(new Member(remembered(member), nowMs));
    this.gossip = new Gossip(core);
    this.rules = new Rules(core, this.gossip);
    this.streams = new Streams(core);
    this.relay = new Relay(core, this.gossip);
    this.exchange = new Exchange(core, this.rules, this.streams);
    this.joiner = new Joiner(core, this.exchange, this.rules);
    new Prober(core, this.gossip, this.rules, this.streams);
    this.rules.announce();
  }

  step(input: Input, nowMs: number): void {
    this.core.advance(nowMs);
    switch (input.kind) {
      case 'packet':
        this.core.counters.messagesReceived++;
        this.packet(input.message, input.from);
        break;
      case 'request':
        this.request(input.stream, input.message, input.from);
        break;
      case 'reply':
        this.streams.replied(input.stream, input.message);
        break;
      case 'stream-failed':
        this.streams.failed(input.stream, input.reason);
        break;
    }
  }

  tick(nowMs: number): void {
    this.core.advance(nowMs);
    this.core.runTimers();
  }

  /** What is to be done now; it is handed over once. */
  ready(): Effect[] {
    return this.core.takeEffects();
  }

  /** When to tick next. */
  nextTickMs(): number {
    return this.core.nextTickMs;
  }

  /** Joins through any of these, and looks for them whenever they are missing. */
  join(addresses: readonly PeerAddress[], nowMs: number): void {
    this.core.advance(nowMs);
    this.refuseAfterLeave('join');
    this.joiner.join(addresses);
  }

  /** Says goodbye. Keep stepping and ticking until the event leave-told. May be called twice. */
  leave(nowMs: number): void {
    const { core } = this;
    core.advance(nowMs);
    if (core.leaving) return;
    let told = false;
    const done = (): void => {
      if (!told) core.emit({ kind: 'leave-told' });
      told = true;
    };
    const alone = !core.members.all().some((one) => core.isOther(one) && one.state === 'alive');
    const timeoutMs = alone ? 0 : leaveIntervalsMax * core.profile.gossipIntervalMs;
    core.timers.at(core.nowMs + timeoutMs, done);
    this.rules.leave(done);
  }

  /** What others are told of us from now on. At most 512 bytes. */
  setMeta(meta: Uint8Array, nowMs: number): void {
    this.core.advance(nowMs);
    checkMeta(meta);
    this.refuseAfterLeave('set meta');
    this.core.self.change({ meta }, this.core.nowMs);
    this.rules.raiseIncarnation(0);
    this.rules.announce();
  }

  /**
   * Tells all members, soon and probably: gossip may miss some. A newer one of the same name takes
   * the place of an older one that still waits. At most `broadcastBytesMax` bytes. `done` is called
   * once it was told as far as it will be, which is never while there is nobody to tell.
   */
  broadcast(name: string, payload: Uint8Array, nowMs: number, done?: () => void): void {
    this.core.advance(nowMs);
    const bytes = this.core.options.encode({ type: 'user', payload });
    if (bytes.length > this.gossip.messageBytesMax)
      throw new MeshError(
        'invalid_argument',
        `broadcast ${name}: ${payload.length} bytes, at most ${this.broadcastBytesMax} fit`,
      );
    this.gossip.tellUser(name, bytes, done);
  }

  /** Unit: bytes of payload. */
  get broadcastBytesMax(): number {
    return this.gossip.messageBytesMax - 1;
  }

  /**
   * Tells one member, by packet or, if that is to be reliable or does not fit, over a stream.
   * False: no such member, or it is gone.
   */
  sendUser(
    node: string,
    payload: Uint8Array,
    { reliable }: { readonly reliable: boolean },
    nowMs: number,
  ): boolean {
    this.core.advance(nowMs);
    const member = this.core.members.get(node);
    if (member === undefined || member.isGone) return false;
    const message = { type: 'user', payload } as const;
    if (reliable || payload.length > this.broadcastBytesMax) this.streams.tell(member.at, message);
    else this.gossip.send(member.at, [message], readsChecksum(member));
    return true;
  }

  /** Everybody that is known, the dead that are not forgotten yet and ourselves included. */
  members(): readonly MemberState[] {
    return this.core.members.all().map(({ facts }) => facts);
  }

  member(node: string): MemberState | undefined {
    return this.core.members.get(node)?.facts;
  }

  get self(): MemberState {
    return this.core.self.facts;
  }

  /** How far this process does not keep up: 0-7, 0 is well. */
  get healthScore(): number {
    return this.core.health.score;
  }

  get counters(): Readonly<Counters> {
    return this.core.counters;
  }

  get queueSizes(): QueueSizes {
    const { membership, user, dropped } = this.gossip.sizes;
    return {
      broadcasts: membership,
      userBroadcasts: user,
      userBroadcastsDropped: dropped,
      timers: this.core.timers.size,
      waiting: this.core.waiting.size,
    };
  }

  private packet(message: PacketMessage, from: PeerAddress): void {
    switch (message.type) {
      case 'ping':
        this.relay.answer(message, from);
        break;
      case 'indirect-ping':
        this.relay.pingFor(message, from);
        break;
      case 'ack':
        this.core.waiting.get(message.sequence)?.ack();
        break;
      case 'nack':
        this.core.waiting.get(message.sequence)?.nack();
        break;
      case 'alive':
        this.rules.alive(message, from.address);
        break;
      case 'suspect':
        this.rules.suspect(message);
        break;
      case 'dead':
        this.rules.dead(message);
        break;
      case 'user':
        this.core.emit({ kind: 'user', payload: message.payload, from: from.address });
        break;
    }
  }

  private request(stream: StreamId, message: StreamMessage, from: string): void {
    const { core } = this;
    if (message.type === 'ping' && this.relay.isForUs(message)) {
      const { sequence } = message;
      const payload = new Uint8Array();
      core.do({ kind: 'reply', stream, message: { type: 'ack', sequence, payload } });
      return;
    }
    if (message.type === 'push-pull') {
      if (this.exchange.isWelcome(from)) {
        this.exchange.answer(stream, message, from);
        return;
      }
      core.counters.requestsRefused++;
      const text = 'too many push-pulls from your address';
      core.do({ kind: 'reply', stream, message: { type: 'error', text } });
      return;
    }
    core.do({ kind: 'close', stream });
    if (message.type === 'user') core.emit({ kind: 'user', payload: message.payload, from });
  }

  private refuseAfterLeave(what: string): void {
    if (this.core.leaving) throw new MeshError('failed_precondition', `${what}: has left`);
  }
}

/** A suspicion is not remembered: whoever raised it watches it, we begin anew. */
function remembered(member: MemberState): MemberState {
  return member.state === 'suspect' ? { ...member, state: 'alive' } : member;
}

function checkMeta(meta: Uint8Array | undefined): void {
  if (meta !== undefined && meta.length > metaBytesMax)
    throw new MeshError(
      'invalid_argument',
      `meta: ${meta.length} bytes, at most ${metaBytesMax} are allowed`,
    );
}
