import type { MemberState, PacketMessage, PeerAddress, StreamMessage } from './messages.js';

/**
 * One exchange over a stream. Those that the core opens are numbered upwards from 1; whoever
 * accepts those of peers numbers them downwards from -1.
 */
export type StreamId = number;

/** What happened outside. */
export type Input =
  /** One message of a packet; those of a compound packet come one by one, in order. */
  | { readonly kind: 'packet'; readonly from: PeerAddress; readonly message: PacketMessage }
  /** A peer opened a stream and said this; `from` is of no use but to tell sources apart. */
  | {
      readonly kind: 'request';
      readonly stream: StreamId;
      readonly from: string;
      readonly message: StreamMessage;
    }
  /** The answer to what was said on a stream that the core opened. */
  | { readonly kind: 'reply'; readonly stream: StreamId; readonly message: StreamMessage }
  /** A stream that the core opened ended without the answer. */
  | { readonly kind: 'stream-failed'; readonly stream: StreamId; readonly reason: string };

/** What is known of a member changed; its fields are those after the change. */
export interface MemberEvent {
  readonly kind: 'member';
  /**
   * - joined: alive, and was unknown, dead or gone
   * - updated: other meta or address
   * - suspected: does not answer somebody
   * - recovered: alive after a suspicion
   * - failed: dead
   * - left: gone by its own will
   * - forgotten: was dead or gone, and is no longer known
   */
  readonly change:
    'joined' | 'updated' | 'suspected' | 'recovered' | 'failed' | 'left' | 'forgotten';
  readonly member: Readonly<MemberState>;
}

export type GossipEvent =
  | MemberEvent
  /** Somebody said untrue things of us: suspected, dead, or other meta. */
  | { readonly kind: 'refuted'; readonly incarnation: number }
  /** Two members with one name; the known one stays. */
  | {
      readonly kind: 'conflict';
      readonly node: string;
      readonly known: PeerAddress;
      readonly claimed: PeerAddress;
    }
  /** `from`: an address, of a gossiped one that of whoever passed it on. */
  | { readonly kind: 'user'; readonly payload: Uint8Array; readonly from: string }
  /** The state of a peer's user, out of a push-pull. */
  | { readonly kind: 'user-state'; readonly join: boolean; readonly payload: Uint8Array }
  /** One of the addresses given to join; `problem` absent = it worked. */
  | { readonly kind: 'join'; readonly at: PeerAddress; readonly problem?: string }
  /** What a peer knows was not taken over. */
  | { readonly kind: 'merge-refused'; readonly problem: string }
  /** It answers over a stream but not to packets, not even to those of others. */
  | { readonly kind: 'packets-lost'; readonly node: string }
  /** Our leave was told as far as it will be: the process may end. */
  | { readonly kind: 'leave-told' };

/** What is to be done, in this order. */
export type Effect =
  /**
   * One packet: the parts go bare if there is one, else as a compound. `checksum`: the receiver
   * is known to understand one.
   */
  | {
      readonly kind: 'packet';
      readonly to: PeerAddress;
      readonly parts: readonly Buffer[];
      readonly checksum: boolean;
    }
  /**
   * Connect and write. With `expectReply`, exactly one input 'reply' or 'stream-failed' has to
   * follow within `timeoutMs` (later ones are ignored); without, the stream is closed after
   * writing and nothing follows.
   */
  | {
      readonly kind: 'open';
      readonly stream: StreamId;
      readonly to: PeerAddress;
      readonly message: StreamMessage;
      readonly expectReply: boolean;
      readonly timeoutMs: number;
    }
  /** Write the answer, then close. */
  | { readonly kind: 'reply'; readonly stream: StreamId; readonly message: StreamMessage }
  | { readonly kind: 'close'; readonly stream: StreamId }
  | { readonly kind: 'event'; readonly event: GossipEvent };
