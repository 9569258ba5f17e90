import { describe, expect, it } from 'vitest';
import { compress, inflate } from '../../../src/gossip/wire/lzw.js';
import vectors from './vectors/lzw.json' with { type: 'json' };
describe('lzw', () => {
  it.each(vectors)('$name', ({ inputBase64, compressedBase64 }) => {
    const input = Buffer.from(inputBase64, 'base64');
    const compressed = Buffer.from(compressedBase64, 'base64');
    expect(compress(input).equals(compressed)).toBe(true);
    const out = inflate(compressed, 1 << 20);
    expect(typeof out === 'string' ? out : out.equals(input)).toBe(true);
  });
});
