import type { ExplainStep as ToldStep } from '../api/index.js';
import type { Connection, Counters, Kernel, ServiceCounters } from '../kernel/index.js';
import {
  familyOf,
  formatAddress,
  formatEndpoint,
  formatMatch,
  matchFamily,
  prefixBase,
  prefixOf,
  type VirtualServiceRule,
} from '../model/index.js';
import type { Bound, ExplainStep, Packet, RuleBook } from '../rules/index.js';

/*
 * What only the kernel knows of the way of a packet: counters, and who is bound to what.
 */

/** Steps with the counters of the virtual service and the destinations that they are about. */
export async function withCounters(
  steps: readonly ExplainStep[],
  kernel: Kernel,
): Promise<ToldStep[]> {
  const matches = steps.flatMap(({ countersOf: rule }) => (rule === undefined ? [] : [rule.match]));
  const asked = [...new Map(matches.map((match) => [formatMatch(match), match])).values()];
  const counters = asked.length === 0 ? [] : await kernel.counters(asked).catch(() => undefined);
  return steps.map((step) => {
    if (step.countersOf === undefined || counters === undefined) return toldStep(step);
    const name = formatMatch(step.countersOf.match);
    const service = counters.find(({ match }) => formatMatch(match) === name);
    if (service === undefined) return isUnseen(step) ? lacking(step) : toldStep(step);
    const counted = countersAt(service, step);
    return counted === undefined ? toldStep(step) : { ...toldStep(step), counters: counted };
  });
}

/** IPVS announces nothing: what it was seen to hold may be gone. Not so what nftables has beside it. */
function isUnseen({ countersOf: rule, destination }: ExplainStep): boolean {
  return rule?.by !== 'nftables' && destination === undefined;
}

function lacking(step: ExplainStep): ToldStep {
  return { ...toldStep(step), kernel: 'lacks' };
}

export function toldStep({ countersOf: _, destination, ...step }: ExplainStep): ToldStep {
  if (destination === undefined) return step;
  return { ...step, destination: formatEndpoint(destination.address, destination.port) };
}

function countersAt(service: ServiceCounters, { destination }: ExplainStep): Counters | undefined {
  const found =
    destination === undefined
      ? service
      : service.destinations.find(
          ({ address, port }) => address === destination.address && port === destination.port,
        );
  if (found === undefined) return undefined;
  const { connections, inPackets, outPackets, inBytes, outBytes } = found;
  const { connectionsPerS, inPacketsPerS, outPacketsPerS, inBytesPerS, outBytesPerS } = found;
  return {
    ...{ connections, inPackets, outPackets, inBytes, outBytes },
    ...{ connectionsPerS, inPacketsPerS, outPacketsPerS, inBytesPerS, outBytesPerS },
  };
}

/** Of so many entries for one client the rest says nothing new. */
const templatesMax = 1_000;

/** Where the affinity of a packet's client leads, by virtual service. */
export async function affinityOf(
  packet: Packet,
  { rules }: RuleBook,
  kernel: Kernel,
): Promise<(rule: VirtualServiceRule) => Bound | undefined> {
  const family = familyOf(packet.source);
  const clients = new Set<string>();
  for (const rule of rules.values()) {
    if (rule.kind !== 'virtual-service' || rule.affinityTimeoutS === 0) continue;
    if (matchFamily(rule.match) === family) clients.add(clientOf(packet, rule));
  }
  if (clients.size === 0) return () => undefined;
  const filter = ({ state, client, clientPort }: Connection): boolean =>
    state === 'NONE' && clientPort === 0 && clients.has(client);
  const templates = await kernel.connections({ limit: templatesMax, filter }).catch(() => []);
  return (rule) => {
    if (rule.affinityTimeoutS === 0) return undefined;
    const client = clientOf(packet, rule);
    const found = templates.find((one) => one.client === client && isOf(one, rule, packet));
    if (found === undefined) return undefined;
    const by = `affinity for another ${found.expiresS} s`;
    return { address: found.destination, port: found.destinationPort, by };
  };
}

/** The template has the address of the client's network (ip_vs_core.c, ip_vs_sched_persist). */
function clientOf({ source }: Packet, { affinityPrefix }: VirtualServiceRule): string {
  return prefixBase(prefixOf(source, affinityPrefix));
}

/** Of a service by mark it has the mark in the place of an address. */
function isOf(template: Connection, { match }: VirtualServiceRule, packet: Packet): boolean {
  if ('fwmark' in match) {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32BE(match.fwmark);
    const shown = [formatAddress(bytes.subarray(0, 4)), formatAddress(bytes)];
    return template.protocol === 'ip' && shown.includes(template.virtual);
  }
  return (
    template.virtual === packet.destination &&
    (template.protocol === packet.protocol || template.protocol === 'ip') &&
    (template.virtualPort === packet.port || template.virtualPort === 0)
  );
}
