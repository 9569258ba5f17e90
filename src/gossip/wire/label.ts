import { MeshError } from '../../base/index.js';
import { limits, typeByte } from './format.js';

/*
 * The label keeps clusters apart that share a network; it is no secret. In front of every packet,
 * and of what the connecting side writes to a stream: type byte, length (8 bits), label. Where
 * there is encryption it is authenticated as well, also in replies, which do not carry it.
 */

/** A label and its header, as bytes; both empty for no label. */
export interface Label {
  readonly bytes: Buffer;
  readonly header: Buffer;
}

/** At most 255 bytes of UTF-8; empty = none. Errors: invalid_argument. */
export function labelOf(text: string): Label {
  const bytes = Buffer.from(text);
  if (bytes.length > limits.label) {
    throw new MeshError(
      'invalid_argument',
      `label of ${bytes.length} bytes: at most ${limits.label} are possible`,
    );
  }
  if (bytes.length === 0) return { bytes, header: bytes };
  return { bytes, header: Buffer.from([typeByte.hasLabel, bytes.length, ...bytes]) };
}

/** Whether the packet begins with the very label, or with none if there is none. */
export function hasLabel(packet: Buffer, { header }: Label): boolean {
  if (header.length === 0) return packet[0] !== typeByte.hasLabel;
  if (packet.length < header.length) return false;
  return header.compare(packet, 0, header.length) === 0;
}
