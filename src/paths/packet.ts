import type { Seen } from './seen.js';

/** `large`: as long as the network carries in one piece. */
export const probeSizes = ['small', 'large'] as const;
export type ProbeSize = (typeof probeSizes)[number];

/** Of small requests and of all answers: no answer is longer than what it answers. Unit: bytes. */
export const packetBytesMin = 64;

/** What goes between two nodes. Numbers that somebody else cannot guess have 64 bits. */
export interface ProbePacket {
  readonly kind: 'request' | 'answer';
  readonly size: ProbeSize;
  /** Names the sender's run of the prober, for its peers alone. */
  readonly session: bigint;
  /** The receiver's, as the sender knows it; 0 = not at all. */
  readonly peerSession: bigint;
  /** Chosen by who asks, given back by who answers. */
  readonly nonce: bigint;
  /** Turn of who asks, counted towards this peer; one turn has a request of each size. Range 1-2^32. */
  readonly turn: number;
  /** The receiver's turns that arrived at the sender. */
  readonly seen: Readonly<Record<ProbeSize, Seen>>;
  /** Of the sender's network device: its large requests are as long. Unit: bytes, range 0-65535. */
  readonly mtu: number;
}

/** `mshp`, and the layout below. */
const magic = 0x6d736870;
const version = 1;
const kinds = { request: 1, answer: 2 } as const;
const sizes = { small: 1, large: 2 } as const;

/*
 *   0 u32 magic      16 u64 receiver's session   36 u32 seen small: highest   52 u16 mtu
 *   4 u8  version    24 u64 nonce                40 u32 seen small: mask      54 zeros
 *   5 u8  kind       32 u32 turn                 44 u32 seen large: highest
 *   6 u8  size                                   48 u32 seen large: mask
 *   8 u64 session                                             big-endian
 */

/** `bytes`: how long it is to be; the rest is zeros. */
export function encodePacket(packet: ProbePacket, bytes = packetBytesMin): Buffer {
  const out = Buffer.alloc(Math.max(bytes, packetBytesMin));
  out.writeUInt32BE(magic, 0);
  out.writeUInt8(version, 4);
  out.writeUInt8(kinds[packet.kind], 5);
  out.writeUInt8(sizes[packet.size], 6);
  out.writeBigUInt64BE(packet.session, 8);
  out.writeBigUInt64BE(packet.peerSession, 16);
  out.writeBigUInt64BE(packet.nonce, 24);
  out.writeUInt32BE(packet.turn, 32);
  out.writeUInt32BE(packet.seen.small.highest, 36);
  out.writeUInt32BE(packet.seen.small.mask, 40);
  out.writeUInt32BE(packet.seen.large.highest, 44);
  out.writeUInt32BE(packet.seen.large.mask, 48);
  out.writeUInt16BE(packet.mtu, 52);
  return out;
}

/** Undefined for what is no probe of this version. */
export function decodePacket(bytes: Buffer): ProbePacket | undefined {
  if (bytes.length < packetBytesMin || bytes.readUInt32BE(0) !== magic) return undefined;
  const kind = nameOf(kinds, bytes.readUInt8(5));
  const size = nameOf(sizes, bytes.readUInt8(6));
  const turn = bytes.readUInt32BE(32);
  if (bytes.readUInt8(4) !== version || kind === undefined || size === undefined) return undefined;
  if (turn === 0) return undefined;
  return {
    kind,
    size,
    turn,
    session: bytes.readBigUInt64BE(8),
    peerSession: bytes.readBigUInt64BE(16),
    nonce: bytes.readBigUInt64BE(24),
    seen: {
      small: { highest: bytes.readUInt32BE(36), mask: bytes.readUInt32BE(40) },
      large: { highest: bytes.readUInt32BE(44), mask: bytes.readUInt32BE(48) },
    },
    mtu: bytes.readUInt16BE(52),
  };
}

function nameOf<K extends string>(numbers: Readonly<Record<K, number>>, value: number) {
  return (Object.keys(numbers) as K[]).find((name) => numbers[name] === value);
}
