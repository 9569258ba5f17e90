import { describe, expect, it } from 'vitest';
import {
  openPacket,
  type PacketMessage,
  StreamReader,
  type StreamMessage,
  wireLimits,
  wireOptions,
  type WireOptions,
} from '../../../src/gossip/index.js';
import { open, seal } from '../../../src/gossip/wire/seal.js';
import { type Vector, vectors } from '../../support/gossip-vectors.js';

/*
 * Noise, and captured traffic with bytes changed, cut and repeated; what is encrypted is changed
 * both as it is and beneath the encryption, as somebody with the key could.
 */

const seed = Number(process.env['GOSSIP_SEED'] ?? 1);
const runs = Number(process.env['GOSSIP_RUNS'] ?? 120_000);
const plain = wireOptions({});

/** Mulberry32. */
function randomOf(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

type Random = ReturnType<typeof randomOf>;

function noise(random: Random): Buffer {
  return Buffer.from(Array.from({ length: random(120) }, () => random(256)));
}

/** Bytes with which a format is confused more easily than with others. */
const telling = [0x00, 0x7f, 0x80, 0x8f, 0x9f, 0xc0, 0xc1, 0xc6, 0xcf, 0xdb, 0xdd, 0xdf, 0xff];

function damage(bytes: Buffer, random: Random): Buffer {
  let result = Buffer.from(bytes);
  for (let i = random(4); i > 0 && result.length > 0; i--) {
    result[random(result.length)] = random(2) === 0 ? random(256) : telling[random(13)]!;
  }
  if (random(4) === 0) result = result.subarray(0, random(result.length + 1));
  if (random(8) === 0) {
    const at = random(result.length + 1);
    const again = result.subarray(at, at + random(40));
    result = Buffer.concat([result.subarray(0, at), again, result.subarray(at)]);
  }
  return result;
}

/** A block like the one of the vector, in which something was changed. */
function damageBeneath(vector: Vector, random: Random): Buffer {
  const { bytes, isStream, options } = vector;
  const { label, keyring } = options;
  if (keyring === undefined) return damage(bytes, random);
  const labelBytes = isStream && vector.side === 'reply' ? 0 : label.header.length;
  const start = labelBytes + (isStream ? 5 : 0);
  const head = bytes.subarray(labelBytes, start);
  const inner = open(bytes.subarray(start), keyring, Buffer.concat([head, label.bytes]))!;
  const changed = damage(inner, random);
  if (isStream && head.length > 0) head.writeUInt32BE(29 + changed.length, 1);
  return seal(bytes.subarray(0, start), changed, {
    key: keyring.primary,
    version: 1,
    nonce: options.nonce(),
    additional: Buffer.concat([head, label.bytes]),
  });
}

function readCut(bytes: Buffer, vector: Vector, options: WireOptions, random: Random) {
  const reader = new StreamReader(options, vector.side);
  let result: StreamMessage | string | undefined;
  for (let at = 0; at < bytes.length && result === undefined;) {
    const size = 1 + random(bytes.length);
    result = reader.push(bytes.subarray(at, at + size));
    at += size;
  }
  return result ?? reader.end();
}

/** Nothing of a message is larger than it may be. */
function sizeOf(message: PacketMessage | StreamMessage): number {
  if (message.type === 'user' || message.type === 'ack') return message.payload.length;
  if (message.type === 'alive') return message.meta.length;
  if (message.type === 'push-pull') return message.userState.length + message.members.length;
  return 0;
}

function attack(run: number, make: (vector: Vector, random: Random) => Buffer): string {
  const random = randomOf(run);
  const template = vectors[random(vectors.length)]!;
  const vector = { ...template, bytes: Buffer.from(template.bytes) };
  const options = random(3) === 0 ? plain : vector.options;
  const bytes = make(vector, random);
  try {
    const result = vector.isStream
      ? readCut(bytes, vector, options, random)
      : openPacket(bytes, options);
    if (typeof result === 'string') return result;
    const messages = 'type' in result ? [result] : result;
    const max = vector.isStream ? wireLimits.stream : wireLimits.packet;
    for (const message of messages) expect(sizeOf(message)).toBeLessThanOrEqual(max);
    return 'message';
  } catch (error) {
    const replay = `GOSSIP_SEED=${run} GOSSIP_RUNS=1 npx vitest run --project unit test/unit/gossip/hostile.test.ts`;
    throw new Error(`${vector.name}: ${bytes.toString('hex')}\n\nreplay: ${replay}`, {
      cause: error,
    });
  }
}

describe('bytes of strangers', () => {
  it.each([
    ['noise', (_: Vector, random: Random) => noise(random)],
    ['damaged packets and streams', ({ bytes }: Vector, random: Random) => damage(bytes, random)],
    ['damage beneath the encryption', damageBeneath],
  ])('neither throw nor hang: %s', (_, make) => {
    const results = new Set<string>();
    for (let run = seed; run < seed + runs; run++) results.add(attack(run, make));
    if (runs > 1) expect(results.size).toBeGreaterThan(5);
  });
});
