import { FieldError } from '../base/index.js';
import { familyOf, formatPort, type ServicePort, type ServiceSpec } from '../model/index.js';
import { checkNetworked, portsProblems } from './check-network.js';
import { completeSpec } from './complete.js';
import { formatPath, problemsOf, type Path, type Problem } from './problem.js';
import { serviceEntry, type ServiceDefaults, type ServiceEntry } from './service-entry.js';
import { limits } from './tunables.js';
import { whyUnusable } from './usable.js';

/** What reading one entry gave: a spec or what is wrong with it, paths below the entry. */
export type EntryResult = { readonly spec: ServiceSpec } | { readonly problems: Problem[] };

/**
 * Checks a service of unknown origin, in the shape of an entry of `services` in the configuration
 * file, and fills in the defaults. `where` is how the caller names it: `services[2]`.
 * Errors: FieldError of the first problem; its message goes on with the others.
 */
export function checkSpec(
  value: unknown,
  where: string,
  defaults: ServiceDefaults = {},
): ServiceSpec {
  const result = readEntry(value, defaults);
  if ('spec' in result) return result.spec;
  const [first, ...others] = result.problems.slice(0, limits.problems).map((problem) => {
    const below = formatPath(problem.path);
    const joint = where === '' || below === '' || below.startsWith('[') ? '' : '.';
    return { field: `${where}${joint}${below}`, text: problem.text };
  });
  const more = others.map(({ field, text }) => `; ${field}: ${text}`).join('');
  throw new FieldError(first!.field, `${first!.text}${more}`);
}

/** Checks one entry of `services`. */
export function readEntry(value: unknown, defaults: ServiceDefaults): EntryResult {
  const parsed = serviceEntry.safeParse(value);
  if (!parsed.success) {
    return { problems: [...problemsOf(parsed.error.issues, value, []), ...portsProblems(value)] };
  }
  const spec = completeSpec(parsed.data, defaults);
  const problems: Problem[] = [];
  const report = (path: Path, text: string): void => void problems.push({ path, text });
  problems.push(...portsProblems(value));
  checkAliases(spec, report);
  checkNetworked(spec, parsed.data, report);
  checkVips(spec, report);
  checkPorts(spec, report);
  checkScheduling(spec, report);
  checkForwarding(spec, parsed.data, report);
  checkHealth(spec, report);
  checkDestinations(spec, report);
  return problems.length === 0 ? { spec } : { problems };
}

type Report = (path: Path, text: string) => void;

function checkAliases({ name, aliases }: ServiceSpec, report: Report): void {
  aliases.forEach((alias, i) => {
    const twin = aliases.indexOf(alias);
    if (alias === name) report(['aliases', i], `expected other names than its own, got "${name}"`);
    else if (twin < i) {
      report(['aliases', i], `expected each name once, "${alias}" is aliases[${twin}] already`);
    }
  });
}

function checkVips(spec: ServiceSpec, report: Report): void {
  for (const vip of spec.vips) {
    const reason = whyUnusable(vip);
    if (reason !== undefined) report(['vip'], `${vip} is ${reason} and cannot be a VIP`);
  }
  const [first, second] = spec.vips;
  if (second !== undefined && familyOf(first!) === familyOf(second)) {
    report(['vip'], `at most one address per family, got ${first!} and ${second}`);
  }
}

function checkPorts(spec: ServiceSpec, report: Report): void {
  let total = 0;
  spec.ports.forEach((port, i) => {
    const name = formatPort(port);
    total += port.count;
    if (port.count > limits.portCount) {
      report(['ports', i], `${name} spans more than ${limits.portCount} ports`);
    } else if (Math.max(port.port, port.targetPort) + port.count - 1 > 65_535) {
      report(['ports', i], `${name} goes beyond port 65535`);
    }
    if (spec.forwarding !== 'masq' && port.targetPort !== port.port) {
      report(['ports', i], `${name}: forwarding ${spec.forwarding} cannot change the port`);
    }
    if (spec.onePacket && port.protocol !== 'udp') {
      report(['ports', i], `${name}: onePacket is for udp only`);
    }
  });
  if (total > limits.portsPerService) {
    report(['ports'], `a service has at most ${limits.portsPerService} ports, got ${total}`);
  }
  reportOverlaps(spec.ports, report);
}

function reportOverlaps(ports: readonly ServicePort[], report: Report): void {
  const byStart = ports
    .map((port, index) => ({ port, index }))
    .sort((a, b) => a.port.port - b.port.port || a.index - b.index);
  const open = new Map<string, { port: ServicePort; index: number }>();
  for (const item of byStart) {
    const { protocol, port: start, count } = item.port;
    const before = open.get(protocol);
    const end = before === undefined ? 0 : before.port.port + before.port.count;
    if (before !== undefined && end > start) {
      const [earlier, later] = before.index < item.index ? [before, item] : [item, before];
      const name = formatPort(earlier.port);
      report(['ports', later.index], `overlaps ports[${earlier.index}] (${name})`);
    }
    if (start + count > end) open.set(protocol, item);
  }
}

function checkScheduling(spec: ServiceSpec, report: Report): void {
  const hashes = spec.scheduler === 'sh' || spec.scheduler === 'mh';
  if (spec.schedulerFlags.length > 0 && !hashes) {
    report(['scheduler'], `the flags fallback and port are for sh and mh, not ${spec.scheduler}`);
  }
  const { maxConnections, resumeConnections } = spec.limits;
  if (resumeConnections > maxConnections) {
    report(
      ['limits', 'resumeConnections'],
      `expected at most maxConnections (${maxConnections}), got ${resumeConnections}`,
    );
  }
}

function checkForwarding(spec: ServiceSpec, entry: ServiceEntry, report: Report): void {
  if (spec.forwarding !== 'masq' && spec.snat !== 'never') {
    report(['snat'], `is for forwarding masq only, not ${spec.forwarding}`);
  }
  const written = entry.forwarding;
  if (written === undefined) return;
  if (written.method !== 'tunnel') {
    for (const field of ['type', 'port', 'checksum'] as const) {
      if (written[field] !== undefined) report(['forwarding', field], 'is for method tunnel only');
    }
    return;
  }
  const type = written.type ?? 'ipip';
  if (written.port !== undefined && type !== 'gue') {
    report(['forwarding', 'port'], `is for type gue only, not ${type}`);
  }
  if (written.checksum !== undefined && type === 'ipip') {
    report(['forwarding', 'checksum'], 'is for types gue and gre only, not ipip');
  }
}

function checkHealth(spec: ServiceSpec, report: Report): void {
  const check = spec.healthCheck;
  if (check === undefined) return;
  if (check.timeoutMs > check.intervalMs) {
    report(
      ['healthCheck', 'timeout'],
      `expected at most the interval (${check.intervalMs} ms), got ${check.timeoutMs} ms`,
    );
  }
  if (check.port === undefined && !spec.ports.some((port) => port.protocol === 'tcp')) {
    report(['healthCheck'], `the service has no tcp port; name one with healthCheck.port`);
  }
}

function checkDestinations(spec: ServiceSpec, report: Report): void {
  const addresses = new Map<string, number>();
  const names = new Map<string, number>();
  const vipFamilies = new Set(spec.vips.map(familyOf));
  spec.destinations.forEach(({ address, name }, i) => {
    const at = (text: string): void => report(['destinations', i], text);
    const reason = whyUnusable(address);
    if (reason !== undefined) at(`${address} is ${reason} and cannot be a destination`);
    if (spec.vips.includes(address)) at(`${address} is the VIP of the service itself`);
    const family = familyOf(address);
    if (vipFamilies.size > 0 && !vipFamilies.has(family)) {
      at(`${address} is in another family than the VIP; add an IPv${family} VIP or use vip: auto`);
    }
    const twin = addresses.get(address);
    const namesake = names.get(name);
    if (twin !== undefined) at(`${address} is destinations[${twin}] already`);
    else if (namesake !== undefined) at(`the name "${name}" is that of destinations[${namesake}]`);
    addresses.set(address, twin ?? i);
    names.set(name, namesake ?? i);
  });
}
