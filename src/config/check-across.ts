import { addressBytes, formatEndpoint, formatPort, type ServiceSpec } from '../model/index.js';
import type { Problem } from './problem.js';
import { limits } from './tunables.js';
import { prefixRange, rangeHolds } from './usable.js';

/**
 * What is wrong with specs that are each right by themselves. Paths begin with the position in
 * `specs`; `related` is the earlier service of the pair. `pools` are canonical prefixes.
 * At most `limits.problems` + 1 problems, in no order.
 */
export function checkAcross(
  specs: readonly ServiceSpec[],
  pools: readonly string[] = [],
): Problem[] {
  const problems: Problem[] = [];
  for (const check of [checkTotals, checkNames, checkListeners]) check(specs, problems);
  checkPools(specs, pools, problems);
  return problems;
}

function full(problems: readonly Problem[]): boolean {
  return problems.length > limits.problems;
}

function checkTotals(specs: readonly ServiceSpec[], problems: Problem[]): void {
  let destinations = 0;
  let kernelDestinations = 0;
  for (const spec of specs) {
    const ports = spec.ports.reduce((sum, port) => sum + port.count, 0);
    destinations += spec.destinations.length;
    kernelDestinations += spec.destinations.length * ports;
  }
  const totals = [
    ['services', specs.length, limits.services],
    ['destinations', destinations, limits.destinations],
    [
      'destinations, times the ports of their services,',
      kernelDestinations,
      limits.kernelDestinations,
    ],
  ] as const;
  for (const [what, count, max] of totals) {
    if (count > max)
      problems.push({ path: [], text: `at most ${max} ${what} in all, got ${count}` });
  }
}

function checkNames(specs: readonly ServiceSpec[], problems: Problem[]): void {
  const first = new Map<string, number>();
  specs.forEach(({ name }, i) => {
    const other = first.get(name);
    if (other === undefined) first.set(name, i);
    else if (!full(problems)) {
      const text = `the name "${name}" is taken by another service`;
      problems.push({ path: [i, 'name'], text, related: [other, 'name'] });
    }
  });
}

interface Listener {
  readonly first: number;
  readonly last: number;
  readonly service: number;
  readonly port: number;
}

/** No address, protocol and port may belong to two services. Ranges are compared, not counted. */
function checkListeners(specs: readonly ServiceSpec[], problems: Problem[]): void {
  const listeners = new Map<string, Listener[]>();
  specs.forEach((spec, service) => {
    spec.ports.forEach((port, index) => {
      const item = { first: port.port, last: port.port + port.count - 1, service, port: index };
      for (const vip of spec.vips) {
        const key = `${vip} ${port.protocol}`;
        const known = listeners.get(key);
        if (known === undefined) listeners.set(key, [item]);
        else known.push(item);
      }
    });
  });
  for (const [key, items] of listeners) {
    if (items.length > 1) reportClashes(key, items, specs, problems);
  }
}

function reportClashes(
  key: string,
  items: Listener[],
  specs: readonly ServiceSpec[],
  problems: Problem[],
): void {
  items.sort((a, b) => a.first - b.first || a.service - b.service);
  let widest = items[0]!;
  for (const item of items.slice(1)) {
    if (full(problems)) return;
    // Overlaps within one service are reported with that service.
    if (item.first <= widest.last && item.service !== widest.service) {
      const [earlier, later] = item.service > widest.service ? [widest, item] : [item, widest];
      const [vip, protocol] = key.split(' ') as [string, string];
      const owner = specs[earlier.service]!;
      const theirs = formatPort(owner.ports[earlier.port]!);
      problems.push({
        path: [later.service, 'ports', later.port],
        text:
          `${formatEndpoint(vip, item.first)}/${protocol} ` +
          `is taken by port ${theirs} of service "${owner.name}"`,
        related: [earlier.service, 'ports', earlier.port],
      });
    }
    if (item.last > widest.last) widest = item;
  }
}

/** A pool would some day give a destination's own address to a service. */
function checkPools(
  specs: readonly ServiceSpec[],
  pools: readonly string[],
  problems: Problem[],
): void {
  const ranges = pools.map(prefixRange);
  if (ranges.length === 0) return;
  specs.forEach((spec, service) => {
    spec.destinations.forEach(({ address }, i) => {
      const bytes = addressBytes(address)!;
      const pool = ranges.find((range) => rangeHolds(range, bytes));
      if (pool === undefined || full(problems)) return;
      const text = `${address} lies in ${pool.prefix}, a pool of addresses for VIPs`;
      problems.push({ path: [service, 'destinations', i], text });
    });
  });
}
