import type { Counters } from '../kernel/index.js';
import type { DestinationState, DestinationTraffic, ServiceState, Traffic } from './backend.js';

/** A destination of a service with what went to it through all ports of the service. */
export interface EndpointState extends DestinationState, Counters {
  readonly service: string;
  readonly active: number;
  readonly inactive: number;
}

/** One per service and destination, in the order of `services`. */
export function endpointsOf(services: readonly ServiceState[], traffic: Traffic): EndpointState[] {
  const byEndpoint = new Map<string, DestinationTraffic[]>();
  for (const { service, destinations } of traffic.services) {
    for (const destination of destinations) {
      const key = `${service} ${destination.address}`;
      const found = byEndpoint.get(key);
      if (found === undefined) byEndpoint.set(key, [destination]);
      else found.push(destination);
    }
  }
  return services.flatMap(({ spec, destinations }) =>
    destinations.map((destination) => {
      const parts = byEndpoint.get(`${spec.name} ${destination.address}`) ?? [];
      const sum = (count: (part: DestinationTraffic) => number): number =>
        parts.reduce((total, part) => total + count(part), 0);
      return {
        ...destination,
        service: spec.name,
        active: sum((part) => part.active),
        inactive: sum((part) => part.inactive),
        connections: sum((part) => part.connections),
        inPackets: sum((part) => part.inPackets),
        outPackets: sum((part) => part.outPackets),
        inBytes: sum((part) => part.inBytes),
        outBytes: sum((part) => part.outBytes),
        connectionsPerS: sum((part) => part.connectionsPerS),
        inPacketsPerS: sum((part) => part.inPacketsPerS),
        outPacketsPerS: sum((part) => part.outPacketsPerS),
        inBytesPerS: sum((part) => part.inBytesPerS),
        outBytesPerS: sum((part) => part.outBytesPerS),
      };
    }),
  );
}
