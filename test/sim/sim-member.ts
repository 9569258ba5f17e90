import {
  Swim,
  type Effect,
  type GossipEvent,
  type Input,
  type MemberState,
  type PeerAddress,
  type SwimOptions,
} from '../../src/gossip/index.js';
import type { Timer } from '../../src/gossip/timers.js';
import type { Network, Station } from './network.js';
import { pack, unpack } from './parcel.js';

/** What a socket's buffer holds of packets that nobody reads yet. */
const inboxMax = 500;

/** What a packet may hold. */
const packetBytes = 1400;

export type Choices = Pick<SwimOptions, 'profile' | 'lifeguard' | 'limits' | 'known' | 'userState'>;

/** A host that runs one member, or does not. */
export class SimMember implements Station {
  swim: Swim | undefined;
  readonly at: PeerAddress;
  /** Its life: how often it was started. */
  life = 0;
  startedAtMs = 0;
  hasLeft = false;
  /** Its clock is ahead of the world's by this. */
  private clockMs = 0;
  private starved = false;
  /** What waits to be sent; absent = nothing is held up. */
  private outbox: (() => void)[] | undefined;
  private readonly inbox: Input[] = [];
  private wake: Timer | undefined;

  constructor(
    readonly name: string,
    readonly index: number,
    private readonly network: Network,
    private readonly choices: Choices,
    private readonly onEvent: (observer: SimMember, event: GossipEvent) => void,
  ) {
    this.at = { address: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, port: 7946 };
    network.attach(this.at.address, this);
  }

  get reachable(): boolean {
    return this.swim !== undefined;
  }

  get livesForMs(): number {
    return this.network.nowMs - this.startedAtMs;
  }

  /** `started` is called before anything else happens. */
  start(
    meta: string,
    join: readonly PeerAddress[],
    known: readonly MemberState[] = [],
    started?: () => void,
  ): void {
    this.life++;
    this.startedAtMs = this.network.nowMs;
    this.hasLeft = false;
    const options: SwimOptions = {
      name: this.name,
      at: this.at,
      meta: Buffer.from(meta),
      random: this.network.random,
      encode: pack,
      packetBytes,
      known,
      ...this.choices,
    };
    this.swim = new Swim(options, this.now());
    started?.();
    if (join.length > 0) this.swim.join(join, this.now());
    this.after();
  }

  /** Without a word. */
  crash(): void {
    this.swim = undefined;
    this.starved = false;
    this.outbox = undefined;
    this.inbox.length = 0;
    this.wake?.cancel();
  }

  leave(): void {
    this.swim?.leave(this.now());
    this.hasLeft = true;
    this.after();
  }

  setMeta(meta: string): void {
    this.swim?.setMeta(Buffer.from(meta), this.now());
    this.after();
  }

  jumpClock(ms: number): void {
    this.clockMs += ms;
    // Whoever waits, waits for a duration: it wakes up as if nothing had happened, or at once.
    if (!this.starved) this.swim?.tick(this.now());
    this.after();
  }

  /** Runs only now and then from now on; the caller says when. */
  starve(): void {
    this.starved = this.swim !== undefined;
  }

  feed(): void {
    this.starved = false;
    this.run();
  }

  /** From now on its timers run, but what it sends and what it is sent waits. */
  hold(): void {
    this.outbox ??= [];
  }

  release(): void {
    const waiting = this.outbox ?? [];
    this.outbox = undefined;
    for (const send of waiting) send();
    this.run();
  }

  /** A moment of processor time: timers first, then what has arrived, as Node does it. */
  run(): void {
    this.swim?.tick(this.now());
    for (const input of this.inbox.splice(0)) this.swim?.step(input, this.now());
    this.after();
  }

  receive(inputs: readonly Input[]): void {
    if (this.swim === undefined) return;
    if (this.starved || this.outbox !== undefined) {
      if (this.inbox.length < inboxMax) this.inbox.push(...inputs);
      return;
    }
    for (const input of inputs) this.swim.step(input, this.now());
    this.after();
  }

  broadcast(name: string, payload: string): void {
    this.swim?.broadcast(name, Buffer.from(payload), this.now());
    this.after();
  }

  /** Does what the core wants after whoever is built upon it has used it, if it runs. */
  use(what: (swim: Swim, nowMs: number) => void): void {
    if (this.swim === undefined || this.starved) return;
    what(this.swim, this.now());
    this.after();
  }

  /** By its own clock. */
  now(): number {
    return this.network.nowMs + this.clockMs;
  }

  /** Does what the core wants, and comes back when it wants to. */
  private after(): void {
    const { swim } = this;
    if (swim === undefined) return;
    for (const effect of swim.ready()) this.do(effect);
    const tickMs = swim.nextTickMs();
    const wakeMs = Math.max(this.network.nowMs, tickMs - this.clockMs);
    if (this.wake?.dueMs === wakeMs) return;
    this.wake?.cancel();
    this.wake = this.network.events.at(wakeMs, () => {
      this.wake = undefined;
      if (this.swim === undefined || this.starved) return;
      // The world's time and this one's may differ by a rounding.
      this.swim.tick(Math.max(this.now(), tickMs));
      this.after();
    });
  }

  private do(effect: Effect): void {
    const { address } = this.at;
    if (this.outbox !== undefined && effect.kind !== 'event') {
      this.outbox.push(() => this.do(effect));
      return;
    }
    switch (effect.kind) {
      case 'packet': {
        const from = this.at;
        let size = 2;
        const inputs = effect.parts.map((part): Input => {
          size += part.length + 2;
          return { kind: 'packet', from, message: unpack(part) };
        });
        if (size > packetBytes) throw new Error(`${this.name}: a packet of ${size} bytes`);
        this.network.packet(address, effect.to, size, inputs);
        break;
      }
      case 'open':
        this.network.open(address, effect.stream, effect.to, effect.message, effect.timeoutMs);
        break;
      case 'reply':
        this.network.answer(effect.stream, effect.message);
        break;
      case 'close':
        if (effect.stream < 0) this.network.answer(effect.stream, undefined);
        break;
      case 'event':
        this.onEvent(this, effect.event);
        break;
    }
  }
}
