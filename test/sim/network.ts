import type { Input, PeerAddress, StreamMessage } from '../../src/gossip/index.js';
import { Timers } from '../../src/gossip/timers.js';

/** What the network does to packets. Streams lose nothing, but what is lost costs them time. */
export interface Weather {
  /** Share of the packets. Range 0-1. */
  readonly loss: number;
  readonly duplicate: number;
  /** One way; every packet has its own, so they overtake each other. Unit: milliseconds. */
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** The second of two same packets may come as late as this; absent = as late as any. */
  readonly straggleMs?: number;
}

export const fair: Weather = { loss: 0, duplicate: 0, delayMinMs: 0.2, delayMaxMs: 2 };

/** A member as the network sees it. */
export interface Station {
  /** A stopped one refuses streams, a vanished one is silent. */
  readonly reachable: boolean;
  receive(inputs: readonly Input[]): void;
}

/** What a lost segment costs a stream at first; doubles. Unit: milliseconds. */
const resendMs = 200;

/** A stream as its opener sees it, by the acceptor's number. */
interface Accepted {
  readonly opener: string;
  readonly acceptor: string;
  readonly stream: number;
  readonly untilMs: number;
}

/** Virtual time and the ways between stations. Everything follows from `random`. */
export class Network {
  readonly events = new Timers();
  nowMs = 0;
  weather: Weather = fair;
  packets = 0;
  bytes = 0;
  private readonly stations = new Map<string, Station>();
  /** Directed ways that carry nothing: `from>to`. */
  private readonly cut = new Set<string>();
  private readonly accepted = new Map<number, Accepted>();
  private lastAccepted = 0;

  constructor(readonly random: () => number) {}

  attach(address: string, station: Station): void {
    this.stations.set(address, station);
  }

  /** One direction. */
  cutOff(from: string, to: string): void {
    this.cut.add(`${from}>${to}`);
  }

  healAll(): void {
    this.cut.clear();
  }

  after(delayMs: number, run: () => void): void {
    this.events.at(this.nowMs + delayMs, run);
  }

  /** Lets the time pass. */
  runUntil(untilMs: number): void {
    for (;;) {
      const nextMs = this.events.nextMs;
      if (nextMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.events.runNext(this.nowMs);
    }
    this.nowMs = untilMs;
  }

  packet(from: string, to: PeerAddress, size: number, inputs: readonly Input[]): void {
    this.bytes += size;
    this.carry(from, to.address, () => this.stations.get(to.address)?.receive(inputs));
  }

  open(
    opener: string,
    stream: number,
    to: PeerAddress,
    message: StreamMessage,
    timeoutMs: number,
  ): void {
    const untilMs = this.nowMs + timeoutMs;
    const fail = (reason: string): void => {
      this.stations.get(opener)?.receive([{ kind: 'stream-failed', stream, reason }]);
    };
    const station = this.stations.get(to.address);
    const delayMs = this.streamDelayMs() + this.streamDelayMs() + this.streamDelayMs();
    if (!this.isWay(opener, to.address) || !this.isWay(to.address, opener) || delayMs > timeoutMs) {
      this.after(timeoutMs, () => fail('timed out'));
      return;
    }
    this.after(delayMs, () => {
      if (station?.reachable !== true) {
        fail('refused');
        return;
      }
      const id = --this.lastAccepted;
      this.accepted.set(id, { opener, acceptor: to.address, stream, untilMs });
      station.receive([{ kind: 'request', stream: id, from: opener, message }]);
    });
  }

  /** The acceptor's answer; undefined = closed without one. */
  answer(id: number, message: StreamMessage | undefined): void {
    const accepted = this.accepted.get(id);
    if (accepted === undefined) return;
    this.accepted.delete(id);
    const { opener, acceptor, stream, untilMs } = accepted;
    const dueMs = this.nowMs + this.streamDelayMs();
    const lost = !this.isWay(acceptor, opener) || dueMs > untilMs;
    this.events.at(lost ? Math.max(untilMs, this.nowMs) : dueMs, () => {
      const input: Input =
        lost || message === undefined
          ? { kind: 'stream-failed', stream, reason: lost ? 'timed out' : 'closed' }
          : { kind: 'reply', stream, message };
      this.stations.get(opener)?.receive([input]);
    });
  }

  /** One UDP packet: `arrive` is called never, once or twice. */
  carry(from: string, to: string, arrive: () => void): void {
    this.packets++;
    this.carryOnce(from, to, arrive);
    const { duplicate, straggleMs = 0 } = this.weather;
    if (duplicate <= this.random()) return;
    if (straggleMs === 0) this.carryOnce(from, to, arrive);
    else this.after(this.random() * straggleMs, () => this.carryOnce(from, to, arrive));
  }

  isWay(from: string, to: string): boolean {
    return this.cut.size === 0 || !this.cut.has(`${from}>${to}`);
  }

  /** What a segment of a stream takes, resends included. Unit: milliseconds. */
  streamDelayMs(): number {
    let delayMs = this.delayMs();
    for (let waitMs = resendMs; this.weather.loss > this.random(); waitMs *= 2) delayMs += waitMs;
    return delayMs;
  }

  private carryOnce(from: string, to: string, arrive: () => void): void {
    if (this.weather.loss > this.random() || !this.isWay(from, to)) return;
    this.after(this.delayMs(), arrive);
  }

  private delayMs(): number {
    const { delayMinMs, delayMaxMs } = this.weather;
    return delayMinMs + this.random() * (delayMaxMs - delayMinMs);
  }
}
