import { formatEndpoint, type Family } from './address.js';

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** IPVS schedulers this project accepts; each is a kernel module ip_vs_NAME. */
export const schedulers = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'sh',
  'mh',
  'sed',
  'nq',
  'lblc',
  'ovf',
  'fo',
] as const;
export type Scheduler = (typeof schedulers)[number];

/**
 * Scheduler flags: `fallback` = try another destination when the chosen one is unavailable,
 * `port` = hash the client's port too. Meant for sh and mh (IP_VS_SVC_F_SCHED_SH_*, _MH_*).
 */
export type SchedulerFlag = 'fallback' | 'port';

/** How a packet reaches its destination: NAT, same layer 2 (direct routing), or a tunnel. */
export type Forwarding = 'masq' | 'route' | 'tunnel';
export type TunnelType = 'ipip' | 'gue' | 'gre';

/** An IPVS real server. Identity within a service: address and port. */
export interface Destination {
  readonly address: string;
  /** 0 = the port of the packet, for fwmark services and port 0. Range 0-65535. */
  readonly port: number;
  /** New connections in proportion to it; 0 = none, open ones go on. Range 0-65535. */
  readonly weight: number;
  readonly forwarding: Forwarding;
  /** Only with forwarding `tunnel`. */
  readonly tunnel?: {
    readonly type: TunnelType;
    readonly port: number;
    readonly checksum: boolean;
  };
  /** No new connections while there are more than this; 0 = no limit. Unit: connections. */
  readonly upperThreshold: number;
  /** After the upper threshold was met, new ones again below this; 0 = 3/4 of upper. */
  readonly lowerThreshold: number;
}

/** What an IPVS virtual service listens to. */
export type VirtualServiceMatch =
  | { readonly protocol: Protocol; readonly address: string; readonly port: number }
  | { readonly fwmark: number; readonly family: Family };

/** An IPVS virtual service with its destinations. */
export interface VirtualService {
  readonly match: VirtualServiceMatch;
  readonly scheduler: Scheduler;
  readonly schedulerFlags: readonly SchedulerFlag[];
  /** Affinity: a client keeps its destination this long. Unit: seconds; 0 = off. */
  readonly affinityTimeoutS: number;
  /** Clients of one prefix of this length count as one. 32 or 128 = each its own. */
  readonly affinityPrefix: number;
  /** Each UDP packet scheduled alone (IP_VS_SVC_F_ONEPACKET). */
  readonly onePacket: boolean;
  /** In the order in which they were added to the kernel. */
  readonly destinations: readonly Destination[];
}

/** `10.96.0.1:80/tcp`, `[fd00::1]:80/tcp`, `fwmark 257/v6`: unique within a sandbox. */
export function formatMatch(match: VirtualServiceMatch): string {
  if ('fwmark' in match) return `fwmark ${match.fwmark}${match.family === 6 ? '/v6' : ''}`;
  return `${formatEndpoint(match.address, match.port)}/${match.protocol}`;
}

export function matchFamily(match: VirtualServiceMatch): Family {
  if ('fwmark' in match) return match.family;
  return match.address.includes(':') ? 6 : 4;
}

/** Identity of a destination within its service. */
export function destinationKey(destination: Pick<Destination, 'address' | 'port'>): string {
  return formatEndpoint(destination.address, destination.port);
}

/** True when two destinations of one identity would behave alike. */
export function sameDestination(a: Destination, b: Destination): boolean {
  if (a === b) return true;
  return (
    a.weight === b.weight &&
    a.port === b.port &&
    a.address === b.address &&
    a.forwarding === b.forwarding &&
    a.upperThreshold === b.upperThreshold &&
    a.lowerThreshold === b.lowerThreshold &&
    a.tunnel?.type === b.tunnel?.type &&
    a.tunnel?.port === b.tunnel?.port &&
    a.tunnel?.checksum === b.tunnel?.checksum
  );
}

/** True when two virtual services of one match agree in all but their destinations. */
export function sameVirtualService(a: VirtualService, b: VirtualService): boolean {
  return (
    a.scheduler === b.scheduler &&
    a.affinityTimeoutS === b.affinityTimeoutS &&
    a.affinityPrefix === b.affinityPrefix &&
    a.onePacket === b.onePacket &&
    a.schedulerFlags.length === b.schedulerFlags.length &&
    a.schedulerFlags.every((flag) => b.schedulerFlags.includes(flag))
  );
}

/** One line as `ipvsadm -Sn` would order it: `10.96.0.1:80/tcp wrr fallback affinity=300s`. */
export function formatVirtualService(service: VirtualService): string {
  const words = [formatMatch(service.match), service.scheduler, ...service.schedulerFlags];
  if (service.affinityTimeoutS > 0) {
    const bits = matchFamily(service.match) === 4 ? 32 : 128;
    const mask = service.affinityPrefix === bits ? '' : `/${service.affinityPrefix}`;
    words.push(`affinity=${service.affinityTimeoutS}s${mask}`);
  }
  if (service.onePacket) words.push('ops');
  return words.join(' ');
}

/** `10.0.0.10:80 masq weight=1`. */
export function formatDestination(destination: Destination): string {
  const words = [destinationKey(destination), destination.forwarding];
  const tunnel = destination.tunnel;
  if (tunnel !== undefined) {
    words.push(tunnel.type);
    if (tunnel.type === 'gue') words.push(`port=${tunnel.port}`);
    if (tunnel.checksum) words.push('checksum');
  }
  words.push(`weight=${destination.weight}`);
  if (destination.upperThreshold > 0) words.push(`upper=${destination.upperThreshold}`);
  if (destination.lowerThreshold > 0) words.push(`lower=${destination.lowerThreshold}`);
  return words.join(' ');
}
