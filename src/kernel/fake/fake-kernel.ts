import {
  destinationKey,
  formatMatch,
  formatOp,
  prefixContains,
  prefixOf,
  type Op,
  type Rule,
  type RuleSet,
  type VirtualServiceMatch,
  type VirtualServiceRule,
  type WireguardPeerRule,
  type WireguardRule,
} from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import type {
  Connection,
  ConnectionQuery,
  DataPath,
  Counters,
  DestinationCounters,
  DroppingChain,
  HostAddress,
  Kernel,
  ListeningSocket,
  Observation,
  ObserveOptions,
  OpFailure,
  PacketFaults,
  RouteAnswer,
  ServiceCounters,
  WireguardPeer,
} from '../port.js';
import { Tables } from './tables.js';

export interface FakeKernelOptions {
  readonly sandbox?: string;
  /** The files below /proc/sys that there are, with their values. */
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly hostAddresses?: readonly HostAddress[];
}

/** A refusal to be given to Ops, whatever the model says. */
export interface Fault {
  readonly errno: number;
  /** Which Ops it hits; absent = all. */
  readonly hits?: (op: Op) => boolean;
  /** How often; absent = until `clearFaults`. */
  readonly times?: number;
}

/** Thrown by everything after a crash, until `restart`. */
export class CrashError extends Error {}

/** As a 6.1 kernel has them in a fresh namespace. */
const defaultSysctls: Readonly<Record<string, string>> = {
  'net/ipv4/ip_forward': '0',
  'net/ipv4/conf/all/rp_filter': '0',
  'net/ipv6/conf/all/forwarding': '0',
  'net/ipv6/conf/default/disable_ipv6': '0',
  'net/ipv4/vs/conntrack': '0',
  'net/ipv4/vs/conn_reuse_mode': '1',
  'net/ipv4/vs/expire_nodest_conn': '0',
  'net/ipv4/vs/expire_quiescent_template': '0',
};

/**
 * A kernel in memory: the strict model behind the port, and the means to disturb it. Changes are
 * made at once; the promises only resolve later, as those of a kernel do.
 */
export class FakeKernel implements Kernel {
  readonly sandbox: string;
  /** Every Op that was tried, in order, refused or not. */
  readonly applied: Op[] = [];
  hostAddresses: readonly HostAddress[];
  /** The IPVS connection table. */
  connectionTable: Connection[] = [];
  readonly path: DataPath = { kind: 'ipvs', detail: 'ip_vs 1.2.1, 4096 buckets' };
  /** What `droppingChains` answers. */
  chains: readonly DroppingChain[] = [];
  /** What `packetFaults` answers. */
  faultyPackets: PacketFaults = { udpChecksums: 0, unsent: new Map() };
  /** Answers of `routeTo` that the host's addresses do not give. */
  readonly routeAnswers = new Map<string, RouteAnswer>();
  observations = 0;
  closed = false;

  private readonly tables: Tables;
  private readonly watchers = new Set<() => void>();
  private readonly serviceCounters = new Map<string, Partial<Counters>>();
  private readonly destinationCounters = new Map<string, Partial<DestinationCounters>>();
  private faults: { fault: Fault; left: number }[] = [];
  private opsUntilCrash = Infinity;
  private vanished = false;

  constructor(options: FakeKernelOptions = {}) {
    this.sandbox = options.sandbox ?? 'host';
    this.hostAddresses = options.hostAddresses ?? [];
    const devices = new Set(['lo', ...this.hostAddresses.map(({ device }) => device)]);
    this.tables = new Tables(options.sysctls ?? defaultSysctls, devices);
  }

  /** Everything with our mark, sysctls and the loopback device too. */
  get rules(): RuleSet {
    return this.tables.own([...this.tables.sysctls.keys()], true);
  }

  /** Puts a rule of ours there, unchecked and unannounced: what another program might do. */
  plant(...rules: Rule[]): void {
    for (const rule of rules) {
      if (rule.kind === 'virtual-service') this.tables.ipvs.plant(rule, true);
      else if (rule.kind === 'ipvs-timeouts') this.tables.ipvs.timeouts = rule;
      else if (rule.kind === 'sysctl') this.tables.sysctls.set(rule.name, rule.value);
      else if (rule.kind === 'loopback') this.tables.isLoopbackUp = true;
      else if (isOfWireguard(rule)) this.tables.wireguard.plant(rule);
      else this.tables.plant(rule);
    }
  }

  /** Puts virtual services there that do not carry our mark. */
  plantForeign(...rules: VirtualServiceRule[]): void {
    for (const rule of rules) this.tables.ipvs.plant(rule, false);
  }

  /** Takes rules away, ours or not, with what depends on them; unannounced. */
  unplant(...keys: string[]): void {
    for (const key of keys) {
      if (key === 'link lo') this.tables.isLoopbackUp = false;
      this.tables.unplant(key);
      this.tables.wireguard.unplant(key);
      const all = [...this.tables.ipvs.rules(true), ...this.tables.ipvs.rules(false)];
      const service = all.find(({ match }) => `ipvs ${formatMatch(match)}` === key);
      if (service !== undefined) this.tables.ipvs.unplant(service.match);
    }
  }

  /**
   * A veth rule of another sandbox makes its far end here: from now on `add` of a `veth-end` of
   * that name succeeds. Unannounced, as `plant` is.
   */
  plantFarEnd(name: string): void {
    this.tables.plantFarEnd(name);
  }

  /** The pair is deleted from its other side. */
  unplantFarEnd(name: string): void {
    this.tables.unplantFarEnd(name);
  }

  /** From now on the kernel has no IPVS, or has it. */
  setIpvs(present: boolean): void {
    this.tables.ipvs.present = present;
  }

  /** The peer answered that long ago: what is observed of it says so. */
  setHandshakeAge(device: string, publicKey: string, ageS: number): void {
    this.tables.wireguard.setHandshakeAge(device, publicKey, ageS);
  }

  /** From now on the kernel makes no wireguard devices, or makes them. */
  setWireguard(present: boolean): void {
    this.tables.wireguard.present = present;
  }

  /** The namespace is deleted. */
  vanish(): void {
    this.vanished = true;
  }

  addFault(fault: Fault): void {
    this.faults.push({ fault, left: fault.times ?? Infinity });
  }

  clearFaults(): void {
    this.faults = [];
  }

  /** The process dies after `count` more Ops: `apply` and all that follows throw CrashError. */
  crashAfter(count: number): void {
    this.opsUntilCrash = count;
  }

  /** What the kernel holds outlives the crash. */
  restart(): void {
    this.opsUntilCrash = Infinity;
    this.watchers.clear();
    this.closed = false;
  }

  setCounters(match: VirtualServiceMatch, counters: Partial<Counters>): void {
    this.serviceCounters.set(formatMatch(match), counters);
  }

  /** `destination` as `destinationKey` names it: `10.0.0.10:80`. */
  setDestinationCounters(
    match: VirtualServiceMatch,
    destination: string,
    counters: Partial<DestinationCounters>,
  ): void {
    this.destinationCounters.set(`${formatMatch(match)} ${destination}`, counters);
  }

  /** Calls the watchers back, as links, addresses and routes of others do. */
  announce(): void {
    for (const changed of [...this.watchers]) changed();
  }

  async observe(options: ObserveOptions): Promise<Observation> {
    await this.entered();
    this.observations++;
    const own = this.tables.own(options.sysctls, options.loopback === true);
    const { ipvs } = this.tables;
    let foreign: Rule[] = ipvs.present ? ipvs.rules(false) : [];
    if (options.withoutVirtualServices === true) {
      foreign = [];
      for (const [key, rule] of own) {
        if (rule.kind === 'virtual-service' || rule.kind === 'ipvs-timeouts') own.delete(key);
      }
    }
    const leftOut = options.withoutVirtualServices === true ? 'ipvs' : 'none';
    return { own, foreign, hostAddresses: this.hostAddresses, leftOut };
  }

  async apply(ops: readonly Op[]): Promise<readonly OpFailure[]> {
    await this.entered();
    const failures: OpFailure[] = [];
    for (const [index, op] of ops.entries()) {
      if (this.opsUntilCrash-- <= 0) throw new CrashError(`before ${formatOp(op)}`);
      this.applied.push(op);
      const injected = this.takeFault(op);
      const refused = injected === undefined ? this.tables.apply(op) : [injected];
      for (const value of refused) {
        failures.push({ index, error: new KernelError(formatOp(op), value) });
      }
    }
    return failures;
  }

  async counters(only?: readonly VirtualServiceMatch[]): Promise<readonly ServiceCounters[]> {
    await this.entered();
    const { ipvs } = this.tables;
    if (!ipvs.present) return [];
    const named = new Set(only?.map(formatMatch));
    const wanted =
      only === undefined
        ? ipvs.rules(true)
        : [...ipvs.rules(true), ...ipvs.rules(false)].filter(({ match }) =>
            named.has(formatMatch(match)),
          );
    return wanted.map((service) => this.countersOf(service));
  }

  /** What `servedConnections` says. */
  served = 0;

  servedConnections(): Promise<number> {
    return Promise.resolve(this.served);
  }

  /** What `listeningSockets` says. */
  listening: readonly ListeningSocket[] = [];

  listeningSockets(): Promise<readonly ListeningSocket[]> {
    return Promise.resolve(this.listening);
  }

  async connections({ limit, filter }: ConnectionQuery): Promise<readonly Connection[]> {
    await this.entered();
    return this.connectionTable.filter(filter ?? (() => true)).slice(0, limit);
  }

  droppingChains(): Promise<readonly DroppingChain[]> {
    return Promise.resolve(this.chains);
  }

  packetFaults(): Promise<PacketFaults> {
    return Promise.resolve(this.faultyPackets);
  }

  async dataPath(): Promise<DataPath> {
    await this.entered();
    if (this.tables.ipvs.present) return this.path;
    throw new KernelError('this kernel has no IPVS', errno.EOPNOTSUPP, 'no module ip_vs');
  }

  async wireguardPeers(): Promise<readonly WireguardPeer[]> {
    await this.entered();
    const { wireguard } = this.tables;
    if (wireguard.present) return wireguard.states();
    throw new KernelError('this kernel has no WireGuard', errno.EOPNOTSUPP, 'no module wireguard');
  }

  async routeTo(address: string): Promise<RouteAnswer | undefined> {
    await this.entered();
    const known = this.routeAnswers.get(address);
    if (known !== undefined) return known;
    for (const host of this.hostAddresses) {
      if (host.address === address) return { type: 'local', device: 'lo', source: address };
      if (prefixContains(prefixOf(host.address, host.prefixLength), address)) {
        return { type: 'unicast', device: host.device, source: host.address };
      }
    }
    return undefined;
  }

  async watch(changed: () => void): Promise<() => Promise<void>> {
    await this.entered();
    this.watchers.add(changed);
    return () => {
      this.watchers.delete(changed);
      return Promise.resolve();
    };
  }

  close(): Promise<void> {
    this.closed = true;
    this.watchers.clear();
    return Promise.resolve();
  }

  private async entered(): Promise<void> {
    await Promise.resolve();
    if (this.opsUntilCrash < 0) throw new CrashError('not restarted');
    if (this.vanished) {
      const action = `sandbox ${this.sandbox}`;
      throw new KernelError(action, errno.ENOENT, 'network namespace vanished');
    }
  }

  private takeFault(op: Op): number | undefined {
    const hit = this.faults.find(({ fault, left }) => left > 0 && (fault.hits?.(op) ?? true));
    if (hit === undefined) return undefined;
    hit.left--;
    return hit.fault.errno;
  }

  private countersOf({ match, destinations }: VirtualServiceRule): ServiceCounters {
    const name = formatMatch(match);
    return {
      match,
      ...noCounters,
      ...this.serviceCounters.get(name),
      destinations: destinations.map((destination): DestinationCounters => {
        const { address, port, weight } = destination;
        const key = `${name} ${destinationKey(destination)}`;
        const known = this.destinationCounters.get(key);
        return {
          ...noCounters,
          active: 0,
          inactive: 0,
          persistent: 0,
          ...known,
          address,
          port,
          weight,
        };
      }),
    };
  }
}

function isOfWireguard(rule: Rule): rule is WireguardRule | WireguardPeerRule {
  return rule.kind === 'wireguard' || rule.kind === 'wireguard-peer';
}

const noCounters: Counters = {
  connections: 0,
  inPackets: 0,
  outPackets: 0,
  inBytes: 0,
  outBytes: 0,
  connectionsPerS: 0,
  inPacketsPerS: 0,
  outPacketsPerS: 0,
  inBytesPerS: 0,
  outBytesPerS: 0,
};
