import type { NftChain, NftRule, NftSet, NftTableRule } from '../../model/index.js';
import { u32BeOf } from './attributes.js';
import { decodeChain } from './nftables-chain.js';
import { nft, ownNftAttributes } from './nftables-message.js';
import { decodeRule } from './nftables-rule.js';
import { decodeSet } from './nftables-set.js';

const tableFlags = 2; // NFTA_TABLE_FLAGS

/**
 * The table as the kernel holds it, put together from the messages that `encodeNftTableGet` asks
 * for. It equals the desired one as long as nobody touched it: sets, chains and rules come in the
 * order in which they were made.
 */
export class NftTableReader {
  private found = false;
  private dormant = false;
  private readonly definitions = new Map<string, NftSet>();
  private readonly chains: Omit<NftChain, 'rules'>[] = [];
  private readonly rules = new Map<string, NftRule[]>();

  add(type: number, body: Buffer): void {
    const attributes = ownNftAttributes(body);
    if (attributes === undefined) return;
    switch (type) {
      case nft.newTable:
        this.found = true;
        // NFT_TABLE_F_DORMANT and whatever else there is: ours has none.
        this.dormant = (u32BeOf(attributes, tableFlags) ?? 0) !== 0;
        return;
      case nft.newSet: {
        const set = decodeSet(attributes);
        if (set !== undefined) this.definitions.set(set.name, set);
        return;
      }
      case nft.newChain: {
        const chain = decodeChain(attributes);
        if (chain !== undefined) this.chains.push(chain);
        return;
      }
      case nft.newRule: {
        const decoded = decodeRule(attributes);
        if (decoded === undefined) return;
        const rules = this.rules.get(decoded.chain) ?? [];
        this.rules.set(decoded.chain, [...rules, decoded.rule]);
      }
    }
  }

  /** By name; what `encodeNftElementOp` wants. */
  sets(): ReadonlyMap<string, NftSet> {
    return this.definitions;
  }

  /** Undefined when there is no table. */
  table(): NftTableRule | undefined {
    if (!this.found) return undefined;
    const chains = this.chains.map((chain) => ({
      ...chain,
      name: this.dormant ? `${chain.name} (dormant)` : chain.name,
      rules: this.rules.get(chain.name) ?? [],
    }));
    return { kind: 'nft-table', sets: [...this.definitions.values()], chains };
  }
}
