/** A private network that spans hosts, every default filled in. */
export interface Network {
  /** Unique in the mesh. */
  readonly name: string;
  /** VXLAN network identifier. Range 4096-16777215. */
  readonly vni: number;
  /** Canonical prefixes, at most one per family. */
  readonly subnets: readonly string[];
  /** UDP port of VXLAN. */
  readonly port: number;
  /** Of packets inside; absent = what the underlay leaves. Unit: bytes, range 1280-65486. */
  readonly mtu?: number;
  /** Its endpoints reach nothing beyond their networks. */
  readonly internal: boolean;
  /** What goes between hosts is encrypted. */
  readonly sealed: boolean;
}

/** One attachment of a sandbox to a network, as all hosts see it. */
export interface Endpoint {
  /** Unique among the network's endpoints of one node. */
  readonly name: string;
  readonly network: string;
  readonly node: string;
  /** Where its host takes VXLAN packets. */
  readonly vtep: string;
  /** Of the network's subnets, at most one per family. */
  readonly addresses: readonly string[];
  /** `02:4d:...`, derived from the first address. */
  readonly mac: string;
  /**
   * Its weight in each service that it is a destination of: new connections in proportion to it,
   * 0 = none. Range 0-65535.
   */
  readonly services: Readonly<Record<string, number>>;
  /** The node itself, on the ingress network: where published ports come in. */
  readonly isEntry: boolean;
  /** Its node is not heard of; it may be there all the same, or not. */
  readonly isAway: boolean;
}

/** An endpoint of this host. */
export interface LocalEndpoint extends Endpoint {
  /** Path of the network namespace; empty for an entry, which is the host's own. */
  readonly sandbox: string;
}

/** Those that serve each service, at whatever weight; by name of the service. */
export function endpointsByService(endpoints: Iterable<Endpoint>): Map<string, Endpoint[]> {
  const byService = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    for (const name of Object.keys(endpoint.services)) {
      const known = byService.get(name);
      if (known === undefined) byService.set(name, [endpoint]);
      else known.push(endpoint);
    }
  }
  return byService;
}
