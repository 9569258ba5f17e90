import fc from 'fast-check';

/**
 * Feeds a decoder with noise, and with well-formed samples of which some bytes were overwritten or
 * the end cut off: whatever it is given, it must return. Seeded, so that a failure repeats.
 */
export function expectNoThrow(
  samples: readonly Buffer[],
  decode: (bytes: Buffer) => unknown,
): void {
  const noise = fc.uint8Array({ maxLength: 200 });
  const damage = fc.record({
    sample: fc.nat(Math.max(0, samples.length - 1)),
    end: fc.nat(2000),
    writes: fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 8 }),
  });
  const options = { seed: 0x6d657368, numRuns: 2000 };
  fc.assert(
    fc.property(noise, (bytes) => void decode(Buffer.from(bytes))),
    options,
  );
  fc.assert(
    fc.property(damage, ({ sample, end, writes }) => {
      const bytes = Buffer.from(samples[sample] ?? Buffer.alloc(0));
      for (const [at, value] of writes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      decode(bytes.subarray(0, end % (bytes.length + 1)));
    }),
    options,
  );
}
