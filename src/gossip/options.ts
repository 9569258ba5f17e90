import type { Limits } from './admission.js';
import type { MemberState, PacketMessage, PeerAddress, Versions } from './messages.js';
import type { Profile } from './profile.js';

export interface SwimOptions {
  /** Unique in the cluster. Bytes: 1-512. */
  readonly name: string;
  /** Where others reach us. */
  readonly at: PeerAddress;
  /** What others are told of us. At most 512 bytes. Default: nothing. */
  readonly meta?: Uint8Array;
  /** Default: ourVersions. */
  readonly versions?: Versions;
  readonly profile: Profile;
  /** Range of the result: 0 <= x < 1. */
  readonly random: () => number;
  /** The bytes of one message, with its type byte. */
  readonly encode: (message: PacketMessage) => Buffer;
  /** What the parts of one packet may take, the frame of a compound included. Unit: bytes. */
  readonly packetBytes: number;
  /** What a push-pull carries for what is built upon membership. Default: nothing. */
  readonly userState?: (join: boolean) => Uint8Array;
  /** False: plain SWIM, for comparison. Default true. */
  readonly lifeguard?: boolean;
  /** Ping over a stream those that do not answer packets. Default true. */
  readonly streamPings?: boolean;
  /** A dead member's name may be taken by another address after this. 0 = never. Default 0. */
  readonly reclaimAfterMs?: number;
  readonly limits?: Partial<Limits>;
  /** Members known from before, taken over without telling anybody. */
  readonly known?: readonly MemberState[];
}

/** What members tell of themselves at most, as in memberlist. Unit: bytes. */
export const metaBytesMax = 512;
