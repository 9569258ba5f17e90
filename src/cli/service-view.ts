import type { DestinationState, ServiceState } from '../api/index.js';
import type { createColors } from 'picocolors';
import { formatPort, formatPublished, type HealthCheck, type ServiceSpec } from '../model/index.js';
import { printable } from './table.js';
import { formatAge } from './units.js';

/*
 * How services read everywhere: the same words in every table.
 */

export type Paint = ReturnType<typeof createColors>;

/**
 * `ready`: the kernel holds it. `down`: so it does, but no destination takes new connections.
 * `pending`: soon. `withheld`: a conflict keeps it out.
 */
export function stateWord(state: ServiceState): string {
  if (state.withheld !== undefined) return 'withheld';
  if (!state.programmed) return 'pending';
  return readyCount(state) > 0 ? 'ready' : 'down';
}

export function paintState(paint: Paint): (text: string, state: ServiceState) => string {
  return (text, state) => {
    const word = stateWord(state);
    if (word === 'ready') return paint.green(text);
    return word === 'pending' ? paint.yellow(text) : paint.red(text);
  };
}

/** `1/2`: destinations that take new connections, of all; one with an address of each family is one. */
export function readyOf(state: ServiceState): string {
  return `${readyCount(state)}/${countByName(state.destinations)}`;
}

function readyCount({ destinations }: ServiceState): number {
  return countByName(destinations.filter(({ effectiveWeight }) => effectiveWeight > 0));
}

function countByName(destinations: readonly DestinationState[]): number {
  return new Set(destinations.map(({ name }) => name)).size;
}

/** `file`, `api`, or `mesh:` and the node that asked for it. */
export function sourceOf({ source, owner }: ServiceState): string {
  return owner === undefined ? source : `${source}:${owner}`;
}

function originOf({ source, owner }: ServiceState): string {
  if (owner !== undefined) return `from node ${owner}`;
  return source === 'file' ? 'from the configuration file' : 'from the API';
}

export function portsOf(spec: ServiceSpec): string {
  const ports = spec.network === undefined ? spec.ports : spec.publish;
  return ports.map(formatPort).join(',');
}

export function healthWord({ draining, health }: Pick<DestinationState, 'draining' | 'health'>) {
  return draining ? 'draining' : health;
}

export function paintHealth(
  paint: Paint,
): (text: string, of: Pick<DestinationState, 'draining' | 'health'>) => string {
  return (text, { draining, health }) => {
    if (draining || health === 'unknown') return paint.yellow(text);
    if (health === 'unhealthy') return paint.red(text);
    return health === 'healthy' ? paint.green(text) : text;
  };
}

/** `2`, or `0 (2)` when the weight in force is not the one asked for. */
export function weightOf({
  weight,
  effectiveWeight,
}: Pick<DestinationState, 'weight' | 'effectiveWeight'>): string {
  return weight === effectiveWeight ? String(weight) : `${effectiveWeight} (${weight})`;
}

/** The facts of a service, a name and a value each. */
export function factsOf(state: ServiceState): Fact[] {
  const { spec } = state;
  const facts: Fact[] = [
    ['name', spec.name],
    ['state', `${stateWord(state)}, revision ${state.revision}, ${originOf(state)}`],
  ];
  if (state.withheld !== undefined) facts.push(['withheld', state.withheld]);
  if (spec.aliases.length > 0) facts.push(['aliases', spec.aliases.join(', ')]);
  if (spec.dnsTtlS !== undefined) facts.push(['dns ttl', formatAge(spec.dnsTtlS * 1_000)]);
  facts.push(
    ['vips', state.vips.join(', ') || '-'],
    ...networkFacts(spec),
    ['scheduler', [spec.scheduler, ...spec.schedulerFlags].join(' ')],
    ['affinity', affinityText(spec)],
    ['forwarding', forwardingText(spec)],
    ['limits', limitsText(spec)],
    ['drain deadline', formatAge(spec.drainDeadlineMs)],
    ['health check', checkText(spec.healthCheck)],
  );
  return facts;
}

function networkFacts({ network, endpointMode, ports, publish }: ServiceSpec): Fact[] {
  if (network === undefined) return [['ports', ports.map(formatPort).join(', ')]];
  const published = publish.map(formatPublished).join(', ');
  return [
    ['network', `${network}, endpoint mode ${endpointMode}`],
    ['published', published === '' ? '-' : published],
  ];
}

/** A name, a value, and how to color the value. */
export type Fact = readonly [string, string, (((text: string) => string) | undefined)?];

export function formatFacts(facts: readonly Fact[]): string {
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, value, paint = String]) => {
    return `${name.padEnd(width)}   ${paint(printable(value))}\n`;
  });
  return lines.join('');
}

function affinityText({ affinity }: ServiceSpec): string {
  if (affinity.timeoutS === 0) return 'off';
  const prefixes = [
    ...(affinity.prefix4 < 32 ? [`/${affinity.prefix4}`] : []),
    ...(affinity.prefix6 < 128 ? [`/${affinity.prefix6}`] : []),
  ];
  const clients = prefixes.length === 0 ? 'address' : prefixes.join(' or ');
  return `${formatAge(affinity.timeoutS * 1_000)} by client ${clients}`;
}

function forwardingText({ forwarding, tunnel, snat, onePacket }: ServiceSpec): string {
  const words: string[] = [forwarding];
  if (tunnel !== undefined) {
    words[0] = `tunnel ${tunnel.type}`;
    if (tunnel.type === 'gue') words.push(`port ${tunnel.port}`);
    if (tunnel.checksum) words.push('checksum');
  }
  if (forwarding === 'masq') words.push(`snat ${snat}`);
  if (onePacket) words.push('each packet on its own');
  return words.join(', ');
}

function limitsText({ limits }: ServiceSpec): string {
  if (limits.maxConnections === 0) return 'none';
  const resume = limits.resumeConnections;
  const again = resume === 0 ? '' : `, again below ${resume}`;
  return `${limits.maxConnections} connections per destination${again}`;
}

function checkText(check: HealthCheck | undefined): string {
  if (check === undefined) return 'none';
  const port = check.port === undefined ? '' : ` port ${check.port}`;
  const timing = `every ${span(check.intervalMs)}, timeout ${span(check.timeoutMs)}`;
  const counts = `up after ${check.rise}, down after ${check.fall}`;
  if (check.type === 'tcp') return `tcp${port} ${timing}, ${counts}`;
  const status = check.status.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`));
  return `http ${check.path}${port} expects ${status.join(',')}, ${timing}, ${counts}`;
}

function span(milliseconds: number): string {
  return milliseconds % 1_000 === 0 ? formatAge(milliseconds) : `${milliseconds}ms`;
}
