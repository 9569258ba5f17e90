import {
  addressBits,
  familyOf,
  prefixBase,
  prefixContains,
  prefixLength,
  type Destination,
  type Endpoint,
  type Family,
  type NftElementRule,
  type PublishedPort,
  type Rule,
  type Service,
  type VirtualServiceMatch,
  type VirtualServiceRule,
} from '../model/index.js';
import { virtualServiceOf } from './compile.js';
import { ingressTable, ingressTableName } from './ingress-table.js';
import { innerMark, publishedMark } from './packet-marks.js';

/** The endpoints of a service on the ingress network. */
export interface IngressView {
  /** Of this node. */
  readonly local: readonly Endpoint[];
  readonly remote: readonly Endpoint[];
  /** Families that the network has. */
  readonly families: readonly Family[];
  /** Whether what carries the calls of clients elsewhere needs connection tracking; IPVS does not. */
  readonly isTracked: boolean;
}

/** What this host holds for the published ports of a service. */
export function compilePublished(service: Service, view: IngressView): Rule[] {
  const rules = service.publish.flatMap((port) => compilePort(service, port, view));
  return rules.length === 0 ? [] : [ingressTable, ...rules];
}

function compilePort(service: Service, port: PublishedPort, view: IngressView): Rule[] {
  if (port.mode === 'host' && view.local.length === 0) return [];
  const endpoints = chosen(service, port, view);
  const isShifted = port.targetPort !== port.port;
  // Destinations with port 0 keep that of the packet: a range that is not shifted is one service.
  const parts = isShifted && port.count > 1 ? splitRange(port) : [port];
  return [
    ...parts.flatMap((part) => {
      const families = view.families.filter(bindsTo(port));
      const services = (fwmark: number): VirtualServiceRule[] =>
        families.map((family) => {
          const target = { port: isShifted ? part.targetPort : 0 };
          const destinations = destinationsOf(service, endpoints, family, target);
          return virtualServiceOf(service, { fwmark, family }, part.protocol, destinations);
        });
      return [...outerRules(part, services, view), ...innerRules(part, services)];
    }),
  ];
}

/** The virtual services that a service may have on a host for its published ports. */
export function* publishedMatches(service: Service): Generator<VirtualServiceMatch> {
  for (const port of service.publish) {
    const isShifted = port.targetPort !== port.port;
    for (let i = 0; i < (isShifted ? port.count : 1); i++) {
      for (const mark of [publishedMark, innerMark]) {
        const fwmark = mark(port.protocol, port.port + i);
        yield { fwmark, family: 4 };
        yield { fwmark, family: 6 };
      }
    }
  }
}

/**
 * The addresses of a family as destinations. Endpoints of nodes that are not heard of get no new
 * connections while there is another one: when nobody is heard of, it may be us who are away.
 */
export function destinationsOf(
  { name, limits }: Service,
  endpoints: readonly Endpoint[],
  family: Family,
  { port }: { readonly port: number },
): Destination[] {
  const [upperThreshold, lowerThreshold] = [limits.maxConnections, limits.resumeConnections];
  const isServed = endpoints.some(({ services, isAway }) => !isAway && (services[name] ?? 0) > 0);
  return endpoints.flatMap(({ addresses, services, isAway }) => {
    const address = addresses.find((one) => familyOf(one) === family);
    const wanted = services[name];
    if (address === undefined || wanted === undefined) return [];
    const weight = isAway && isServed ? 0 : wanted;
    const forwarding = 'masq' as const;
    return [{ address, port, weight, forwarding, upperThreshold, lowerThreshold }];
  });
}

function chosen(
  { name }: Service,
  { mode, policy }: PublishedPort,
  { local, remote }: IngressView,
): Endpoint[] {
  const isOpen = local.some(({ services }) => (services[name] ?? 0) > 0);
  if (mode === 'host' || policy === 'local' || (policy === 'prefer-local' && isOpen)) {
    return [...local];
  }
  // In one order on all nodes: hashing schedulers then choose alike.
  return [...local, ...remote].sort((a, b) => (a.addresses[0]! < b.addresses[0]! ? -1 : 1));
}

function bindsTo({ bind }: PublishedPort): (family: Family) => boolean {
  return (family) => bind === undefined || familyOf(bind) === family;
}

function splitRange(port: PublishedPort): PublishedPort[] {
  return Array.from({ length: port.count }, (_, i) => {
    return { ...port, port: port.port + i, targetPort: port.targetPort + i, count: 1 };
  });
}

/** For clients elsewhere. */
function outerRules(
  port: PublishedPort,
  services: (fwmark: number) => VirtualServiceRule[],
  { isTracked }: IngressView,
): Rule[] {
  const mark = publishedMark(port.protocol, port.port);
  if (isLoopback(port.bind)) return [];
  const isCarried = !isTracked && port.source === 'preserve';
  return [
    ...portElements(port, mark, isCarried),
    ...(isCarried ? answerElements(port) : []),
    ...masquerading(port, mark),
    ...services(mark),
    ...clientElements(port),
  ];
}

/** For clients on this host: its processes by loopback, and its tasks. */
function innerRules(
  port: PublishedPort,
  services: (fwmark: number) => VirtualServiceRule[],
): Rule[] {
  const { bind, device } = port;
  if (device !== undefined || (bind !== undefined && !isLoopback(bind))) return [];
  const mark = innerMark(port.protocol, port.port);
  const key = [port.protocol, rangeOf(port)];
  return [
    element('looped', key, hex(mark)),
    ...(bind === undefined ? [element('inner', key, hex(mark))] : []),
    ...masquerading(port, mark),
    ...services(mark).map((rule) => ({ ...rule, by: 'nftables' as const })),
  ];
}

/** IPVS shows its packets to connection tracking, which masquerade builds on, only when asked. */
function masquerading({ source }: PublishedPort, mark: number): Rule[] {
  if (source !== 'snat') return [];
  return [
    { kind: 'sysctl', name: 'net/ipv4/vs/conntrack', value: '1' },
    element('snat', [hex(mark)]),
  ];
}

/** True for an address that only processes of the host itself call. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (address === '::1' || address.startsWith('127.'));
}

/** Where the port is looked up: ranges, and what is not for all, behind what most packets are for. */
function portElements(port: PublishedPort, mark: number, isCarried: boolean): NftElementRule[] {
  const { protocol, bind, device, count, allowFrom } = port;
  const key = [protocol, rangeOf(port)];
  const isPlain = bind === undefined && device === undefined && allowFrom.length === 0;
  if (isPlain && count === 1) return [element(isCarried ? 'untracked' : 'ports', key, hex(mark))];
  const carried = isCarried ? [element('carried', [hex(mark)])] : [];
  if (bind !== undefined) {
    return [element(`bound${familyOf(bind)}`, [bind, ...key], hex(mark)), ...carried];
  }
  if (device !== undefined) return [element('devices', [device, ...key], hex(mark)), ...carried];
  return [element('ranges', key, hex(mark)), ...carried];
}

/**
 * Ports that the kernel gives to callers (`net.ipv4.ip_local_port_range`) say nothing of whether a
 * packet of a task is an answer, nor do ports of UDP: there, servers call from their own port too.
 * Where answers are not tracked, calls must not be either: conntrack would take the client's second
 * packet for invalid, and the third for a clash (`net.ipv4.vs.conntrack`).
 */
function answerElements({ protocol, targetPort, count }: PublishedPort): NftElementRule[] {
  const isTold = count === 1 && (targetPort < 32_768 || targetPort > 60_999);
  return protocol === 'tcp' && isTold ? [element('answers', [String(targetPort)])] : [];
}

function clientElements({ protocol, allowFrom, port }: PublishedPort): NftElementRule[] {
  if (allowFrom.length === 0) return [];
  const mark = hex(publishedMark(protocol, port));
  return [
    element('limited', [mark]),
    ...widest(allowFrom).map((prefix) => {
      return element(`allowed${familyOf(prefix)}`, [asKernelHasIt(prefix), mark]);
    }),
  ];
}

/** A prefix that is one address reads back as the address. */
function asKernelHasIt(prefix: string): string {
  const isOne = prefixLength(prefix) === addressBits(familyOf(prefix));
  return isOne ? prefixBase(prefix) : prefix;
}

/** Ranges of one set must not overlap (nft_set_pipapo.c). */
function widest(prefixes: readonly string[]): string[] {
  const holds = (wide: string, narrow: string): boolean =>
    prefixLength(wide) <= prefixLength(narrow) && prefixContains(wide, prefixBase(narrow));
  return [...new Set(prefixes)].filter(
    (prefix, _, all) => !all.some((other) => other !== prefix && holds(other, prefix)),
  );
}

function rangeOf({ port, count }: Pick<PublishedPort, 'port' | 'count'>): string {
  return count === 1 ? String(port) : `${port}-${port + count - 1}`;
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}

function element(set: string, key: readonly string[], value?: string): NftElementRule {
  const rule = { kind: 'nft-element', table: ingressTableName, set, key } as const;
  return value === undefined ? rule : { ...rule, value };
}
