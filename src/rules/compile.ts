import {
  addressBits,
  familyOf,
  matchFamily,
  vipLink,
  type Destination,
  type Family,
  type IpvsTimeoutsRule,
  type Protocol,
  type Rule,
  type SchedulerFlag,
  type Service,
  type ServicePort,
  type VirtualServiceMatch,
  type VirtualServiceRule,
} from '../model/index.js';
import type { OnLink } from './on-link.js';
import { compileSnat } from './snat.js';

/** Table `local` (RT_TABLE_LOCAL, linux/rtnetlink.h). */
const localTable = 255;

/** What compiling a service depends on beside the service itself. */
export interface CompileContext {
  readonly onLink: OnLink;
  /** False when health checks hold that no new connection should go there. */
  isHealthy(service: string, address: string): boolean;
}

/** Idle timeouts of IPVS; unit: seconds. */
export type IdleTimeouts = Pick<IpvsTimeoutsRule, 'tcpS' | 'tcpFinS' | 'udpS'>;

/** Every sysctl that a rule of ours may set: what an observation has to read. */
export const managedSysctls: readonly string[] = [
  'net/ipv4/ip_forward',
  'net/ipv6/conf/all/forwarding',
  'net/ipv4/vs/conn_reuse_mode',
  'net/ipv4/vs/expire_nodest_conn',
  'net/ipv4/vs/expire_quiescent_template',
  'net/ipv4/vs/conntrack',
];

/** The rules that a sandbox needs before its first service. */
export function compileBase(idleTimeouts: IdleTimeouts | undefined): Rule[] {
  return [
    { kind: 'sysctl', name: 'net/ipv4/ip_forward', value: '1' },
    { kind: 'sysctl', name: 'net/ipv6/conf/all/forwarding', value: '1' },
    // A client that reuses a port gets a fresh choice instead of a destination that went away.
    { kind: 'sysctl', name: 'net/ipv4/vs/conn_reuse_mode', value: '1' },
    // Connections of a removed destination end at once instead of hanging until they time out.
    { kind: 'sysctl', name: 'net/ipv4/vs/expire_nodest_conn', value: '1' },
    // Affinity to a destination of weight 0 ends, or it would never drain.
    { kind: 'sysctl', name: 'net/ipv4/vs/expire_quiescent_template', value: '1' },
    ...(idleTimeouts === undefined ? [] : [{ kind: 'ipvs-timeouts' as const, ...idleTimeouts }]),
    { kind: 'link', name: vipLink, type: 'dummy', up: true },
  ];
}

/** The rules of one service: virtual services, VIP addresses and routes, source NAT. */
export function compileService(service: Service, context: CompileContext): Rule[] {
  const rules: Rule[] = [];
  for (const vip of service.vips) {
    const family = familyOf(vip);
    for (const port of service.ports) compilePort(service, vip, port, context, rules);
    rules.push({ kind: 'address', device: vipLink, prefix: `${vip}/${addressBits(family)}` });
    const route = localClientRoute(service, vip, context.onLink);
    if (route !== undefined) rules.push(route);
  }
  rules.push(...compileSnat(service, context.onLink));
  return rules;
}

function compilePort(
  service: Service,
  vip: string,
  port: ServicePort,
  context: CompileContext,
  into: Rule[],
): void {
  const family = familyOf(vip);
  for (let i = 0; i < port.count; i++) {
    const match = { protocol: port.protocol, address: vip, port: port.port + i };
    const destinations = destinationsOf(service, family, port.targetPort + i, context);
    into.push(virtualServiceOf(service, match, port.protocol, destinations));
  }
}

/** The virtual service of `match`, balanced as `service` says; `protocol` undefined = any. */
export function virtualServiceOf(
  service: Service,
  match: VirtualServiceMatch,
  protocol: Protocol | undefined,
  destinations: readonly Destination[],
): VirtualServiceRule {
  const { prefix4, prefix6, timeoutS } = service.affinity;
  return {
    kind: 'virtual-service',
    match,
    scheduler: service.scheduler,
    schedulerFlags: flagsOf(service),
    affinityTimeoutS: timeoutS,
    affinityPrefix: matchFamily(match) === 4 ? prefix4 : prefix6,
    onePacket: service.onePacket && protocol === 'udp',
    destinations,
  };
}

/**
 * Hashing schedulers refuse a client whose destination has weight 0 unless told to fall back;
 * without it every drain and every failed health check would cut a share of the clients.
 */
const hashingFlags: readonly SchedulerFlag[] = ['fallback'];
const hashingFlagsWithPort: readonly SchedulerFlag[] = ['fallback', 'port'];

function flagsOf(service: Service): readonly SchedulerFlag[] {
  if (service.scheduler !== 'sh' && service.scheduler !== 'mh') return service.schedulerFlags;
  return service.schedulerFlags.includes('port') ? hashingFlagsWithPort : hashingFlags;
}

function destinationsOf(
  service: Service,
  family: Family,
  port: number,
  context: CompileContext,
): Destination[] {
  const destinations: Destination[] = [];
  const { name, forwarding, tunnel, limits } = service;
  const [upperThreshold, lowerThreshold] = [limits.maxConnections, limits.resumeConnections];
  for (const { address, weight: wanted, draining } of service.destinations) {
    // A draining destination is not asked for any more; reconcile/ lets it finish (retirement.ts).
    if (draining || familyOf(address) !== family) continue;
    const weight = context.isHealthy(name, address) ? wanted : 0;
    const plain = { address, port, weight, forwarding, upperThreshold, lowerThreshold };
    destinations.push(tunnel === undefined ? plain : { ...plain, tunnel });
  }
  return destinations;
}

/**
 * A process of this host that calls the VIP would use the VIP itself as its source address, and
 * the destination would answer nobody. The local route names an address of this host instead.
 */
function localClientRoute(service: Service, vip: string, onLink: OnLink): Rule | undefined {
  const family = familyOf(vip);
  const first = service.destinations.find(({ address }) => familyOf(address) === family);
  const source = first === undefined ? undefined : onLink.sourceFor(first.address);
  if (source === undefined) return undefined;
  return {
    kind: 'route',
    type: 'local',
    destination: `${vip}/${addressBits(family)}`,
    table: localTable,
    device: vipLink,
    source,
  };
}
