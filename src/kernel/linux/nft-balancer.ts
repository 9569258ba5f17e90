/**
 * Virtual services by nftables, for kernels without IPVS: the same Ops, the table `inet meshd-lb`
 * (nft-balancer-table.ts), connection tracking instead of IPVS' connection table.
 */
import {
  formatAddress,
  formatMatch,
  ruleKey,
  type Rule,
  type VirtualServiceMatch,
  type VirtualServiceRule,
} from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import type { Connection, ConnectionQuery, DataPath, ServiceCounters } from '../port.js';
import type { Balancer } from './balancer.js';
import { endTracked, scanTracked, type Tracked } from './conntrack.js';
import { planBatches, type Batch } from './nft-balancer-batch.js';
import { countersOf, countsIn, RateMeter, type OpenConnections } from './nft-balancer-counters.js';
import { wantedAfter, type Wanted } from './nft-balancer-ops.js';
import {
  interpret,
  isWithoutTables,
  readBalancerTable,
  readSetElements,
  type FoundTable,
  type HeldTable,
} from './nft-balancer-read.js';
import {
  balancerTable,
  countingChains,
  labelMagic,
  labelOf,
  partOf,
  translatingChains,
  type BaseChain,
} from './nft-balancer-table.js';
import { ofOneGeneration } from './nftables-session.js';
import { formatOpLine, type Fail, type OpRange } from './op-batch.js';
import type { NetlinkSession, Refusal } from './session.js';

export class NftBalancer implements Balancer {
  /**
   * What these ask of IPVS, connection tracking does of its own: a new connection is chosen for
   * anew, those of a destination that goes are ended, affinity ends with the weight.
   */
  readonly heldSysctls: ReadonlyMap<string, string> = new Map([
    ['net/ipv4/vs/conn_reuse_mode', '1'],
    ['net/ipv4/vs/expire_nodest_conn', '1'],
    ['net/ipv4/vs/expire_quiescent_template', '1'],
    ['net/ipv4/vs/conntrack', '1'],
  ]);

  /** What the table held when it was last read or written here. */
  private held: HeldTable | undefined;
  private readonly rates = new RateMeter();

  private readonly base: readonly BaseChain[];

  /** `counting`: whether packets and bytes are counted, for which each packet of the host pays. */
  constructor(
    private readonly session: () => Promise<NetlinkSession>,
    { counting }: { readonly counting: boolean },
  ) {
    this.base = [...translatingChains, ...(counting ? countingChains : [])];
  }

  /** Nobody else's: the table is ours. */
  async observe(own: Map<string, Rule>): Promise<void> {
    const { services, timeouts } = await this.read();
    if (timeouts !== undefined) own.set(ruleKey(timeouts), timeouts);
    for (const rule of services.values()) own.set(ruleKey(rule), rule);
  }

  async observeAnnounced(own: Map<string, Rule>): Promise<'none'> {
    await this.observe(own);
    return 'none';
  }

  async dataPath(): Promise<DataPath> {
    try {
      await ofOneGeneration(await this.session(), () => Promise.resolve());
    } catch (error) {
      if (!isWithoutTables(error)) throw error;
      const why = 'neither IPVS nor nftables (modules ip_vs, nf_tables) is there to balance with';
      throw new KernelError('this kernel', errno.EOPNOTSUPP, why);
    }
    return { kind: 'nftables', detail: `table inet ${balancerTable}, connection tracking` };
  }

  /**
   * Applies Ops on virtual services, destinations and timeouts. What they make of one service is
   * seen by packets at once; so is all of them as long as it fits one batch. Then the connections
   * of destinations that went away are ended.
   */
  async apply(range: OpRange, fail: Fail): Promise<void> {
    const session = await this.session();
    // Others may have changed the table since it was read: then the kernel refuses, and it is read.
    const known = this.held;
    if (known !== undefined && (await this.attempt(session, known, range, fail))) return;
    await this.attempt(session, await this.read(), range, fail, { last: true });
  }

  /** Of all services, or `only` these. */
  async counters(only?: readonly VirtualServiceMatch[]): Promise<ServiceCounters[]> {
    const session = await this.session();
    const found = await this.readTable(session);
    const wanted = only === undefined ? undefined : new Set(only.map(formatMatch));
    const all = [...interpret(found, this.base).services.values()];
    const services = all.filter(({ match }) => wanted?.has(formatMatch(match)) ?? true);
    if (found === undefined || services.length === 0) return [];
    const counts = countsIn(found, all);
    this.rates.note(counts, performance.now());
    const open = await this.openConnections(session);
    const counters: ServiceCounters[] = [];
    for (const service of services) {
      const clients = await knownClients(session, service);
      counters.push(countersOf(service, { counts, rates: this.rates, open, clients }));
    }
    return counters;
  }

  /** Connections that the table translated, and what it remembers of clients, like IPVS. */
  async connections({ limit, filter }: ConnectionQuery): Promise<Connection[]> {
    const session = await this.session();
    const found: Connection[] = [];
    const take = (connection: Connection): void => {
      if ((filter?.(connection) ?? true) && found.length < limit) found.push(connection);
    };
    for (const service of (await this.read()).services.values()) {
      for (const template of await templatesOf(session, service)) take(template);
    }
    await this.scan(session, ({ label: _, handle: __, ...connection }) => take(connection));
    return found;
  }

  private async openConnections(
    session: NetlinkSession,
  ): Promise<ReadonlyMap<string, OpenConnections>> {
    const open = new Map<string, OpenConnections>();
    await this.scan(session, ({ label, state }) => {
      const { active, inactive } = open.get(label) ?? { active: 0, inactive: 0 };
      const isActive = state === 'ESTABLISHED';
      open.set(label, {
        active: active + Number(isActive),
        inactive: inactive + Number(!isActive),
      });
    });
    return open;
  }

  private async scan(session: NetlinkSession, visit: (found: Tracked) => void): Promise<void> {
    await scanTracked(session, labelMagic, visit);
  }

  private async read(): Promise<HeldTable> {
    this.held = interpret(await this.readTable(await this.session()), this.base);
    return this.held;
  }

  private async readTable(session: NetlinkSession): Promise<FoundTable | undefined> {
    try {
      return await ofOneGeneration(session, () => readBalancerTable(session));
    } catch (error) {
      if (!isWithoutTables(error)) throw error;
      return undefined;
    }
  }

  /**
   * Returns false when the kernel refused before it took anything and this was not the `last`
   * attempt: then nothing was told. Otherwise services that it refuses are left out, and the Ops
   * that had a part in them fail.
   */
  private async attempt(
    session: NetlinkSession,
    before: HeldTable,
    range: OpRange,
    fail: Fail,
    { last }: { last: boolean } = { last: false },
  ): Promise<boolean> {
    const failures: Parameters<Fail>[] = [];
    const wanted = wantedAfter(before, range, (...failure) => failures.push(failure));
    const refused = new Map<string, Refusal>();
    let next: Pick<Wanted, 'services' | 'timeouts'> = wanted;
    for (let held = before; ; held = await this.read()) {
      const { refusals, committed } = await this.commit(session, planBatches(session, held, next));
      if (refusals.size === 0) break;
      this.held = undefined;
      if (!last && committed === 0) return false;
      for (const [key, refusal] of refusals) refused.set(key, refusal);
      next = withoutRefused(before, wanted, refused);
    }
    await this.cut(session, before, next);
    for (const failure of failures) fail(...failure);
    for (const [key, { errno: value, message }] of refused) {
      for (const index of wanted.origins.get(key) ?? []) {
        fail(index, new KernelError(formatOpLine(range.ops[index]!), value, message));
      }
    }
    return true;
  }

  /** Refusals by service. Errors: KernelError for what no service is to blame for. */
  private async commit(
    session: NetlinkSession,
    batches: Iterable<Batch>,
  ): Promise<{ readonly refusals: ReadonlyMap<string, Refusal>; readonly committed: number }> {
    let committed = 0;
    for (const { bytes, origins, held } of batches) {
      const refusals = new Map<string, Refusal>();
      for (const [sequence, refusal] of await session.transact(bytes, { whole: true })) {
        const service = origins.get(sequence);
        if (service === undefined) {
          this.held = undefined;
          throw new KernelError('change the balancer', refusal.errno, refusal.message);
        }
        refusals.set(service, refusal);
      }
      if (refusals.size > 0) return { refusals, committed };
      this.held = held;
      committed++;
    }
    return { refusals: new Map(), committed };
  }

  /** Ends the connections of pairs of service and destination that are no more. */
  private async cut(
    session: NetlinkSession,
    before: Pick<Wanted, 'services'>,
    after: Pick<Wanted, 'services'>,
  ): Promise<void> {
    const gone = new Set<string>();
    for (const [key, rule] of before.services) {
      const now = after.services.get(key);
      if (now === rule) continue;
      for (const label of labelsOf(rule)) gone.add(label);
      for (const label of now === undefined ? [] : labelsOf(now)) gone.delete(label);
    }
    if (gone.size === 0) return;
    const handles: Tracked['handle'][] = [];
    await this.scan(session, ({ label, handle }) => {
      if (gone.has(label)) handles.push(handle);
    });
    await endTracked(session, handles);
  }
}

function withoutRefused(
  before: HeldTable,
  wanted: Wanted,
  refused: ReadonlyMap<string, Refusal>,
): Pick<Wanted, 'services' | 'timeouts'> {
  const services = new Map(wanted.services);
  for (const key of refused.keys()) {
    const old = before.services.get(key);
    if (old === undefined) services.delete(key);
    else services.set(key, old);
  }
  return { services, timeouts: wanted.timeouts };
}

function labelsOf({ match, destinations }: VirtualServiceRule): string[] {
  return destinations.map((destination) => labelOf(match, destination).toString('hex'));
}

/** How many clients are remembered, by the label of their destination. */
async function knownClients(
  session: NetlinkSession,
  service: VirtualServiceRule,
): Promise<ReadonlyMap<string, number>> {
  const known = new Map<string, number>();
  if (service.affinityTimeoutS === 0) return known;
  for (const { label, memory } of partOf(service).destinations) {
    if (memory === undefined) continue;
    known.set(label.toString('hex'), (await readSetElements(session, memory.name)).length);
  }
  return known;
}

/** Clients that are remembered, as IPVS shows its templates. */
async function templatesOf(
  session: NetlinkSession,
  service: VirtualServiceRule,
): Promise<Connection[]> {
  if (service.affinityTimeoutS === 0) return [];
  const { match, destinations } = service;
  const parts = partOf(service).destinations;
  const virtual =
    'fwmark' in match
      ? {
          protocol: 'ip' as const,
          virtual: formatAddress(markBytes(match.fwmark)),
          virtualPort: 0,
        }
      : { protocol: match.protocol, virtual: match.address, virtualPort: match.port };
  const found: Connection[] = [];
  for (const [i, { address, port }] of destinations.entries()) {
    const set = parts[i]!.memory?.name;
    if (set === undefined) continue;
    for (const { key, expiresMs = 0 } of await readSetElements(session, set)) {
      found.push({
        ...virtual,
        client: formatAddress(key),
        clientPort: 0,
        destination: address,
        destinationPort: port,
        state: 'NONE',
        expiresS: Math.ceil(expiresMs / 1_000),
      });
    }
  }
  return found;
}

/** IPVS shows a mark in the place of an address. */
function markBytes(mark: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(mark);
  return bytes;
}
