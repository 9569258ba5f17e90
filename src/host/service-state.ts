import type { DestinationState, ServiceState } from '../api/index.js';
import type { Endpoint, ServiceDestination } from '../model/index.js';
import type { ServiceEntry, YieldedService } from '../store/index.js';
import type { HealthReport } from './health-view.js';

/** A service as callers of the API see it. */
export function serviceState(
  entry: ServiceEntry,
  state: {
    readonly programmed: boolean;
    readonly withheld: string | undefined;
    health(address: string): HealthReport;
    /** Of a service on a network, as far as this host knows them. */
    readonly endpoints: readonly Endpoint[];
  },
): ServiceState {
  const { spec, service, revision, source, owner } = entry;
  return {
    // Ports that were left to us, as they were chosen.
    spec: { ...spec, publish: service.publish },
    vips: service.vips,
    revision,
    source,
    ...(owner === undefined ? {} : { owner }),
    programmed: state.programmed,
    ...(state.withheld === undefined ? {} : { withheld: state.withheld }),
    destinations: [
      ...service.destinations.map((destination) => destinationState(destination, state)),
      ...state.endpoints.flatMap((endpoint) => endpointStates(spec.name, endpoint)),
    ],
  };
}

function destinationState(
  destination: ServiceDestination,
  state: { health(address: string): HealthReport },
): DestinationState {
  const { health, cause } = state.health(destination.address);
  const open = !destination.draining && health !== 'unhealthy';
  return {
    name: destination.name,
    address: destination.address,
    weight: destination.weight,
    effectiveWeight: open ? destination.weight : 0,
    draining: destination.draining,
    health,
    ...(cause === undefined ? {} : { healthCause: cause }),
  };
}

/** One for each address. */
function endpointStates(service: string, endpoint: Endpoint): DestinationState[] {
  const { name, node, addresses, isAway } = endpoint;
  const weight = endpoint.services[service] ?? 0;
  return addresses.map((address) => {
    return {
      name: `${name}@${node}`,
      address,
      weight,
      effectiveWeight: isAway ? 0 : weight,
      draining: false,
      health: isAway ? 'unknown' : 'unchecked',
      ...(isAway ? { healthCause: `nothing is heard of node ${node}` } : {}),
    };
  });
}

/** One that another node's stands in the way of. */
export function yieldedState({ spec, source, reason }: YieldedService): ServiceState {
  return {
    spec,
    vips: spec.vips,
    revision: 0,
    source,
    programmed: false,
    withheld: reason,
    destinations: spec.destinations.map(({ name, address, weight }): DestinationState => {
      return { name, address, weight, effectiveWeight: 0, draining: false, health: 'unchecked' };
    }),
  };
}
