/**
 * Who is in the cluster: SWIM with Lifeguard as HashiCorp's memberlist speaks it. `Swim` decides,
 * as a state machine; `wire/` turns its messages into memberlist's bytes and back; sockets and
 * clock are the caller's.
 */
export { defaultLimits } from './admission.js';
export type { Limits } from './admission.js';
export type { Counters } from './counters.js';
export type { Effect, GossipEvent, Input, MemberEvent, StreamId } from './effects.js';
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
export { metaBytesMax } from './options.js';
export type { SwimOptions } from './options.js';
export { profiles } from './profile.js';
export type { Profile, ProfileName } from './profile.js';
export { Swim } from './swim.js';
export type { QueueSizes } from './swim.js';
export { ourVersions } from './versions.js';
export type {
  GossipHandlers,
  GossipStream,
  GossipTransport,
  StreamHandlers,
  TransportCounters,
} from './transport.js';
export { compoundOverhead, partOverhead } from './wire/compound.js';
export { encodeMessage } from './wire/encode.js';
export { limits as wireLimits } from './wire/format.js';
export { MsgpackReader, MsgpackWriter } from './wire/msgpack.js';
export { fingerprintOf, Keyring, parseKey } from './wire/keyring.js';
export { wireOptions } from './wire/options.js';
export type { WireOptions } from './wire/options.js';
export { openPacket, packetBudget, sealPacket } from './wire/packet.js';
export { randomNonce } from './wire/seal.js';
export { encodeStream, StreamReader } from './wire/stream.js';
export type { StreamSide } from './wire/stream.js';
