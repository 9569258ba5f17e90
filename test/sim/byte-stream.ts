import type { GossipStream, StreamHandlers } from '../../src/gossip/index.js';
import type { ByteNetwork, ByteTransport, Seal } from './byte-network.js';

/** A segment that finds no way is sent again after this; doubles. Unit: milliseconds. */
const resendMs = 200;
const segmentsMax = 3;

/** One end of a TCP connection: what is sent arrives in order and in pieces, or not at all. */
export class ByteStream implements GossipStream {
  peer: ByteStream | undefined;
  private isOpen = true;
  /** Still to be done at the other end, in order. */
  private readonly outbox: ((peer: ByteStream) => void)[] = [];
  private isSending = false;

  constructor(
    private readonly net: ByteNetwork,
    private readonly own: ByteTransport,
    private readonly to: string,
    public handlers: StreamHandlers | undefined,
  ) {}

  connect(): void {
    this.travel(() => {
      const listener = this.net.listening.get(this.to);
      if (listener === undefined) {
        this.net.network.after(this.net.network.streamDelayMs(), () => this.end('refused'));
        return;
      }
      this.peer = listener.accept(this, this.own.party.at.address);
      // Bytes go after the answer has come.
      this.net.network.after(this.net.network.streamDelayMs(), () => this.pump());
    });
  }

  send(bytes: Uint8Array, last: boolean): void {
    if (!this.isOpen) return;
    const { random } = this.net.network;
    const seal = this.own.sealFor(this.to);
    for (let rest = Buffer.from(bytes), left = segmentsMax; rest.length > 0; left--) {
      const length = left === 1 ? rest.length : Math.ceil(rest.length * random());
      const segment = rest.subarray(0, Math.max(1, length));
      rest = rest.subarray(segment.length);
      this.net.tap.sent(segment);
      this.outbox.push((peer) => peer.receive(segment, seal));
    }
    if (last) this.outbox.push((peer) => peer.end(undefined));
    this.pump();
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.own.forget(this);
    this.outbox.length = 0;
    this.outbox.push((peer) => peer.end('reset'));
    this.pump();
  }

  expire(deadlineMs: number): void {
    if (!this.isOpen) return;
    this.end(`no end in ${deadlineMs} ms`);
    this.close();
  }

  private receive(segment: Buffer, seal: Seal): void {
    if (!this.isOpen) return;
    this.own.look(seal, () => this.handlers?.received(segment));
  }

  private end(reason: string | undefined): void {
    if (!this.isOpen) return;
    const { handlers } = this;
    this.handlers = undefined;
    handlers?.closed(reason);
  }

  private pump(): void {
    if (this.isSending || this.peer === undefined) return;
    const next = this.outbox.shift();
    if (next === undefined) return;
    this.isSending = true;
    this.travel(() => {
      this.isSending = false;
      next(this.peer!);
      this.pump();
    });
  }

  private travel(arrive: () => void, waitMs = resendMs): void {
    const { network } = this.net;
    const { address } = this.own.party.at;
    if (network.isWay(address, this.to) && network.isWay(this.to, address)) {
      network.after(network.streamDelayMs(), arrive);
    } else if (waitMs < 60_000) network.after(waitMs, () => this.travel(arrive, 2 * waitMs));
  }
}
