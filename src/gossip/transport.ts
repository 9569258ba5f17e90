import type { PeerAddress } from './messages.js';

/** One TCP exchange with a peer. Its whole length is bounded; what is over is closed. */
export interface GossipStream {
  /** With `last`, the connection is closed when the bytes are out and the peer has closed too. */
  send(bytes: Uint8Array, last: boolean): void;
  /** At once. `closed` is not called afterwards. */
  close(): void;
}

export interface StreamHandlers {
  received(bytes: Buffer): void;
  /** Without a reason the peer has closed, as one does that has said all. */
  closed(reason: string | undefined): void;
}

export interface GossipHandlers {
  packet(bytes: Buffer, from: PeerAddress): void;
  /** A peer has connected, from this address; its port says nothing. */
  accepted(stream: GossipStream, from: string): StreamHandlers;
}

export interface GossipTransport {
  /** The port in use. */
  readonly port: number;
  readonly counters: Readonly<TransportCounters>;
  /** One UDP packet; lost when the system does not take it. */
  send(to: PeerAddress, packet: Uint8Array): void;
  connect(to: PeerAddress, deadlineMs: number, handlers: StreamHandlers): GossipStream;
  close(): Promise<void>;
}

export interface TransportCounters {
  sentPackets: number;
  sentBytes: number;
  sendErrors: number;
  receivedPackets: number;
  receivedBytes: number;
  streams: number;
  /** Turned away because too many were open. */
  refusedStreams: number;
  streamBytes: number;
}
