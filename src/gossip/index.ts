/**
 * Membership by gossip, as HashiCorp memberlist speaks it: what members say, and how it looks on
 * the wire. Pure: bytes in, messages out.
 */
export type {
  Ack,
  Alive,
  Dead,
  DropReason,
  ErrorReply,
  IndirectPing,
  MemberState,
  Nack,
  PacketMessage,
  PeerAddress,
  Ping,
  PushPull,
  StreamMessage,
  Suspect,
  UserMessage,
  Versions,
} from './messages.js';
export { partOverhead } from './wire/compound.js';
export { encodeMessage } from './wire/encode.js';
export { limits as wireLimits } from './wire/format.js';
export { fingerprintOf, Keyring, parseKey } from './wire/keyring.js';
export { wireOptions } from './wire/options.js';
export type { WireOptions } from './wire/options.js';
export { openPacket, packetBudget, sealPacket } from './wire/packet.js';
export { randomNonce } from './wire/seal.js';
export { encodeStream, StreamReader } from './wire/stream.js';
export type { StreamSide } from './wire/stream.js';
