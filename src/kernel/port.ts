import type { Op, Protocol, Rule, RuleSet, VirtualServiceMatch } from '../model/index.js';
import type { KernelError } from './errors.js';

/**
 * The kernel of one sandbox (network namespace), as far as this project touches it.
 * Implemented by linux (netlink) and fake (a strict model); one contract suite runs on both.
 */
export interface Kernel {
  /** `host`, or the path of the network namespace; only for messages. */
  readonly sandbox: string;

  /**
   * What the kernel holds now. `sysctls` names the files to read, `loopback` asks for the rule of
   * that device, which is there while the device is up.
   * Errors: KernelError when a dump fails as a whole; `not_found` when the sandbox vanished.
   */
  observe(options: ObserveOptions): Promise<Observation>;

  /**
   * Applies the Ops in order; a failing Op does not stop those behind it. Strict: `add` of what
   * exists fails with EEXIST, `set` or `delete` of what does not with ENOENT, ESRCH or ENODEV.
   * A wireguard device has a rule of that kind from its first private key on.
   * Only neighbors, and local IPv4 routes to devices of ours, are replaced by `add`: the kernel has
   * its own beside them.
   * Returns the failures, none when all is well. An Op may have several (a service's destinations).
   */
  apply(ops: readonly Op[]): Promise<readonly OpFailure[]>;

  /** Counters of virtual services that carry our mark, or of `only` these. */
  counters(only?: readonly VirtualServiceMatch[]): Promise<readonly ServiceCounters[]>;

  /** Open connections of virtual services of the sandbox, at most `limit`, after `filter`. */
  connections(query: ConnectionQuery): Promise<readonly Connection[]>;

  /**
   * Open TCP connections that processes of the sandbox serve, of all addresses: those to a port
   * that somebody listens on.
   */
  servedConnections(): Promise<number>;

  /** Where processes of the sandbox take TCP connections and UDP packets. */
  listeningSockets(): Promise<readonly ListeningSocket[]>;

  /**
   * What carries the packets. Errors: failed_precondition when the kernel does not have it,
   * permission_denied without CAP_NET_ADMIN.
   */
  dataPath(): Promise<DataPath>;

  /**
   * The peers of wireguard devices of ours, with what became of their sessions. Errors:
   * failed_precondition when the kernel has no WireGuard, permission_denied without CAP_NET_ADMIN.
   */
  wireguardPeers(): Promise<readonly WireguardPeer[]>;

  /** Chains of other firewalls that drop what none of their rules accepts. */
  droppingChains(): Promise<readonly DroppingChain[]>;

  /** Since the sandbox was made. */
  packetFaults(): Promise<PacketFaults>;

  /** How the sandbox would reach `address`, or undefined when it has no route. */
  routeTo(address: string): Promise<RouteAnswer | undefined>;

  /**
   * Calls back when links, addresses, routes, policy rules or our nftables tables changed behind
   * our back (one call may stand for many changes); Ops applied here do not count, save those of the
   * loopback device, whose addresses come and go with it. IPVS, sysctls, neighbors, forwarding
   * entries, keys and peers do not announce changes. The returned function stops it.
   */
  watch(changed: () => void): Promise<() => Promise<void>>;

  close(): Promise<void>;
}

export interface ObserveOptions {
  readonly sysctls: readonly string[];
  readonly loopback?: boolean;
  /**
   * Leaves out virtual services that change without an event, those of IPVS: a cheap pass after
   * an event.
   */
  readonly withoutVirtualServices?: boolean;
}

export interface Observation {
  /** What carries our mark, by ruleKey. Destinations are in the order in which they were added. */
  readonly own: RuleSet;
  /** Virtual services that were not looked at: none, or those that IPVS carries. */
  readonly leftOut: 'none' | 'ipvs';
  /** IPVS virtual services without our mark; never touched. */
  readonly foreign: readonly Rule[];
  /** Addresses of devices that are not ours: what is on-link, and which source to prefer. */
  readonly hostAddresses: readonly HostAddress[];
}

export interface HostAddress {
  readonly device: string;
  readonly address: string;
  readonly prefixLength: number;
  readonly scope: 'global' | 'link' | 'host';
}

export interface OpFailure {
  /** Position in the array given to `apply`. */
  readonly index: number;
  readonly error: KernelError;
}

/** Counts since the object was made, summed by the kernel every 2 s; rates are its estimate. */
export interface Counters {
  readonly connections: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly connectionsPerS: number;
  readonly inPacketsPerS: number;
  readonly outPacketsPerS: number;
  readonly inBytesPerS: number;
  readonly outBytesPerS: number;
}

export interface ServiceCounters extends Counters {
  readonly match: VirtualServiceMatch;
  readonly destinations: readonly DestinationCounters[];
}

export interface DestinationCounters extends Counters {
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** Established connections. */
  readonly active: number;
  /** Connections in every other state, and UDP flows. */
  readonly inactive: number;
  /** Affinity templates. */
  readonly persistent: number;
}

export interface ConnectionQuery {
  readonly limit: number;
  readonly filter?: (connection: Connection) => boolean;
}

/** An entry of the connection table: that of IPVS (/proc/net/ip_vs_conn), or a tracked connection. */
export interface Connection {
  readonly protocol: Protocol | 'ip';
  readonly client: string;
  readonly clientPort: number;
  readonly virtual: string;
  readonly virtualPort: number;
  readonly destination: string;
  readonly destinationPort: number;
  /** The kernel's name: ESTABLISHED, FIN_WAIT, UDP; NONE or ASSURED for an affinity template. */
  readonly state: string;
  readonly expiresS: number;
}

/** `::` takes what comes to IPv4 addresses too, unless its process asked for IPv6 alone. */
export interface ListeningSocket {
  readonly protocol: 'tcp' | 'udp';
  /** `0.0.0.0` or `::` for all. */
  readonly address: string;
  readonly port: number;
}

/** A base chain of nftables (or iptables-nft) with policy drop. */
export interface DroppingChain {
  /** `ip filter FORWARD`. */
  readonly name: string;
  readonly hook: 'input' | 'forward';
}

/** Packets that came damaged, and those that devices were given and did not send. */
export interface PacketFaults {
  /** UDP datagrams with a wrong checksum, of both families, VXLAN's among them. */
  readonly udpChecksums: number;
  /** By device: errors and drops, those by the rules of the host's own firewall among them. */
  readonly unsent: ReadonlyMap<string, number>;
}

/** What carries the packets of virtual services: `ip_vs 1.2.1, 4096 buckets`. */
export interface DataPath {
  readonly kind: 'ipvs' | 'nftables';
  readonly detail: string;
}

/** What the kernel knows of a peer. Bytes count its messages whole, handshakes too, since it was added. */
export interface WireguardPeer {
  readonly device: string;
  /** Base64. */
  readonly publicKey: string;
  /** Where its last packet came from, or where it is looked for. */
  readonly endpoint?: { readonly address: string; readonly port: number };
  /** Since the last handshake; absent = there was none yet. Unit: seconds. */
  readonly handshakeAgeS?: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface RouteAnswer {
  readonly type: 'unicast' | 'local' | 'broadcast' | 'multicast' | 'unreachable';
  readonly device: string;
  readonly source?: string;
  readonly gateway?: string;
}
