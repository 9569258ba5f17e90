import { describe, expect, it } from 'vitest';
import {
  encodeMessage,
  encodeStream,
  openPacket,
  type PacketMessage,
  sealPacket,
  type StreamMessage,
  StreamReader,
} from '../../../src/gossip/index.js';
import { type Vector, vectors } from '../../support/gossip-vectors.js';

/** What the receiver gets. */
function decode({ isStream, bytes, options, side }: Vector) {
  if (!isStream) return openPacket(bytes, options);
  const result = new StreamReader(options, side).push(bytes);
  return typeof result === 'object' ? [result] : result;
}

/** What we would have sent in the sender's place. */
function encode({ isStream, messages, options, layers, side }: Vector): Buffer {
  if (isStream) return encodeStream(messages[0] as StreamMessage, options, side);
  const parts = (messages as readonly PacketMessage[]).map(encodeMessage);
  return sealPacket(parts, options, layers.includes('hasCrc'));
}

/** Bytes that differ only as their sender used another codec must still say the same. */
const ofAnotherCodec = vectors.filter((vector) => vector.isOfAnotherCodec);
const ofOurCodec = vectors.filter((vector) => !vector.isOfAnotherCodec);

describe('captured traffic', () => {
  it.each(vectors)('$name is understood', (vector) => {
    expect(decode(vector)).toEqual(vector.messages);
  });

  it.each(ofOurCodec)('$name is what we would send', (vector) => {
    expect(encode(vector).toString('hex')).toBe(vector.bytes.toString('hex'));
  });

  it.each(ofAnotherCodec)('$name is sent in our own way', (vector) => {
    const bytes = encode(vector);
    expect(bytes.equals(vector.bytes)).toBe(false);
    expect(decode({ ...vector, bytes })).toEqual(vector.messages);
  });

  it('is of every kind, and nearly all as we write it', () => {
    expect([vectors.length, ofOurCodec.length]).toEqual([78, 69]);
  });

  it.each(vectors.filter(({ isStream }) => isStream))('$name may come byte by byte', (vector) => {
    const reader = new StreamReader(vector.options, vector.side);
    const results = [...vector.bytes].map((byte) => reader.push(Buffer.from([byte])));
    expect(results.pop()).toEqual(vector.messages[0]);
    expect(results.every((result) => result === undefined)).toBe(true);
  });
});
