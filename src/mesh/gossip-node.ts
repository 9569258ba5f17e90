import { messageOf, type Clock } from '../base/index.js';
import {
  compoundOverhead,
  encodeMessage,
  encodeStream,
  openPacket,
  packetBudget,
  sealPacket,
  StreamReader,
  Swim,
  type DropReason,
  type Effect,
  type GossipEvent,
  type GossipHandlers,
  type GossipStream,
  type GossipTransport,
  type MemberState,
  type PeerAddress,
  type StreamHandlers,
  type StreamMessage,
  type SwimOptions,
  type WireOptions,
} from '../gossip/index.js';

export interface GossipNodeOptions {
  readonly swim: Omit<SwimOptions, 'encode' | 'packetBytes' | 'at'>;
  readonly wire: WireOptions;
  readonly clock: Clock;
  readonly onEvent: (event: GossipEvent) => void;
}

/** Who has no key can make us hold this much: what it sends must be whole before it is opened. */
const heldBytesMax = 32 * 1024 * 1024;

/**
 * A member of the cluster on a real network: the pure core (Swim), the wire around it and a
 * transport below. Nothing is decided here.
 */
export class GossipNode {
  /** What peers sent and could not be used, by reason. */
  readonly drops = new Map<DropReason, number>();
  private readonly swim: Swim;
  private readonly streams = new Map<number, GossipStream>();
  private nextAccepted = -1;
  /** Came over streams that peers have opened and not finished. */
  private heldBytes = 0;
  private cancelTick: () => void = () => undefined;
  private tickAtMs = Infinity;
  private isFlushing = false;
  private isClosed = false;

  private constructor(
    private readonly options: GossipNodeOptions,
    private readonly transport: GossipTransport,
    at: PeerAddress,
  ) {
    const { swim, wire, clock } = options;
    const packetBytes = packetBudget(wire, true) + compoundOverhead;
    this.swim = new Swim({ ...swim, at, encode: encodeMessage, packetBytes }, clock.now());
  }

  /**
   * `at` is where others reach us; its port 0 stands for the transport's.
   * Errors: those of `open`.
   */
  static async start(
    options: GossipNodeOptions,
    open: (handlers: GossipHandlers) => Promise<GossipTransport>,
    at: PeerAddress,
  ): Promise<GossipNode> {
    // What comes before the node is there is as good as lost on the way.
    const started: { node?: GossipNode } = {};
    const transport = await open({
      packet: (bytes, from) => started.node?.packet(bytes, from),
      accepted: (stream, from) => started.node?.accepted(stream, from) ?? deaf,
    });
    const port = at.port === 0 ? transport.port : at.port;
    started.node = new GossipNode(options, transport, { address: at.address, port });
    started.node.flush();
    return started.node;
  }

  get self(): Readonly<MemberState> {
    return this.swim.self;
  }

  get counters() {
    const { counters, queueSizes, healthScore } = this.swim;
    return { ...counters, ...this.transport.counters, ...queueSizes, healthScore };
  }

  get broadcastBytesMax(): number {
    return this.swim.broadcastBytesMax;
  }

  /** Everybody that is known, the dead that are not forgotten and ourselves included. */
  members(): readonly Readonly<MemberState>[] {
    return this.swim.members();
  }

  join(addresses: readonly PeerAddress[]): void {
    this.swim.join(addresses, this.now());
    this.flush();
  }

  /** `done` is called once it was told as far as it will be. */
  broadcast(name: string, payload: Uint8Array, done?: () => void): void {
    this.swim.broadcast(name, payload, this.now(), done);
    this.flush();
  }

  /** False: no such member, or it is gone. */
  send(node: string, payload: Uint8Array, reliable: boolean): boolean {
    const known = this.swim.sendUser(node, payload, { reliable }, this.now());
    this.flush();
    return known;
  }

  /** Says goodbye; the event leave-told says when that is done. */
  leave(): void {
    this.swim.leave(this.now());
    this.flush();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.cancelTick();
    await this.transport.close();
  }

  private now(): number {
    return this.options.clock.now();
  }

  private packet(bytes: Buffer, from: PeerAddress): void {
    const opened = openPacket(bytes, this.options.wire);
    if (typeof opened === 'string') {
      this.drop(opened);
      return;
    }
    const now = this.now();
    for (const message of opened) this.swim.step({ kind: 'packet', from, message }, now);
    this.flush();
  }

  /** A peer opened a stream; the core sees it once there is a message on it. */
  private accepted(stream: GossipStream, from: string): StreamHandlers {
    const id = this.nextAccepted--;
    const reader = new StreamReader(this.options.wire, 'request');
    let isDone = false;
    let held = 0;
    const release = (): void => {
      isDone = true;
      this.heldBytes -= held;
      held = 0;
    };
    const take = (result: StreamMessage | DropReason | undefined): void => {
      if (result === undefined) return;
      release();
      if (typeof result === 'string') {
        this.drop(result);
        this.refuse(stream, result);
        return;
      }
      this.streams.set(id, stream);
      this.swim.step({ kind: 'request', stream: id, from, message: result }, this.now());
      this.flush();
    };
    return {
      received: (bytes) => {
        if (isDone) return;
        held += bytes.length;
        this.heldBytes += bytes.length;
        take(this.heldBytes > heldBytesMax ? 'busy' : reader.push(bytes));
      },
      closed: () => {
        release();
        this.streams.delete(id);
      },
    };
  }

  /** As memberlist does: whoever joins with the wrong key shall read why. */
  private refuse(stream: GossipStream, reason: DropReason): void {
    const message = { type: 'error', text: `not understood: ${reason}` } as const;
    if (reason === 'label') stream.close();
    else stream.send(encodeStream(message, this.options.wire, 'reply'), true);
  }

  private flush(): void {
    // What an event leads to is done after what was to be done before.
    if (this.isFlushing || this.isClosed) return;
    this.isFlushing = true;
    for (let effects = this.swim.ready(); effects.length > 0; effects = this.swim.ready()) {
      for (const effect of effects) this.do(effect);
    }
    this.isFlushing = false;
    this.plan();
  }

  private plan(): void {
    const at = this.swim.nextTickMs();
    if (at === this.tickAtMs) return;
    this.cancelTick();
    this.tickAtMs = at;
    if (at === Infinity) return;
    this.cancelTick = this.options.clock.after(Math.max(0, at - this.now()), () => {
      this.tickAtMs = Infinity;
      this.swim.tick(this.now());
      this.flush();
    });
  }

  private do(effect: Effect): void {
    switch (effect.kind) {
      case 'packet':
        this.transport.send(
          effect.to,
          sealPacket(effect.parts, this.options.wire, effect.checksum),
        );
        break;
      case 'open':
        this.open(effect);
        break;
      case 'reply':
        this.reply(effect.stream, effect.message);
        break;
      case 'close':
        this.streams.get(effect.stream)?.close();
        this.streams.delete(effect.stream);
        break;
      case 'event':
        this.options.onEvent(effect.event);
        break;
    }
  }

  private reply(id: number, message: StreamMessage): void {
    const stream = this.streams.get(id);
    this.streams.delete(id);
    const bytes = this.encoded(message, 'reply');
    if (typeof bytes === 'string') stream?.close();
    else stream?.send(bytes, true);
  }

  private open(effect: Effect & { readonly kind: 'open' }): void {
    const { stream: id, to, message, expectReply, timeoutMs } = effect;
    const bytes = this.encoded(message, 'request');
    if (typeof bytes === 'string') {
      if (expectReply) this.swim.step(failed(id, bytes), this.now());
      return;
    }
    const reader = new StreamReader(this.options.wire, 'reply');
    let isDone = !expectReply;
    const end = (result: StreamMessage | DropReason, reason?: string): void => {
      if (isDone) return;
      isDone = true;
      this.streams.delete(id);
      if (typeof result === 'string') this.swim.step(failed(id, reason ?? result), this.now());
      else this.swim.step({ kind: 'reply', stream: id, message: result }, this.now());
      stream.close();
      this.flush();
    };
    const stream = this.transport.connect(to, timeoutMs, {
      received: (bytes) => {
        const result = reader.push(bytes);
        if (result === undefined) return;
        if (typeof result === 'string') this.drop(result);
        end(result);
      },
      closed: (reason) => end(reader.end(), reason),
    });
    if (expectReply) this.streams.set(id, stream);
    stream.send(bytes, !expectReply);
  }

  /** The bytes, or why there are none: no peer would read that many. */
  private encoded(message: StreamMessage, side: 'request' | 'reply'): Buffer | string {
    try {
      return encodeStream(message, this.options.wire, side);
    } catch (error) {
      return messageOf(error);
    }
  }

  private drop(reason: DropReason): void {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}

const deaf: StreamHandlers = { received: () => undefined, closed: () => undefined };

function failed(stream: number, reason: string) {
  return { kind: 'stream-failed', stream, reason } as const;
}
