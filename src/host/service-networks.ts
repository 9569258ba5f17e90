import type { Endpoint, Service } from '../model/index.js';
import type { IngressView } from '../rules/index.js';

/** What services on networks need to know of them. */
export interface ServiceNetworks {
  /** Why nothing on this network can be in force here; undefined when it can. */
  problemOf(network: string): string | undefined;
  /** Endpoints of a service on the ingress network. */
  ingressOf(service: string): IngressView;
  /** Endpoints of a service on its network; on the ingress network where no others are known. */
  endpointsOf(service: Service): readonly Endpoint[];
}

/** Of a host that stands alone. */
export const noServiceNetworks: ServiceNetworks = {
  problemOf: () => 'this host is not in a mesh (mesh: in the file, or --join)',
  ingressOf: () => ({ local: [], remote: [], families: [], isTracked: true }),
  endpointsOf: () => [],
};
