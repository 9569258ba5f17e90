import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatKeyPart, parseKeyPart } from '../../../src/kernel/linux/nftables-key.js';
import { nftTypes } from '../../../src/kernel/linux/nftables-message.js';
import type { NftType } from '../../../src/model/index.js';

/** Names of devices are no numbers. */
const types = (Object.keys(nftTypes) as NftType[]).filter((type) => type !== 'ifname');

describe('a part of a key', () => {
  it.each<[NftType, string, string]>([
    ['ipv4_addr', '10.0.0.1', '0a000001-0a000001'],
    ['ipv4_addr', '10.0.0.0/24', '0a000000-0a0000ff'],
    ['ipv4_addr', '10.0.0.1-10.0.0.9', '0a000001-0a000009'],
    ['ipv4_addr', '0.0.0.0/0', '00000000-ffffffff'],
    ['ipv6_addr', 'fd00::/127', `fd${'0'.repeat(30)}-fd${'0'.repeat(29)}1`],
    ['inet_service', '8000-8010', '1f40-1f4a'],
    ['inet_proto', 'sctp', '84-84'],
    ['inet_proto', '1', '01-01'],
    ['mark', '0x101', '01010000-01010000'],
    ['ether_addr', '02:42:0a:00:00:01', '02420a000001-02420a000001'],
    ['ether_addr', '02:42:0a:00:00:00-02:42:0a:00:00:ff', '02420a000000-02420a0000ff'],
    ['@th,96,24', '0x1000', '001000-001000'],
    ['@th,96,24', '0x1000-0xffffff', '001000-ffffff'],
    ['ifname', 'mesh-e0', twice(`6d6573682d6530${'00'.repeat(9)}`)],
    ['ifname', 'fifteen-letters', twice('6669667465656e2d6c65747465727300')],
  ])('of type %s: %s', (type, text, want) => {
    const range = parseKeyPart(type, text)!;
    expect(`${range.from.toString('hex')}-${range.to.toString('hex')}`).toBe(want);
    expect(formatKeyPart(type, range.from, range.to)).toBe(text);
  });

  it.each<[NftType, string]>([
    ['ipv4_addr', 'fd00::1'],
    ['ipv4_addr', 'fd00::/8'],
    ['ipv4_addr', '10.0.0.0/33'],
    ['ipv6_addr', '10.0.0.1'],
    ['inet_service', '65536'],
    ['inet_service', ''],
    ['inet_service', '80-'],
    ['inet_service', '8/4'],
    ['inet_proto', 'http'],
    ['mark', '0x100000000'],
    ['mark', '-1'],
    ['ether_addr', '02:42:0a:00:00'],
    ['ether_addr', '02-42-0a-00-00-01'],
    ['ether_addr', '02:42:0A:00:00:01'],
    ['@th,96,24', '0x1000000'],
    ['ifname', ''],
    ['ifname', 'sixteen-letters!'],
  ])('of type %s is refused: %s', (type, text) => {
    expect(parseKeyPart(type, text)).toBeUndefined();
  });

  it('comes back from any bytes', () => {
    const ranges = fc.constantFrom(...types).chain((type) => {
      const value = fc.uint8Array({
        minLength: nftTypes[type].bytes,
        maxLength: nftTypes[type].bytes,
      });
      return fc.tuple(fc.constant(type), value, value);
    });
    fc.assert(
      fc.property(ranges, ([type, a, b]) => {
        const [from, to] = [Buffer.from(a), Buffer.from(b)].sort((x, y) =>
          Buffer.compare(x, y),
        ) as [Buffer, Buffer];
        expect(parseKeyPart(type, formatKeyPart(type, from, to))).toEqual({ from, to });
      }),
      { seed: 0x6d657368, numRuns: 2000 },
    );
  });
});

function twice(hex: string): string {
  return `${hex}-${hex}`;
}
