import { crc32 } from 'node:zlib';
import { typeByte } from './format.js';

/*
 * Checksum of a packet: type byte, CRC-32 (IEEE 802.3) of all that follows it in network order,
 * then the message.
 */

export const crcOverhead = 5;

export function addCrc(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(crcOverhead + message.length);
  bytes[0] = typeByte.hasCrc;
  bytes.writeUInt32BE(crc32(message), 1);
  bytes.set(message, crcOverhead);
  return bytes;
}

/** Whether the checksum is right; the message lies behind `crcOverhead`. */
export function hasGoodCrc(bytes: Buffer): boolean {
  if (bytes.length < crcOverhead) return false;
  return bytes.readUInt32BE(1) === crc32(bytes.subarray(crcOverhead));
}
