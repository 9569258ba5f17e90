import type { PacketMessage } from '../../src/gossip/index.js';

/** Bytes that remember what they stand for: thousands of members talk without a codec. */
type Parcel = Buffer & { message?: PacketMessage };

const space = Buffer.alloc(64 * 1024);

/** About what memberlist's encoding takes. Unit: bytes. */
function sizeOf(message: PacketMessage): number {
  switch (message.type) {
    case 'ping':
      return 30 + message.node.length + (message.source ? 45 + message.source.node.length : 0);
    case 'indirect-ping':
      return 60 + message.node.length + (message.source ? 45 + message.source.node.length : 0);
    case 'ack':
      return 22 + message.payload.length;
    case 'nack':
      return 13;
    case 'suspect':
    case 'dead':
      return 32 + message.node.length + message.from.length;
    case 'alive':
      return 62 + message.node.length + message.meta.length;
    case 'user':
      return 1 + message.payload.length;
  }
}

export function pack(message: PacketMessage): Buffer {
  const parcel: Parcel = space.subarray(0, sizeOf(message));
  parcel.message = message;
  return parcel;
}

export function unpack(parcel: Parcel): PacketMessage {
  if (parcel.message === undefined) throw new Error('not packed here');
  return parcel.message;
}
