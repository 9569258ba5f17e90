import { silentLog, type Log } from '../../base/index.js';
import {
  ruleKey,
  type Op,
  type Rule,
  type RuleKind,
  type VirtualServiceMatch,
} from '../../model/index.js';
import { KernelError, errno } from '../errors.js';
import type {
  Connection,
  ConnectionQuery,
  DataPath,
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
import { isWithoutNetfilter, watchSandbox } from './announcements.js';
import type { Balancer } from './balancer.js';
import { BothBalancers } from './both-balancers.js';
import { listDroppingChains } from './dropping-chains.js';
import { IpvsBalancer, isWithoutIpvs } from './ipvs-balancer.js';
import { loadNative } from './native.js';
import { Network, wireguardDevices } from './network.js';
import { readPacketFaults } from './packet-faults.js';
import { formatOpLine, withoutErrno, type Fail, type OpRange } from './op-batch.js';
import { Sandbox, type Native, type SandboxOptions } from './sandbox.js';
import { NftBalancer } from './nft-balancer.js';
import { balancerTable } from './nft-balancer-table.js';
import { applyNft, observeNft } from './nftables-session.js';
import type { NetlinkSession } from './session.js';
import { Wireguard } from './wireguard.js';
import { countServed, listeningSockets, readSocketTables } from './sockets.js';
import { readSysctls, writeSysctl } from './sysctl.js';

export interface LinuxKernelOptions extends SandboxOptions {
  readonly log?: Log;
  /** What carries virtual services. `auto`: IPVS where the kernel has it, else nftables. Default ipvs. */
  readonly balancer?: 'auto' | DataPath['kind'];
  /** Stands in for the addon in tests. */
  readonly native?: Native;
}

/**
 * The kernel of a network namespace over netlink. Sockets are opened when first needed and kept.
 * Errors: KernelError when `netns` is no namespace (ENOENT); Error when the addon is not built.
 */
export async function openLinuxKernel(options: LinuxKernelOptions = {}): Promise<Kernel> {
  const box = new Sandbox(options.native ?? loadNative(), options);
  const log = options.log ?? silentLog;
  await Promise.resolve(); // What the namespace lacks is a rejection, never thrown.
  box.check();
  return new LinuxKernel(box, await chooseBalancer(box, log, options.balancer));
}

async function chooseBalancer(
  box: Sandbox,
  log: Log,
  wanted: LinuxKernelOptions['balancer'] = 'ipvs',
): Promise<Balancer> {
  const ipvs = new IpvsBalancer(box, log);
  const session = () => box.session('netfilter');
  const nftables = new NftBalancer(session, { counting: true });
  if (wanted === 'nftables') return nftables;
  // Packets that IPVS carries, most of all, shall not pay for counting those of a few callers.
  const both = new BothBalancers(ipvs, new NftBalancer(session, { counting: false }));
  if (wanted === 'ipvs') return both;
  const refusal = await ipvs.dataPath().catch((error: unknown) => error);
  // Whatever else is wrong will show when it is used.
  return isWithoutIpvs(refusal) ? nftables : both;
}

/** Ops of one subsystem that follow each other go to the kernel together. */
type Subsystem = 'balancer' | 'sysctl' | 'route' | 'nftables' | 'wireguard';

class LinuxKernel implements Kernel {
  private wireguard: { readonly session: NetlinkSession; readonly tables: Wireguard } | undefined;
  private readonly network: Network;

  constructor(
    private readonly box: Sandbox,
    private readonly balancer: Balancer,
  ) {
    this.network = new Network(box);
  }

  get sandbox(): string {
    return this.box.name;
  }

  async observe(options: ObserveOptions): Promise<Observation> {
    this.box.check();
    const own = new Map<string, Rule>();
    const foreign: Rule[] = [];
    const hostAddresses: HostAddress[] = [];
    const { heldSysctls } = this.balancer;
    for (const rule of await readSysctls(this.box, options.sysctls, heldSysctls)) {
      own.set(ruleKey(rule), rule);
    }
    await this.network.observe(own, hostAddresses, options);
    await this.observeWireguard(own);
    await this.observeTables(own);
    if (options.withoutVirtualServices === true) {
      const leftOut = await this.balancer.observeAnnounced(own);
      return { own, foreign, hostAddresses, leftOut };
    }
    await this.balancer.observe(own, foreign);
    return { own, foreign, hostAddresses, leftOut: 'none' };
  }

  async apply(ops: readonly Op[]): Promise<readonly OpFailure[]> {
    this.box.check();
    const failures: OpFailure[] = [];
    const fail: Fail = (index, error) => failures.push({ index, error });
    for (let start = 0; start < ops.length;) {
      const subsystem = subsystemOf(ops[start]!);
      let end = start + 1;
      while (end < ops.length && subsystemOf(ops[end]!) === subsystem) end++;
      await this.applyRange(subsystem, { ops, start, end }, fail);
      start = end;
    }
    return failures.sort((a, b) => a.index - b.index);
  }

  async counters(only?: readonly VirtualServiceMatch[]): Promise<readonly ServiceCounters[]> {
    this.box.check();
    return this.balancer.counters(only);
  }

  async connections(query: ConnectionQuery): Promise<readonly Connection[]> {
    this.box.check();
    return this.balancer.connections(query);
  }

  async servedConnections(): Promise<number> {
    this.box.check();
    return countServed(await this.readSockets('tcp'));
  }

  async listeningSockets(): Promise<readonly ListeningSocket[]> {
    this.box.check();
    const [tcp, udp] = [await this.readSockets('tcp'), await this.readSockets('udp')];
    return [...listeningSockets('tcp', tcp), ...listeningSockets('udp', udp)];
  }

  async dataPath(): Promise<DataPath> {
    this.box.check();
    return this.balancer.dataPath();
  }

  async wireguardPeers(): Promise<readonly WireguardPeer[]> {
    this.box.check();
    const tables = await this.openWireguard();
    return tables.peers(await this.network.wireguardDevices());
  }

  droppingChains(): Promise<readonly DroppingChain[]> {
    this.box.check();
    return listDroppingChains(this.box);
  }

  async packetFaults(): Promise<PacketFaults> {
    this.box.check();
    return readPacketFaults(this.box);
  }

  async routeTo(address: string): Promise<RouteAnswer | undefined> {
    this.box.check();
    return this.network.routeTo(address);
  }

  async watch(changed: () => void): Promise<() => Promise<void>> {
    this.box.check();
    return watchSandbox(this.box, this.network.ownLinks, changed);
  }

  async close(): Promise<void> {
    this.wireguard = undefined;
    await this.box.close();
  }

  private readSockets(protocol: 'tcp' | 'udp'): Promise<Buffer[]> {
    return readSocketTables(protocol, (path, bytes) => this.box.readFile(path, bytes));
  }

  private async observeTables(own: Map<string, Rule>): Promise<void> {
    const found = await this.box
      .session('netfilter')
      .then((session) => observeNft(session, (table) => table !== balancerTable))
      .catch(noTables);
    if (found === undefined) return;
    for (const rule of [...found.tables, ...found.elements]) own.set(ruleKey(rule), rule);
  }

  /** Without a device of that type the kernel need not know what it is. */
  private async observeWireguard(own: Map<string, Rule>): Promise<void> {
    const devices = wireguardDevices(own.values());
    if (devices.length === 0) return;
    const tables = await this.openWireguard();
    for (const rule of await tables.rules(devices)) own.set(ruleKey(rule), rule);
  }

  private async applyRange(subsystem: Subsystem, range: OpRange, fail: Fail): Promise<void> {
    try {
      switch (subsystem) {
        case 'balancer':
          await this.balancer.apply(range, fail);
          return;
        case 'sysctl':
          await this.applySysctls(range, fail);
          return;
        case 'route':
          await this.network.apply(range, fail);
          return;
        case 'wireguard':
          await (await this.openWireguard()).apply(range, fail);
          return;
        case 'nftables':
          await this.applyTables(range, fail);
      }
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      for (let index = range.start; index < range.end; index++) {
        const action = formatOpLine(range.ops[index]!);
        fail(index, new KernelError(action, error.errno, withoutErrno(error.message)));
      }
    }
  }

  private async applyTables({ ops, start, end }: OpRange, fail: Fail): Promise<void> {
    const session = await this.box.session('netfilter');
    const refused = await applyNft(session, ops.slice(start, end));
    for (const [at, { errno: number, message }] of refused) {
      fail(start + at, new KernelError(formatOpLine(ops[start + at]!), number, message));
    }
  }

  private async applySysctls({ ops, start, end }: OpRange, fail: Fail): Promise<void> {
    for (let index = start; index < end; index++) {
      const op = ops[index]!;
      if (op.target.kind !== 'sysctl') continue;
      const error =
        op.verb === 'delete'
          ? new KernelError(formatOpLine(op), errno.EOPNOTSUPP, 'a sysctl cannot be deleted')
          : await writeSysctl(this.box, formatOpLine(op), op.target, this.balancer.heldSysctls);
      if (error !== undefined) fail(index, error);
    }
  }

  private async openWireguard(): Promise<Wireguard> {
    const session = await this.box.session('generic');
    if (this.wireguard?.session !== session) {
      this.wireguard = { session, tables: await Wireguard.open(session) };
    }
    return this.wireguard.tables;
  }
}

function subsystemOf(op: Op): Subsystem {
  return op.target.kind === 'destination' ? 'balancer' : subsystems[op.target.kind];
}

const subsystems: Readonly<Record<RuleKind, Subsystem>> = {
  sysctl: 'sysctl',
  'ipvs-timeouts': 'balancer',
  'virtual-service': 'balancer',
  loopback: 'route',
  link: 'route',
  address: 'route',
  route: 'route',
  policy: 'route',
  neighbor: 'route',
  fdb: 'route',
  'nft-table': 'nftables',
  'nft-element': 'nftables',
  wireguard: 'wireguard',
  'wireguard-peer': 'wireguard',
};

function noTables(error: unknown): undefined {
  if (!isWithoutNetfilter(error)) throw error;
}
