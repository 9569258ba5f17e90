import type { Watermark } from './model.js';

/** A head without what its section says already. */
export interface HeadFields {
  readonly version: number;
  readonly floor: number;
  readonly count: number;
  readonly versions: Uint8Array;
  readonly signature: Uint8Array;
}

/** A row without what its section says already. */
export interface RowFields {
  readonly version: number;
  readonly key: string;
  readonly value?: Uint8Array;
  readonly signature: Uint8Array;
}

/** Rows of one owner in one network. */
export interface Section {
  readonly owner: string;
  readonly publicKey: Uint8Array;
  readonly network: string;
  readonly epoch: number;
  /** In an answer: what the receiver must have had before; 0 = nothing, these are all rows. */
  readonly base: number;
  /** In an answer: no more rows follow. */
  readonly last: boolean;
  readonly head?: HeadFields;
  readonly rows: readonly RowFields[];
}

/** Gossip: what is new. */
export interface News {
  readonly type: 'news';
  readonly sections: readonly Section[];
}

/** Opens an exchange: one hash per network over all that the sender has in it. */
export interface Hello {
  readonly type: 'hello';
  readonly from: string;
  /** `id`: networkId of its name. */
  readonly networks: readonly { readonly id: number; readonly hash: bigint }[];
}

export interface DigestNetwork {
  readonly network: string;
  readonly owners: readonly Omit<Watermark, 'network'>[];
}

/** How far the sender is with every owner, or with some. */
export interface Digest {
  readonly type: 'digest';
  readonly from: string;
  /** All of these networks; the sender wants to hear where it is behind. */
  readonly asks: boolean;
  readonly networks: readonly DigestNetwork[];
}

export interface PullStream {
  readonly owner: string;
  readonly network: string;
  /** What the sender has: everything of `epoch` up to `above`. */
  readonly epoch: number;
  readonly above: number;
  /** Rows up to this version were sent by earlier answers. */
  readonly after: number;
}

/** Asks for rows. */
export interface Pull {
  readonly type: 'pull';
  readonly from: string;
  /** Random; the answer repeats it. Range 0-2^32-1. */
  readonly id: number;
  readonly streams: readonly PullStream[];
}

/** One answer to a pull; streams that did not fit are left out. */
export interface Rows {
  readonly type: 'rows';
  readonly from: string;
  readonly id: number;
  readonly sections: readonly Section[];
}

export interface NetworkVersion {
  readonly network: string;
  readonly version: number;
}

/** Which of an owner's rows a node has put to use. */
export interface Use {
  readonly from: string;
  readonly owner: string;
  /** Of the owner. */
  readonly epoch: number;
  /** Of the sender: one life of it. */
  readonly life: number;
  /** Of all that the sender tells in this life; what is later counts. */
  readonly serial: number;
  /** All networks that the sender takes, besides ''. */
  readonly interest: readonly string[];
  readonly networks: readonly NetworkVersion[];
}

/** Tells an owner of its rows' use; the owner itself is in the signature alone. */
export interface Applied extends Omit<Use, 'owner'> {
  readonly type: 'applied';
  readonly publicKey: Uint8Array;
  /** Over useBytes, with the sender's key. */
  readonly signature: Uint8Array;
}

/** The owner has noted it. */
export interface Confirmed {
  readonly type: 'confirmed';
  readonly from: string;
  readonly epoch: number;
  /** As it was told. */
  readonly life: number;
  readonly networks: readonly NetworkVersion[];
}

export type Message = News | Hello | Digest | Pull | Rows | Applied | Confirmed;
