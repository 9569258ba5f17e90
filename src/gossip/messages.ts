/**
 * What members say to each other, decoded. The bytes are HashiCorp memberlist's (wire/); names of
 * the fields are ours. Bytes in messages are views that stay valid.
 */

/** Where a member listens, UDP and TCP alike. */
export interface PeerAddress {
  /** Canonical text. */
  readonly address: string;
  /** Range 1-65535. */
  readonly port: number;
}

/**
 * Versions that a member speaks: of memberlist's own protocol and of what is built upon it.
 * Range of each: 0-255.
 */
export interface Versions {
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly protocol: number;
  readonly delegateMin: number;
  readonly delegateMax: number;
  readonly delegate: number;
}

/** A direct probe; `node` is whom it is for, empty = anyone. */
export interface Ping {
  readonly type: 'ping';
  /** Range 0-2^32-1. */
  readonly sequence: number;
  readonly node: string;
  /** Where the ack goes; absent = where the packet came from. */
  readonly source?: PeerAddress & { readonly node: string };
}

/** Asks the receiver to ping `target` in the sender's place. */
export interface IndirectPing {
  readonly type: 'indirect-ping';
  readonly sequence: number;
  readonly node: string;
  /** Port 0 = the one that the receiver itself listens on. */
  readonly target: PeerAddress;
  /** The sender wants a nack when the target does not answer. */
  readonly nack: boolean;
  readonly source?: PeerAddress & { readonly node: string };
}

export interface Ack {
  readonly type: 'ack';
  readonly sequence: number;
  readonly payload: Uint8Array;
}

export interface Nack {
  readonly type: 'nack';
  readonly sequence: number;
}

export interface Suspect {
  readonly type: 'suspect';
  readonly incarnation: number;
  readonly node: string;
  readonly from: string;
}

/** `from` === `node`: it left by itself. */
export interface Dead {
  readonly type: 'dead';
  readonly incarnation: number;
  readonly node: string;
  readonly from: string;
}

export interface Alive {
  readonly type: 'alive';
  readonly incarnation: number;
  readonly node: string;
  readonly at: PeerAddress;
  /** At most 512 bytes. */
  readonly meta: Uint8Array;
  /** Absent in what very old members send. */
  readonly versions?: Versions;
}

/** A message of what is built upon membership. */
export interface UserMessage {
  readonly type: 'user';
  readonly payload: Uint8Array;
}

/** All that is known of one member, in a push-pull. */
export interface MemberState {
  readonly node: string;
  readonly at: PeerAddress;
  readonly meta: Uint8Array;
  readonly incarnation: number;
  readonly state: 'alive' | 'suspect' | 'dead' | 'left';
  readonly versions?: Versions;
}

/** Exchange of everything, over TCP. */
export interface PushPull {
  readonly type: 'push-pull';
  readonly join: boolean;
  readonly members: readonly MemberState[];
  readonly userState: Uint8Array;
}

/** Why a peer did not answer a TCP request. */
export interface ErrorReply {
  readonly type: 'error';
  readonly text: string;
}

/** What a UDP packet may hold. */
export type PacketMessage = Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | UserMessage;

/** What a TCP stream may hold, one in each direction. */
export type StreamMessage = Ping | Ack | PushPull | UserMessage | ErrorReply;

/** Why a peer's bytes were dropped; the reasons are counted apart. */
export type DropReason =
  | 'malformed'
  | 'truncated'
  | 'too-large'
  | 'too-deep'
  | 'unknown-type'
  | 'checksum'
  | 'label'
  | 'not-encrypted'
  | 'undecryptable'
  /** Too much comes over streams at once. */
  | 'busy';
