import type { Rule, VirtualServiceMatch } from '../../model/index.js';
import type { Connection, ConnectionQuery, DataPath, ServiceCounters } from '../port.js';
import type { Fail, OpRange } from './op-batch.js';

/** What carries the packets of virtual services in one sandbox: IPVS, or nftables. */
export interface Balancer {
  /** Sysctls that hold without a file, by name: it behaves so anyway. Other values are refused. */
  readonly heldSysctls: ReadonlyMap<string, string>;
  /** Adds virtual services and idle timeouts to `own`, services of others to `foreign`. */
  observe(own: Map<string, Rule>, foreign: Rule[]): Promise<void>;
  /** The same of those alone whose changes are announced; says what was left out. */
  observeAnnounced(own: Map<string, Rule>): Promise<'none' | 'ipvs'>;
  /** Applies Ops on virtual services, destinations and idle timeouts, as the port says. */
  apply(range: OpRange, fail: Fail): Promise<void>;
  counters(only?: readonly VirtualServiceMatch[]): Promise<readonly ServiceCounters[]>;
  connections(query: ConnectionQuery): Promise<readonly Connection[]>;
  /** Errors: failed_precondition when the kernel has none. */
  dataPath(): Promise<DataPath>;
}
