import type { Op, Rule, VirtualServiceMatch } from '../../model/index.js';
import type { Connection, ConnectionQuery, DataPath, ServiceCounters } from '../port.js';
import type { Balancer } from './balancer.js';
import type { IpvsBalancer } from './ipvs-balancer.js';
import type { NftBalancer } from './nft-balancer.js';
import { isWithoutTables } from './nft-balancer-read.js';
import type { Fail, OpRange } from './op-batch.js';

/**
 * IPVS, and nftables for the virtual services that say so (`VirtualServiceRule.by`). What the two
 * hold is told apart by where it is found.
 */
export class BothBalancers implements Balancer {
  readonly heldSysctls: ReadonlyMap<string, string>;
  /** Whether nftables was seen, or asked, to carry anything: else it is not asked for figures. */
  private isShared = false;

  constructor(
    private readonly ipvs: IpvsBalancer,
    private readonly nftables: NftBalancer,
  ) {
    this.heldSysctls = ipvs.heldSysctls;
  }

  async observe(own: Map<string, Rule>, foreign: Rule[]): Promise<void> {
    await this.ipvs.observe(own, foreign);
    await this.observeAnnounced(own);
  }

  async observeAnnounced(own: Map<string, Rule>): Promise<'ipvs'> {
    const aside = new Map<string, Rule>();
    try {
      await this.nftables.observe(aside);
    } catch (error) {
      if (!isWithoutTables(error)) throw error;
    }
    this.isShared ||= aside.size > 0;
    for (const [key, rule] of aside) {
      if (rule.kind === 'virtual-service') own.set(key, { ...rule, by: 'nftables' });
    }
    return 'ipvs';
  }

  /** One after the other, each all of its own at once: what either does for a call grows with what it holds. */
  async apply({ ops, start, end }: OpRange, fail: Fail): Promise<void> {
    for (const balancer of [this.ipvs, this.nftables]) {
      const isAside = balancer === this.nftables;
      const indexes: number[] = [];
      for (let index = start; index < end; index++) {
        if (isForNftables(ops[index]!) === isAside) indexes.push(index);
      }
      if (indexes.length === 0) continue;
      this.isShared ||= isAside;
      const range = { ops: indexes.map((index) => ops[index]!), start: 0, end: indexes.length };
      await balancer.apply(range, (index, error) => fail(indexes[index]!, error));
    }
  }

  async counters(only?: readonly VirtualServiceMatch[]): Promise<readonly ServiceCounters[]> {
    const found = await this.ipvs.counters(only);
    return this.isShared ? [...found, ...(await this.nftables.counters(only))] : found;
  }

  async connections(query: ConnectionQuery): Promise<readonly Connection[]> {
    const found = await this.ipvs.connections(query);
    const limit = query.limit - found.length;
    if (!this.isShared || limit <= 0) return found;
    return [...found, ...(await this.nftables.connections({ ...query, limit }))];
  }

  dataPath(): Promise<DataPath> {
    return this.ipvs.dataPath();
  }
}

function isForNftables({ target }: Op): boolean {
  const rule = target.kind === 'destination' ? target.service : target;
  return rule.kind === 'virtual-service' && rule.by === 'nftables';
}
