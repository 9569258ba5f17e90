import { assert } from '../../base/index.js';
import { limits, typeByte } from './format.js';

/*
 * Several messages in one packet: type byte, count (8 bits), the length of each (16 bits, network
 * order), then the messages, each with its own type byte.
 */

/** Unit: bytes; of the compound, and of each message in it. */
export const compoundOverhead = 2;
export const partOverhead = 2;

/** `parts`: 1-255 encoded messages of at most 65,535 bytes. */
export function joinParts(parts: readonly Buffer[]): Buffer {
  assert(parts.length > 0 && parts.length <= limits.compoundParts, 'a compound has 1-255 parts');
  const head = compoundOverhead + partOverhead * parts.length;
  const size = parts.reduce((sum, part) => sum + part.length, head);
  const bytes = Buffer.allocUnsafe(size);
  bytes[0] = typeByte.compound;
  bytes[1] = parts.length;
  let offset = head;
  parts.forEach((part, i) => {
    assert(part.length <= limits.compoundPart, 'a part of a compound has at most 65,535 bytes');
    bytes.writeUInt16BE(part.length, compoundOverhead + partOverhead * i);
    bytes.set(part, offset);
    offset += part.length;
  });
  return bytes;
}

/**
 * Visits the messages of a compound. False when it is cut off; what came before the cut was
 * visited, as peers do.
 */
export function eachPart(bytes: Buffer, visit: (start: number, end: number) => void): boolean {
  const count = bytes.length < compoundOverhead ? 0 : bytes[1]!;
  let offset = compoundOverhead + partOverhead * count;
  if (count === 0 || offset > bytes.length) return false;
  for (let i = 0; i < count; i++) {
    const size = bytes.readUInt16BE(compoundOverhead + partOverhead * i);
    if (offset + size > bytes.length) return false;
    visit(offset, offset + size);
    offset += size;
  }
  return true;
}
