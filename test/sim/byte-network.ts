import type {
  GossipHandlers,
  GossipStream,
  GossipTransport,
  Keyring,
  PeerAddress,
  StreamHandlers,
  TransportCounters,
} from '../../src/gossip/index.js';
import { ByteStream } from './byte-stream.js';
import type { Network } from './network.js';

/** What a host lets the network look at. */
export interface Party {
  readonly at: PeerAddress;
  readonly keyring: Keyring;
  /** How many packets and streams it could not open so far. */
  readonly undecryptable: () => number;
}

/** What came could not be opened. */
export interface Unopened {
  readonly from: PeerAddress;
  readonly to: PeerAddress;
  /** Whether the receiver had the key when it was sent, and when it came. */
  readonly had: boolean;
  readonly has: boolean;
}

/** How something was sealed. */
export interface Seal {
  readonly from: PeerAddress;
  readonly fingerprint: string;
  /** The receiver had the key. */
  readonly had: boolean;
}

export interface Tap {
  /** All that is ever sent, in pieces as they go. */
  sent(bytes: Uint8Array): void;
  unopened(what: Unopened): void;
}

/** Transports of bytes over a simulated network. */
export class ByteNetwork {
  readonly listening = new Map<string, ByteTransport>();

  constructor(
    readonly network: Network,
    readonly tap: Tap,
  ) {}

  open(party: Party, handlers: GossipHandlers): ByteTransport {
    const transport = new ByteTransport(this, party, handlers);
    this.listening.set(party.at.address, transport);
    return transport;
  }
}

export class ByteTransport implements GossipTransport {
  readonly port: number;
  readonly counters: TransportCounters = {
    sentPackets: 0,
    sentBytes: 0,
    sendErrors: 0,
    receivedPackets: 0,
    receivedBytes: 0,
    streams: 0,
    refusedStreams: 0,
    streamBytes: 0,
  };
  private readonly streams = new Set<ByteStream>();
  private isClosed = false;

  constructor(
    private readonly net: ByteNetwork,
    readonly party: Party,
    private readonly handlers: GossipHandlers,
  ) {
    this.port = party.at.port;
  }

  send(to: PeerAddress, packet: Uint8Array): void {
    if (this.isClosed) return;
    const { at } = this.party;
    const { network, tap, listening } = this.net;
    const bytes = Buffer.from(packet);
    tap.sent(bytes);
    const seal = this.sealFor(to.address);
    network.carry(at.address, to.address, () => {
      const receiver = listening.get(to.address);
      receiver?.look(seal, () => receiver.handlers.packet(bytes, at));
    });
  }

  connect(to: PeerAddress, deadlineMs: number, handlers: StreamHandlers): GossipStream {
    const stream = new ByteStream(this.net, this, to.address, handlers);
    this.keep(stream, deadlineMs);
    stream.connect();
    return stream;
  }

  accept(peer: ByteStream, from: string): ByteStream {
    const stream = new ByteStream(this.net, this, from, undefined);
    stream.peer = peer;
    this.keep(stream, 10_000);
    stream.handlers = this.handlers.accepted(stream, from);
    return stream;
  }

  /** With what we seal now, and whether who listens there could open it. */
  sealFor(address: string): Seal {
    const { fingerprint } = this.party.keyring.primary;
    const receiver = this.net.listening.get(address);
    return { from: this.party.at, fingerprint, had: receiver?.accepts(fingerprint) === true };
  }

  /** Hands something over, and tells when it could not be opened. */
  look({ from, fingerprint, had }: Seal, deliver: () => void): void {
    const before = this.party.undecryptable();
    const has = this.accepts(fingerprint);
    deliver();
    if (this.party.undecryptable() === before) return;
    this.net.tap.unopened({ from, to: this.party.at, had, has });
  }

  private accepts(fingerprint: string): boolean {
    return this.party.keyring.accepted.some((key) => key.fingerprint === fingerprint);
  }

  forget(stream: ByteStream): void {
    this.streams.delete(stream);
  }

  close(): Promise<void> {
    this.isClosed = true;
    const { listening } = this.net;
    if (listening.get(this.party.at.address) === this) listening.delete(this.party.at.address);
    for (const stream of this.streams) stream.close();
    return Promise.resolve();
  }

  private keep(stream: ByteStream, deadlineMs: number): void {
    this.streams.add(stream);
    this.counters.streams++;
    this.net.network.after(deadlineMs, () => stream.expire(deadlineMs));
  }
}
