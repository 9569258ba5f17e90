import type { DropReason, PacketMessage } from '../messages.js';
import { compoundOverhead, eachPart, joinParts } from './compound.js';
import { compressMessage, inflateMessage } from './compress.js';
import { addCrc, crcOverhead, hasGoodCrc } from './crc.js';
import { decodeMessage } from './decode.js';
import { limits, typeByte } from './format.js';
import { hasLabel } from './label.js';
import type { WireOptions } from './options.js';
import { open, seal, sealOverhead } from './seal.js';

/*
 * A UDP packet, from outside to inside; each wrapper may be missing:
 *
 *     label > encryption > checksum > compression > compound > messages
 *
 * A wrapper within one of its own kind, or within one that belongs inside of it, is sent by nobody
 * and is refused: a packet is inflated at most once, and taken apart at most once.
 */

/** Bytes of a packet that pass an Ethernet of 1500 with room for tunnels. */
const packetBytes = 1400;

/**
 * Bytes that messages may have together, counting `partOverhead` for each, so that the packet has
 * at most `size` bytes.
 */
export function packetBudget(options: WireOptions, withCrc: boolean, size = packetBytes): number {
  const { label, keyring, verifyOutgoing, sealVersion } = options;
  const sealing = keyring !== undefined && verifyOutgoing ? sealOverhead(sealVersion) : 0;
  const crc = withCrc ? crcOverhead : 0;
  return size - label.header.length - sealing - crc - compoundOverhead;
}

/**
 * One packet of 1-255 encoded messages. A checksum is for members that are known to understand it
 * (protocol version 5). The result may be the very message: neither must be changed afterwards.
 */
export function sealPacket(
  parts: readonly Buffer[],
  options: WireOptions,
  withCrc: boolean,
): Buffer {
  const { label, keyring } = options;
  let inner = parts.length === 1 ? parts[0]! : joinParts(parts);
  if (options.compress) {
    const compressed = compressMessage(inner);
    if (compressed.length < inner.length) inner = compressed;
  }
  if (withCrc) inner = addCrc(inner);
  if (keyring === undefined || !options.verifyOutgoing) {
    return label.header.length === 0 ? inner : Buffer.concat([label.header, inner]);
  }
  return seal(label.header, inner, {
    key: keyring.primary,
    version: options.sealVersion,
    nonce: options.nonce(),
    additional: label.bytes,
  });
}

/**
 * The messages of a packet, in order; those of a compound that cannot be used are left out. A
 * reason when there is no message at all.
 */
export function openPacket(
  bytes: Buffer,
  options: WireOptions,
): readonly PacketMessage[] | DropReason {
  if (bytes.length > limits.packet) return 'too-large';
  if (!hasLabel(bytes, options.label)) return 'label';
  const labelBytes = options.label.header.length;
  const outer = labelBytes === 0 ? bytes : bytes.subarray(labelBytes);
  const { keyring, verifyIncoming } = options;
  if (keyring === undefined) return unwrap(outer, 0);
  const plain = open(outer, keyring, options.label.bytes);
  if (plain !== undefined) return unwrap(plain, 0);
  if (!verifyIncoming) return unwrap(outer, 0);
  // The first byte cannot tell a ping from version 0, so that some plain text counts as garbled.
  return outer.length > 0 && outer[0]! > 1 ? 'not-encrypted' : 'undecryptable';
}

/** Order of the wrappers that have a type byte, from outside to inside. */
const ranks: Readonly<Record<number, number>> = {
  [typeByte.hasCrc]: 1,
  [typeByte.compress]: 2,
  [typeByte.compound]: 3,
};

/** `rank` of the innermost wrapper so far; each must be higher than the one around it. */
function unwrap(bytes: Buffer, rank: number): readonly PacketMessage[] | DropReason {
  const type = bytes[0];
  const own = type === undefined ? undefined : ranks[type];
  if (own === undefined) {
    const message = decodeMessage(bytes, 0, bytes.length);
    return typeof message === 'string' ? message : [message];
  }
  if (own <= rank) return 'too-deep';
  if (type === typeByte.compound) return unwrapCompound(bytes);
  if (type === typeByte.hasCrc) {
    if (!hasGoodCrc(bytes)) return 'checksum';
    return unwrap(bytes.subarray(crcOverhead), own);
  }
  const inflated = inflateMessage(bytes, limits.packet);
  return typeof inflated === 'string' ? inflated : unwrap(inflated, own);
}

function unwrapCompound(bytes: Buffer): readonly PacketMessage[] | DropReason {
  const messages: PacketMessage[] = [];
  let reason: DropReason | undefined;
  const isWhole = eachPart(bytes, (start, end) => {
    const isWrapper = start < end && ranks[bytes[start]!] !== undefined;
    const message = isWrapper ? 'too-deep' : decodeMessage(bytes, start, end);
    if (typeof message === 'string') reason ??= message;
    else messages.push(message);
  });
  if (messages.length > 0) return messages;
  return reason ?? (isWhole ? 'malformed' : 'truncated');
}
