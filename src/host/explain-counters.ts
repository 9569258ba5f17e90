import type { ExplainStep as ToldStep } from '../api/index.js';
import type { Connection, Counters, Kernel, ServiceCounters } from '../kernel/index.js';
import {
  formatEndpoint,
  formatMatch,
  prefixBase,
  prefixOf,
  type VirtualServiceRule,
} from '../model/index.js';
import type { ExplainStep, Packet } from '../rules/index.js';

/*
 * What only the kernel knows of the way of a packet: counters, and who is bound to what.
 */

/** Steps with the counters of the virtual service and the destinations that they are about. */
export async function withCounters(
  steps: readonly ExplainStep[],
  kernel: Kernel,
): Promise<ToldStep[]> {
  const matches = steps.flatMap(({ countersOf: match }) => (match === undefined ? [] : [match]));
  const asked = [...new Map(matches.map((match) => [formatMatch(match), match])).values()];
  const counters = asked.length === 0 ? [] : await kernel.counters(asked).catch(() => undefined);
  return steps.map((step) => {
    if (step.countersOf === undefined || counters === undefined) return toldStep(step);
    const name = formatMatch(step.countersOf);
    const service = counters.find(({ match }) => formatMatch(match) === name);
    // What was not announced may be gone since the last look.
    if (service === undefined) return { ...toldStep(step), kernel: 'lacks' };
    const counted = countersAt(service, step);
    return counted === undefined ? toldStep(step) : { ...toldStep(step), counters: counted };
  });
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

/** Where the affinity of this client leads, when it has one. */
export async function boundOf(
  packet: Packet,
  { affinityTimeoutS, affinityPrefix }: VirtualServiceRule,
  kernel: Kernel,
): Promise<{ address: string; port: number; by: string } | undefined> {
  if (affinityTimeoutS === 0) return undefined;
  // The template has the address of the client's network (ip_vs_core.c, ip_vs_sched_persist).
  const client = prefixBase(prefixOf(packet.source, affinityPrefix));
  const isTemplate = (connection: Connection): boolean =>
    connection.state === 'NONE' &&
    connection.clientPort === 0 &&
    connection.client === client &&
    connection.virtual === packet.destination &&
    (connection.protocol === packet.protocol || connection.protocol === 'ip') &&
    (connection.virtualPort === packet.port || connection.virtualPort === 0);
  const [found] = await kernel.connections({ limit: 1, filter: isTemplate });
  if (found === undefined) return undefined;
  const by = `affinity for another ${found.expiresS} s`;
  return { address: found.destination, port: found.destinationPort, by };
}
