import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compress, inflate } from '../../../src/gossip/wire/lzw.js';
import { checkProperty } from '../../support/property.js';
import vectors from './vectors/lzw.json' with { type: 'json' };

/** Codes of the widths that a reader expects who is never told to clear. */
function pack(codes: readonly number[]): Buffer {
  let text = '';
  codes.forEach((code, i) => {
    const width = Math.min(12, Math.max(9, 32 - Math.clz32(257 + i)));
    text = code.toString(2).padStart(width, '0') + text;
  });
  const padded = text.padStart(Math.ceil(text.length / 8) * 8, '0');
  return Buffer.from(padded.match(/.{8}/g)!.map((byte) => parseInt(byte, 2))).reverse();
}

describe('LZW', () => {
  it.each(vectors)('$name is as Go writes it, and reads back', (vector) => {
    const input = Buffer.from(vector.inputBase64, 'base64');
    const compressed = Buffer.from(vector.compressedBase64, 'base64');
    expect(compress(input).equals(compressed)).toBe(true);
    expect(input.equals(inflate(compressed, input.length) as Buffer)).toBe(true);
    if (input.length > 0) expect(inflate(compressed, input.length - 1)).toBe('too-large');
  });

  it('gives back what it was given', async () => {
    const repeated = fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(600))
      .map(([bytes, times]) => Buffer.concat(Array<Uint8Array>(times).fill(bytes)));
    const inputs = fc.oneof(repeated, fc.uint8Array({ maxLength: 600 }));
    await checkProperty(
      fc.property(inputs, (bytes) => {
        const inflated = inflate(compress(bytes), bytes.length);
        expect(Buffer.from(bytes).equals(inflated as Buffer)).toBe(true);
      }),
      { runs: 500 },
    );
  });

  it('goes on with a full table that nobody clears', () => {
    const literals = Array.from({ length: 6000 }, (_, i) => i % 251);
    const inflated = inflate(pack([...literals, 257]), 10_000);
    expect(Buffer.from(literals).equals(inflated as Buffer)).toBe(true);
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'malformed'],
    ['no end', compress(Buffer.from('text')).subarray(0, -2), 'malformed'],
    ['a string before there is one', pack([256, 258, 257]), 'malformed'],
    ['a string that is not there yet', pack([65, 259, 257]), 'malformed'],
  ])('refuses %s', (_, bytes, reason) => {
    expect(inflate(bytes, 1000)).toBe(reason);
  });
});
