import type { Family } from './address.js';
import { formatNftTable, type NftTable } from './nft.js';
import {
  formatDestination,
  formatMatch,
  formatVirtualService,
  type Destination,
  type VirtualService,
} from './virtual-service.js';
import {
  formatWireguard,
  formatWireguardPeer,
  type WireguardPeerRule,
  type WireguardRule,
} from './wireguard.js';

/**
 * A Rule is one kernel object that a sandbox (network namespace) shall hold. A RuleSet maps the
 * identity of each (`ruleKey`) to its value; it prints as lines that read like the output of ip,
 * ipvsadm and nft. Compiling makes it, diffing compares it with what the kernel holds.
 */
export type Rule =
  | LoopbackRule
  | LinkRule
  | AddressRule
  | RouteRule
  | PolicyRule
  | NeighborRule
  | FdbRule
  | WireguardRule
  | WireguardPeerRule
  | SysctlRule
  | IpvsTimeoutsRule
  | VirtualServiceRule
  | NftTableRule
  | NftElementRule;

export type RuleKind = Rule['kind'];
export type RuleSet = ReadonlyMap<string, Rule>;

/**
 * The loopback device is up. A setting of the sandbox: the device is always there and never ours,
 * without this rule nothing is known of it, and it is never set down.
 */
export interface LoopbackRule {
  readonly kind: 'loopback';
}

/** A network device. Its name starts with `mesh`. */
export interface LinkRule {
  readonly kind: 'link';
  readonly name: string;
  /**
   * `veth-end`: the far end of a veth pair, a rule of the sandbox that the end lies in. The veth
   * rule of another sandbox makes the device; until it did, `add` fails with ENODEV. Deleting
   * either end takes the pair. A pair never has both of its ends as rules of one sandbox.
   */
  readonly type: 'dummy' | 'bridge' | 'veth' | 'veth-end' | 'vxlan' | 'wireguard';
  readonly up: boolean;
  /** Unit: bytes; absent = the kernel's choice. */
  readonly mtu?: number;
  /**
   * Unicast, as `02:42:0a:00:00:01`; absent = the kernel's choice. Without one, a bridge takes
   * over that of a port; when it changes, the kernel forgets the neighbors of the device.
   */
  readonly mac?: string;
  /** The bridge this device is a port of. */
  readonly master?: string;
  /** IFLA_GROUP, which nftables compares faster than names; absent = 0, as others have it. */
  readonly group?: number;
  /**
   * veth: the name of the other end, its first MAC (absent = the kernel's choice), and the namespace
   * path it is made in. What was asked for: what became of the other end is its own sandbox's to say.
   */
  readonly peer?: { readonly name: string; readonly mac?: string; readonly netns?: string };
  readonly vxlan?: VxlanParameters;
}

/** Of a vxlan device without learning and flooding: its entries come from FdbRules. */
export interface VxlanParameters {
  /** Range: 0-16777215. */
  readonly vni: number;
  /** UDP port of every VTEP. */
  readonly port: number;
  /** Source address of what it sends. */
  readonly local: string;
  /**
   * The device answers ARP requests and neighbor solicitations itself, from the NeighborRules on
   * it, and sends none of them out, known or not (IFLA_VXLAN_PROXY).
   */
  readonly proxy: boolean;
}

/** An address on a device of ours. */
export interface AddressRule {
  readonly kind: 'address';
  readonly device: string;
  /** `10.96.0.1/32`: host bits kept. */
  readonly prefix: string;
}

/** Identity: destination, table and metric, so that routes of one destination lie side by side. */
export interface RouteRule {
  readonly kind: 'route';
  readonly type: 'unicast' | 'local' | 'blackhole';
  /** Canonical prefix; `0.0.0.0/0` or `::/0` is the default route. */
  readonly destination: string;
  /** 254 main, 255 local. Range 1-4294967295. */
  readonly table: number;
  readonly device?: string;
  readonly gateway?: string;
  /** Source address preferred for packets this host sends by the route. */
  readonly source?: string;
  /**
   * The lowest wins. Absent = the kernel's default, 0 for IPv4 and 1024 for IPv6, which is never
   * named. Range: 1-4294967295.
   */
  readonly metric?: number;
}

/** An `ip rule`. Identity: family, priority and mark. */
export interface PolicyRule {
  readonly kind: 'policy';
  readonly family: Family;
  readonly priority: number;
  readonly fwmark?: number;
  readonly fwmask?: number;
  readonly from?: string;
  readonly to?: string;
  readonly table: number;
}

/** A permanent neighbor entry (ARP, ND). MAC as `02:42:0a:00:00:01`. */
export interface NeighborRule {
  readonly kind: 'neighbor';
  readonly device: string;
  readonly address: string;
  readonly mac: string;
}

/** A permanent forwarding entry of a vxlan device: frames to `mac` go to the VTEP `vtep`. */
export interface FdbRule {
  readonly kind: 'fdb';
  readonly device: string;
  readonly mac: string;
  readonly vtep: string;
}

/** A file below /proc/sys: name with slashes, `net/ipv4/vs/conntrack`. */
export interface SysctlRule {
  readonly kind: 'sysctl';
  readonly name: string;
  readonly value: string;
  /** The device that it belongs to: there is none without it. */
  readonly device?: string;
}

/** IPVS idle timeouts of the sandbox. Unit: seconds, range 1-2147483. */
export interface IpvsTimeoutsRule {
  readonly kind: 'ipvs-timeouts';
  readonly tcpS: number;
  readonly tcpFinS: number;
  readonly udpS: number;
}

export interface VirtualServiceRule extends VirtualService {
  readonly kind: 'virtual-service';
  /**
   * Where IPVS carries the others too; for callers that it refuses, those with a loopback address
   * (ip_vs_xmit.c, crosses_local_route_boundary). Absent = whatever carries the others.
   */
  readonly by?: 'nftables';
}

/** Sets, chains and rules of a table; replaced as a whole when it differs. */
export interface NftTableRule extends NftTable {
  readonly kind: 'nft-table';
}

/** One element of a set or map of a table. */
export interface NftElementRule {
  readonly kind: 'nft-element';
  readonly table: string;
  readonly set: string;
  /** One text per part of the key: address, prefix, `80`, `8000-8010`, `tcp`. */
  readonly key: readonly string[];
  readonly value?: string;
}

/** Identity of a rule within its sandbox; two rules of one key are two versions of one object. */
export function ruleKey(rule: Rule): string {
  switch (rule.kind) {
    case 'loopback':
      return 'link lo';
    case 'link':
      return `link ${rule.name}`;
    case 'address':
      return `addr ${rule.prefix} dev ${rule.device}`;
    case 'route':
      return `route ${rule.destination} ${formatPlace(rule)}`;
    case 'policy':
      return `rule v${rule.family} ${rule.priority}${formatMark(rule)}`;
    case 'neighbor':
      return `neigh ${rule.address} dev ${rule.device}`;
    case 'fdb':
      return `fdb ${rule.mac} dev ${rule.device}`;
    case 'wireguard':
      return `wireguard ${rule.device}`;
    case 'wireguard-peer':
      return `wireguard peer ${rule.publicKey} dev ${rule.device}`;
    case 'sysctl':
      return `sysctl ${rule.name}`;
    case 'ipvs-timeouts':
      return 'ipvs timeouts';
    case 'virtual-service':
      return `ipvs ${formatMatch(rule.match)}`;
    case 'nft-table':
      return `nft table inet ${rule.name}`;
    case 'nft-element':
      return `nft element ${rule.table} ${rule.set} ${rule.key.join(' . ')}`;
  }
}

/** The rule as text; a virtual service has one indented line per destination. */
export function formatRule(rule: Rule): string {
  switch (rule.kind) {
    case 'loopback':
      return `${ruleKey(rule)} up`;
    case 'link':
      return formatLink(rule);
    case 'address':
      return ruleKey(rule);
    case 'nft-table':
      return `${ruleKey(rule)}\n${formatNftTable(rule)}`;
    case 'route':
      return formatRoute(rule);
    case 'policy':
      return formatPolicy(rule);
    case 'neighbor':
      return `${ruleKey(rule)} lladdr ${rule.mac}`;
    case 'fdb':
      return `${ruleKey(rule)} dst ${rule.vtep}`;
    case 'wireguard':
      return `${ruleKey(rule)} ${formatWireguard(rule)}`;
    case 'wireguard-peer':
      return `${ruleKey(rule)} ${formatWireguardPeer(rule)}`;
    case 'sysctl':
      return `${ruleKey(rule)} = ${rule.value}`;
    case 'ipvs-timeouts':
      return `ipvs timeouts tcp=${rule.tcpS}s tcpfin=${rule.tcpFinS}s udp=${rule.udpS}s`;
    case 'virtual-service':
      return [
        `ipvs ${formatVirtualService(rule)}`,
        ...rule.destinations.map((destination) => `  ${formatDestination(destination)}`),
      ].join('\n');
    case 'nft-element':
      return `${ruleKey(rule)}${rule.value === undefined ? '' : ` : ${rule.value}`}`;
  }
}

/** The rule set as text, in order of insertion. */
export function formatRuleSet(rules: Iterable<Rule>): string {
  return [...rules].map(formatRule).join('\n');
}

/**
 * The place of each kind when rules are made; they are removed in the reverse order. A VIP gets
 * its address after its virtual service, so that no packet finds the one without the other.
 */
export const kindOrder: readonly RuleKind[] = [
  'sysctl',
  'ipvs-timeouts',
  'loopback',
  'link',
  'wireguard',
  'wireguard-peer',
  'nft-table',
  'nft-element',
  'virtual-service',
  'address',
  'route',
  'policy',
  'neighbor',
  'fdb',
];

/** A destination of a virtual service, as the target of an Op of its own. */
export interface DestinationTarget {
  readonly kind: 'destination';
  readonly service: VirtualServiceRule;
  readonly destination: Destination;
}

/**
 * One change to the kernel. Strict: `add` fails when the object exists, `set` and `delete` fail
 * when it does not. `add` of a virtual service adds its destinations with it, `set` changes only
 * the service itself, `delete` removes both.
 */
export interface Op {
  readonly verb: 'add' | 'set' | 'delete';
  readonly target: Rule | DestinationTarget;
}

export function formatOp(op: Op): string {
  const { target } = op;
  if (target.kind === 'destination') {
    const where = formatMatch(target.service.match);
    return `${op.verb} destination ${formatDestination(target.destination)} of ${where}`;
  }
  if (op.verb === 'delete') return `delete ${ruleKey(target)}`;
  if (op.verb === 'set' && target.kind === 'virtual-service') {
    return `set ipvs ${formatVirtualService(target)}`;
  }
  return `${op.verb} ${formatRule(target)}`;
}

function formatLink(rule: LinkRule): string {
  const words = [`link ${rule.name} type ${rule.type}`];
  if (rule.vxlan !== undefined) {
    const { vni, port, local, proxy } = rule.vxlan;
    words.push(`id ${vni} dstport ${port} local ${local} nolearning`);
    if (proxy) words.push('proxy');
  }
  if (rule.mac !== undefined) words.push(`mac ${rule.mac}`);
  if (rule.peer !== undefined) {
    const { name, mac, netns } = rule.peer;
    words.push(`peer ${name}`);
    if (mac !== undefined) words.push(`mac ${mac}`);
    if (netns !== undefined) words.push(`netns ${netns}`);
  }
  if (rule.mtu !== undefined) words.push(`mtu ${rule.mtu}`);
  if (rule.master !== undefined) words.push(`master ${rule.master}`);
  if (rule.group !== undefined) words.push(`group ${rule.group}`);
  words.push(rule.up ? 'up' : 'down');
  return words.join(' ');
}

function formatRoute(rule: RouteRule): string {
  const words = [`route ${rule.type === 'unicast' ? '' : `${rule.type} `}${rule.destination}`];
  if (rule.gateway !== undefined) words.push(`via ${rule.gateway}`);
  if (rule.device !== undefined) words.push(`dev ${rule.device}`);
  if (rule.source !== undefined) words.push(`src ${rule.source}`);
  words.push(formatPlace(rule));
  return words.join(' ');
}

function formatPlace({ table, metric }: RouteRule): string {
  return `table ${table}${metric === undefined ? '' : ` metric ${metric}`}`;
}

function formatPolicy(rule: PolicyRule): string {
  const words = [`rule v${rule.family} ${rule.priority}:`];
  if (rule.from !== undefined) words.push(`from ${rule.from}`);
  if (rule.to !== undefined) words.push(`to ${rule.to}`);
  words.push(`${formatMark(rule).trimStart()} lookup ${rule.table}`.trimStart());
  return words.join(' ');
}

function formatMark({ fwmark, fwmask }: PolicyRule): string {
  if (fwmark === undefined) return '';
  const mask = fwmask === undefined ? '' : `/0x${fwmask.toString(16)}`;
  return ` fwmark 0x${fwmark.toString(16)}${mask}`;
}
