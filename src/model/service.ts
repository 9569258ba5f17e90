import type {
  Forwarding,
  Protocol,
  Scheduler,
  SchedulerFlag,
  TunnelType,
} from './virtual-service.js';

/**
 * What a user asks for: a name, an address of its own, ports, and the servers behind them.
 * Checked and complete: every default is filled in, every address is canonical.
 */
export interface ServiceSpec {
  /** DNS label or labels: letters, digits, `-`, `.`; at most 63 characters. Unique. */
  readonly name: string;
  /**
   * More names of it, written as its own is and answered as that one; at most 16, each once, its own
   * not among them. Another service may have one of them for its name, and keeps it.
   */
  readonly aliases: readonly string[];
  /**
   * How long what is answered of its names may be kept. Unit: seconds; range 0-3600. Absent = as long
   * as the node that answers says of all names (`dns.ttl`).
   */
  readonly dnsTtlS?: number;
  /**
   * The network it is on: its destinations are the endpoints there that name it. Absent = it stands
   * alone, and its destinations are those that it lists.
   */
  readonly network?: string;
  /** On a network: whether it has a VIP there, or its name alone stands for its endpoints. */
  readonly endpointMode: EndpointMode;
  /**
   * At most one per family; empty = one from the pools for each family of the destinations, or of
   * the network.
   */
  readonly vips: readonly string[];
  /** At least one, no protocol and port twice; none on a network, where a VIP has every port. */
  readonly ports: readonly ServicePort[];
  /** Ports of the nodes themselves; only on a network. No protocol and port twice. */
  readonly publish: readonly PublishedPort[];
  readonly scheduler: Scheduler;
  readonly schedulerFlags: readonly SchedulerFlag[];
  readonly onePacket: boolean;
  readonly affinity: Affinity;
  readonly forwarding: Forwarding;
  /** Only with forwarding `tunnel`. */
  readonly tunnel?: {
    readonly type: TunnelType;
    readonly port: number;
    readonly checksum: boolean;
  };
  /** Whether clients' addresses are replaced by ours (masquerade), with forwarding `masq`. */
  readonly snat: SnatMode;
  readonly limits: ConnectionLimits;
  /** How long a removed or drained destination may finish its connections. Unit: milliseconds. */
  readonly drainDeadlineMs: number;
  readonly healthCheck?: HealthCheck;
  readonly destinations: readonly ServiceDestination[];
}

/** A port, or `count` consecutive ones; port + i goes to targetPort + i. */
export interface ServicePort {
  readonly protocol: Protocol;
  /** Range 1-65535, as is port + count - 1. */
  readonly port: number;
  readonly targetPort: number;
  readonly count: number;
}

export type EndpointMode = 'vip' | 'dnsrr';

/**
 * A port of every node, or `count` consecutive ones, that leads to the service's endpoints. Port 0,
 * as it is asked for: one that is left to us.
 */
export interface PublishedPort extends ServicePort {
  /** `host`: only nodes with an endpoint answer, for their own. */
  readonly mode: PublishMode;
  /** Whether endpoints see the client's address, or that of the node it called. */
  readonly source: PublishSource;
  /** Which endpoints a node chooses from: all; its own while it has any; its own alone. */
  readonly policy: TrafficPolicy;
  /** The address of a node that answers; absent = all of its addresses. */
  readonly bind?: string;
  /** The device that calls come in by, on nodes that have it; absent = any. Not beside `bind`. */
  readonly device?: string;
  /** Canonical prefixes of clients that are answered; empty = all. */
  readonly allowFrom: readonly string[];
}

export type PublishMode = 'ingress' | 'host';
export type PublishSource = 'preserve' | 'snat';
export type TrafficPolicy = 'any' | 'prefer-local' | 'local';

/** A client keeps its destination for `timeoutS` seconds after its last connection; 0 = off. */
export interface Affinity {
  readonly timeoutS: number;
  /** Clients within a prefix of this length count as one client. Range 1-32 and 1-128. */
  readonly prefix4: number;
  readonly prefix6: number;
}

/**
 * `auto`: only clients whose replies would not come back through this host, those on the same
 * link as the destination. `never`: all packets keep the client's address.
 * `always`: every client's address is replaced, for destinations that route elsewhere.
 */
export type SnatMode = 'auto' | 'never' | 'always';

/** Of each destination. Unit: connections; 0 = no limit. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  /** A destination that met its limit takes new ones again below this; 0 = 3/4 of the limit. */
  readonly resumeConnections: number;
}

export interface ServiceDestination {
  /** For people; the address when none was given. */
  readonly name: string;
  readonly address: string;
  /** Range 0-65535; 0 = no new connections. */
  readonly weight: number;
  /** Set by `drain`: weight 0 until its connections ended or the deadline passed. */
  readonly draining: boolean;
}

export type HealthCheck = TcpCheck | HttpCheck;

interface CheckTiming {
  /** Port probed; absent = the first target port that is tcp. */
  readonly port?: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Successes in a row that make a destination healthy. Range 1-100. */
  readonly rise: number;
  /** Failures in a row that make it unhealthy. Range 1-100. */
  readonly fall: number;
}

export interface TcpCheck extends CheckTiming {
  readonly type: 'tcp';
}

export interface HttpCheck extends CheckTiming {
  readonly type: 'http';
  readonly path: string;
  /** Host header; absent = the destination's address. */
  readonly host?: string;
  /** Accepted status codes, inclusive ranges. */
  readonly status: readonly { readonly from: number; readonly to: number }[];
  /** Text that the first 64 KiB of the body must contain. */
  readonly body?: string;
}

/** A service whose VIPs are settled; what the rules are compiled from. */
export interface Service extends ServiceSpec {
  /** One per family at most; at least one, but for a service on a network. */
  readonly vips: readonly string[];
}

/** `80/tcp`, `80:8080/tcp`, `7000-7009:9000-9009/udp`. */
export function formatPort(port: ServicePort): string {
  const span = (first: number): string =>
    port.count === 1 ? String(first) : `${first}-${first + port.count - 1}`;
  const target = port.targetPort === port.port ? '' : `:${span(port.targetPort)}`;
  return `${port.port === 0 ? 'auto' : span(port.port)}${target}/${port.protocol}`;
}

/** `8080:80/tcp`, and in braces what of it is not as usual. */
export function formatPublished(port: PublishedPort): string {
  const words = [
    ...(port.mode === 'ingress' ? [] : [`mode=${port.mode}`]),
    ...(port.source === 'preserve' ? [] : [`source=${port.source}`]),
    ...(port.policy === 'any' ? [] : [`policy=${port.policy}`]),
    ...(port.bind === undefined ? [] : [`bind=${port.bind}`]),
    ...(port.device === undefined ? [] : [`device=${port.device}`]),
    ...(port.allowFrom.length === 0 ? [] : [`allowFrom=${port.allowFrom.join(',')}`]),
  ];
  return [formatPort(port), ...(words.length === 0 ? [] : [`{${words.join(' ')}}`])].join(' ');
}
