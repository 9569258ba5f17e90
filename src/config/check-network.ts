import { familyOf, formatPort, type PublishedPort, type ServiceSpec } from '../model/index.js';
import type { Path, Problem } from './problem.js';
import type { ServiceEntry } from './service-entry.js';
import { limits } from './tunables.js';

type Report = (path: Path, text: string) => void;

/** What only a service without network has. */
const standalone = ['ports', 'destinations', 'forwarding', 'snat', 'healthCheck'] as const;
const networked = ['endpointMode', 'publish'] as const;

/** What a service has because it is on a network, or has not. */
export function checkNetworked(spec: ServiceSpec, entry: ServiceEntry, report: Report): void {
  if (spec.network === undefined) {
    for (const field of networked) {
      if (entry[field] !== undefined) report([field], 'is for services with a network only');
    }
    return;
  }
  for (const field of standalone) {
    if (isSaid(entry, field)) report([field], 'is for services without a network only');
  }
  if (spec.endpointMode === 'dnsrr' && spec.vips.length > 0) {
    report(['vip'], 'endpointMode dnsrr has none');
  }
  spec.publish.forEach((port, i) => checkPublished(port, ['publish', i], report));
  checkOverlaps(spec.publish, report);
}

/** Only a service on a network does without ports. */
export function portsProblems(value: unknown): Problem[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  if ('network' in value || 'ports' in value) return [];
  return [{ path: ['ports'], text: 'expected a list of 1-1024 ports, but it is missing' }];
}

/** `writeSpec` says of every field what it is. */
function isSaid(entry: ServiceEntry, field: (typeof standalone)[number]): boolean {
  const usual = { forwarding: 'masq', snat: 'auto', healthCheck: 'none' } as const;
  if (field === 'ports' || field === 'destinations') return (entry[field] ?? []).length > 0;
  if (field === 'forwarding') {
    return entry.forwarding !== undefined && entry.forwarding.method !== usual.forwarding;
  }
  return entry[field] !== undefined && entry[field] !== usual[field];
}

function checkPublished(port: PublishedPort, at: Path, report: Report): void {
  const name = formatPort(port);
  if (port.port === 0 && (port.targetPort === 0 || port.count > 1)) {
    report(at, 'port auto is a single one, and needs targetPort');
  }
  if (Math.max(port.port, port.targetPort) + port.count - 1 > 65_535) {
    report(at, `${name} goes beyond port 65535`);
  }
  // A range that keeps its ports is one rule, however long; else there is one for each port.
  if (port.targetPort !== port.port && port.count > limits.portCount) {
    report(at, `${name} spans more than ${limits.portCount} ports that are changed`);
  }
  if (port.mode === 'host' && port.policy !== 'any') {
    report(at, `${name}: mode host has the endpoints of the node only; policy is for mode ingress`);
  }
  const { bind, device, allowFrom } = port;
  if (bind !== undefined && device !== undefined) {
    report(at, `${name}: bind and device exclude each other`);
  }
  if (bind === undefined) return;
  const other = allowFrom.find((prefix) => familyOf(prefix) !== familyOf(bind));
  if (other !== undefined) report(at, `${name}: no client of ${other} can call ${bind}`);
}

/** A port of the nodes leads to one place. */
function checkOverlaps(ports: readonly PublishedPort[], report: Report): void {
  // Looking for who it is takes each with each, and there may be thousands.
  const sorted = [...ports].sort((a, b) => a.port - b.port);
  const previous = new Map<string, PublishedPort>();
  const isClear = sorted.every((port) => {
    const before = previous.get(port.protocol);
    previous.set(port.protocol, port);
    return before === undefined || !overlap(before, port);
  });
  if (isClear) return;
  ports.forEach((later, i) => {
    const earlier = ports.slice(0, i).findIndex((one) => overlap(one, later));
    if (earlier === -1) return;
    report(['publish', i], `overlaps publish[${earlier}] (${formatPort(ports[earlier]!)})`);
  });
}

function overlap(a: PublishedPort, b: PublishedPort): boolean {
  const isApart = a.port + a.count <= b.port || b.port + b.count <= a.port;
  return a.protocol === b.protocol && a.port !== 0 && !isApart;
}
