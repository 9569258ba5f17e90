import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodePacket, encodePacket, type ProbePacket } from '../../../src/paths/packet.js';
import { hasSeen, nothingSeen, seenWith } from '../../../src/paths/seen.js';

const packet: ProbePacket = {
  kind: 'request',
  size: 'large',
  session: 0x0102030405060708n,
  peerSession: 2n ** 64n - 1n,
  nonce: 0xa0a1a2a3a4a5a6a7n,
  turn: 2 ** 32 - 1,
  seen: { small: { highest: 9, mask: 0x80000001 }, large: { highest: 8, mask: 7 } },
  mtu: 1_450,
};

describe('a probe as bytes', () => {
  it('has this layout', () => {
    expect(encodePacket(packet).toString('hex').match(/.{16}/g)).toEqual([
      '6d73687001010200',
      '0102030405060708',
      'ffffffffffffffff',
      'a0a1a2a3a4a5a6a7',
      'ffffffff00000009',
      '8000000100000008',
      '0000000705aa0000',
      '0000000000000000',
    ]);
  });

  it('comes back as it was, at any length', () => {
    for (const bytes of [0, 64, 1_422]) {
      const encoded = encodePacket(packet, bytes);
      expect(encoded.length).toBe(Math.max(64, bytes));
      expect(decodePacket(encoded)).toEqual(packet);
    }
    const answer = { ...packet, kind: 'answer', size: 'small' } as const;
    expect(decodePacket(encodePacket(answer))).toEqual(answer);
  });

  it('is nothing else', () => {
    const changed = (at: number, value: number): Buffer => {
      const bytes = encodePacket(packet);
      bytes[at] = value;
      return bytes;
    };
    for (const at of [0, 3, 4, 5, 6]) expect(decodePacket(changed(at, 0xee))).toBeUndefined();
    expect(decodePacket(encodePacket({ ...packet, turn: 0 }))).toBeUndefined();
    expect(decodePacket(encodePacket(packet).subarray(0, 63))).toBeUndefined();
    for (let length = 0; length < 200; length++) {
      expect(decodePacket(randomBytes(length))).toBeUndefined();
    }
  });
});

describe('turns that arrived', () => {
  const seen = (...turns: number[]) => turns.reduce(seenWith, nothingSeen);

  it('are remembered in any order, the last 32 of them', () => {
    const some = seen(7, 5, 6, 9, 38);
    expect(some.highest).toBe(38);
    const known = [6, 7, 8, 9, 37, 38, 39].map((turn) => hasSeen(some, turn));
    expect(known).toEqual([undefined, true, false, true, false, true, undefined]);
  });

  it('are all new after a long silence, and what is very late is nothing', () => {
    expect(seen(7, 1_000)).toEqual({ highest: 1_000, mask: 1 });
    expect(seen(1_000, 7)).toEqual({ highest: 1_000, mask: 1 });
    expect(hasSeen(nothingSeen, 1)).toBeUndefined();
    expect(seen(5, 37)).toEqual({ highest: 37, mask: 1 });
    expect(seen(6, 37).mask).toBe(0x80000001);
  });
});
