import type { Log } from '../../base/index.js';
import { ruleKey, type Rule, type VirtualServiceMatch } from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import type { Connection, ConnectionQuery, DataPath, ServiceCounters } from '../port.js';
import type { Balancer } from './balancer.js';
import { connectionsPath, parseConnections } from './connections.js';
import { applyIpvs } from './ipvs-apply.js';
import { Ipvs } from './ipvs.js';
import { isNativeError } from './native.js';
import type { Fail, OpRange } from './op-batch.js';
import { kernelErrorOf, type Sandbox } from './sandbox.js';
import type { NetlinkSession } from './session.js';

/** A connection takes about 90 bytes of the table: 10 million. */
const connectionTableBytesMax = 1024 * 1024 * 1024;

/** Virtual services by IPVS. */
export class IpvsBalancer implements Balancer {
  readonly heldSysctls: ReadonlyMap<string, string> = new Map();
  private ipvs: { readonly session: NetlinkSession; readonly tables: Ipvs } | undefined;
  private saidNoIpvs = false;

  constructor(
    private readonly box: Sandbox,
    private readonly log: Log,
  ) {}

  observeAnnounced(): Promise<'ipvs'> {
    return Promise.resolve('ipvs');
  }

  async observe(own: Map<string, Rule>, foreign: Rule[]): Promise<void> {
    const tables = await this.ipvsIfAny();
    if (tables === undefined) return;
    const timeouts = await tables.timeouts();
    if (timeouts !== undefined) own.set(ruleKey(timeouts), timeouts);
    const services = await tables.services();
    for (const rule of services.own) own.set(ruleKey(rule), rule);
    foreign.push(...services.foreign);
  }

  async apply(range: OpRange, fail: Fail): Promise<void> {
    const { session, tables } = await this.open();
    await applyIpvs(session, tables, range, fail);
  }

  async counters(only?: readonly VirtualServiceMatch[]): Promise<readonly ServiceCounters[]> {
    const tables = await this.ipvsIfAny();
    return tables === undefined ? [] : tables.counters(only);
  }

  async connections(query: ConnectionQuery): Promise<readonly Connection[]> {
    try {
      const table = await this.box.readFile(connectionsPath, connectionTableBytesMax);
      return parseConnections(table, query);
    } catch (error) {
      if (isNativeError(error) && error.code === 'ENOENT') return []; // No module, no connections.
      throw kernelErrorOf('read IPVS connections', error);
    }
  }

  async dataPath(): Promise<DataPath> {
    const { version, connectionTableSize } = await (await this.open()).tables.info();
    return { kind: 'ipvs', detail: `ip_vs ${version}, ${connectionTableSize} buckets` };
  }

  private async open(): Promise<{ session: NetlinkSession; tables: Ipvs }> {
    const session = await this.box.session('generic');
    if (this.ipvs?.session !== session) {
      this.ipvs = { session, tables: await Ipvs.open(session) };
    }
    return this.ipvs;
  }

  /** A host without IPVS is observed as one without virtual services. */
  private async ipvsIfAny(): Promise<Ipvs | undefined> {
    try {
      return (await this.open()).tables;
    } catch (error) {
      if (!isWithoutIpvs(error)) throw error;
      if (!this.saidNoIpvs) this.log.warn({ sandbox: this.box.name }, error.message);
      this.saidNoIpvs = true;
      return undefined;
    }
  }
}

/** True for the refusal of a kernel that has no IPVS. */
export function isWithoutIpvs(error: unknown): error is KernelError {
  return error instanceof KernelError && error.errno === errno.EOPNOTSUPP;
}
