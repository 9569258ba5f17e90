import type { NftRule, NftSet, NftTableRule } from '../../model/index.js';
import { u32BeOf, type Attributes } from './attributes.js';
import { decodeChain } from './nftables-chain.js';
import { nft, ownNftAttributes, tableOf } from './nftables-message.js';
import { decodeRule } from './nftables-rule.js';
import { decodeSet } from './nftables-set.js';

const tableFlags = 2; // NFTA_TABLE_FLAGS

/**
 * Our tables as the kernel holds them, put together from the messages that `encodeNftTableDump`
 * and `encodeNftContentsDump` ask for, in that order. They equal the desired ones as long as nobody
 * touched them: sets, chains and rules come in the order in which they were made.
 */
export class NftTablesReader {
  private readonly readers = new Map<string, TableReader>();

  /** Of the tables with these names. */
  constructor(private readonly isWanted: (name: string) => boolean = () => true) {}

  add(type: number, body: Buffer): void {
    const attributes = ownNftAttributes(body);
    if (attributes === undefined) return;
    const name = tableOf(attributes);
    if (!this.isWanted(name)) return;
    if (type === nft.newTable) this.readers.set(name, new TableReader(name, attributes));
    else this.readers.get(name)?.add(type, attributes);
  }

  tables(): NftTableRule[] {
    return [...this.readers.values()].map((reader) => reader.table());
  }
}

class TableReader {
  private readonly dormant: boolean;
  private readonly definitions = new Map<string, NftSet>();
  private readonly chains = new Map<string, NonNullable<ReturnType<typeof decodeChain>>>();
  private readonly rules = new Map<string, NftRule[]>();

  constructor(
    private readonly name: string,
    attributes: Attributes,
  ) {
    // NFT_TABLE_F_DORMANT and whatever else there is: ours has none.
    this.dormant = (u32BeOf(attributes, tableFlags) ?? 0) !== 0;
  }

  add(type: number, attributes: Attributes): void {
    switch (type) {
      case nft.newSet: {
        const set = decodeSet(attributes);
        if (set !== undefined) this.definitions.set(set.name, set);
        return;
      }
      case nft.newChain: {
        const chain = decodeChain(attributes);
        if (chain !== undefined) this.chains.set(chain.name, chain);
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

  table(): NftTableRule {
    const chains = [...this.chains.values()].map((chain) => ({
      ...chain,
      name: this.dormant ? `${chain.name} (dormant)` : chain.name,
      rules: this.rules.get(chain.name) ?? [],
    }));
    const sets = [...this.definitions.values()];
    return { kind: 'nft-table', name: this.name, sets, chains };
  }
}
