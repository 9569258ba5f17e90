import { familyOf, prefixOf, type Family } from '../model/index.js';

/** An address of this host on a link, and the prefix reachable on that link without a router. */
export interface LinkAddress {
  readonly device: string;
  readonly address: string;
  readonly prefixLength: number;
}

/** Which of the host's links reach an address directly, and what the host calls itself there. */
export class OnLink {
  private readonly networks4: { base: number; mask: number; prefix: string; address: string }[] =
    [];
  private readonly networks6: { length: number; prefix: string; address: string }[] = [];
  private readonly defaults = new Map<Family, string>();

  /** Only addresses that other hosts can answer to: no loopback, no link-local ones. */
  constructor(addresses: readonly LinkAddress[]) {
    for (const { address, prefixLength } of addresses) {
      const family = familyOf(address);
      if (!this.defaults.has(family)) this.defaults.set(family, address);
      if (prefixLength === 0) continue; // Everything: says nothing about a link.
      const prefix = prefixOf(address, prefixLength);
      if (family === 6) {
        if (prefixLength < 128) this.networks6.push({ length: prefixLength, prefix, address });
      } else if (prefixLength < 32) {
        const mask = -1 << (32 - prefixLength);
        this.networks4.push({ base: ipv4Number(address) & mask, mask, prefix, address });
      }
    }
    this.networks4.sort((a, b) => (b.mask >>> 0) - (a.mask >>> 0));
    this.networks6.sort((a, b) => b.length - a.length);
  }

  /**
   * The widest prefix of this host's links that holds `address`; undefined when none does.
   * The widest, because ranges in one nftables set must not overlap (nft_set_pipapo.c).
   */
  linkPrefixOf(address: string): string | undefined {
    return this.networks(address).at(-1)?.prefix;
  }

  /** The address of this host that `address` would best answer to; undefined when it has none. */
  sourceFor(address: string): string | undefined {
    return this.networks(address)[0]?.address ?? this.defaults.get(familyOf(address));
  }

  /** Longest prefix first, as routing would have it. */
  private networks(address: string): readonly { prefix: string; address: string }[] {
    if (familyOf(address) === 4) {
      const value = ipv4Number(address);
      return this.networks4.filter((network) => (value & network.mask) === network.base);
    }
    return this.networks6.filter((network) => prefixOf(address, network.length) === network.prefix);
  }
}

/** A canonical IPv4 address as a signed 32-bit number, for masks. */
function ipv4Number(address: string): number {
  let value = 0;
  let octet = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === 0x2e) {
      value = (value << 8) | octet;
      octet = 0;
    } else {
      octet = octet * 10 + code - 0x30;
    }
  }
  return (value << 8) | octet;
}
