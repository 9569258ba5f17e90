import type {
  ConnectionList,
  ConnectionsQuery,
  DestinationTraffic,
  NamedConnection,
  ServiceTraffic,
  Traffic,
} from '../api/index.js';
import { MeshError } from '../base/index.js';
import type { Connection, Kernel, ServiceCounters } from '../kernel/index.js';
import {
  formatEndpoint,
  formatMatch,
  parseAddress,
  parsePrefix,
  prefixContains,
  type VirtualServiceMatch,
} from '../model/index.js';
import type { ServiceEntry, ServiceTable } from '../store/index.js';

/** Counters and connections of the kernel, under the names that people gave. */
export class TrafficView {
  constructor(
    private readonly kernel: Kernel,
    private readonly table: ServiceTable,
    private readonly wallMs: () => number,
    private readonly virtualServicesOf: (service: string) => readonly VirtualServiceMatch[],
  ) {}

  /** Errors: not_found. */
  async traffic(service?: string): Promise<Traffic> {
    const only =
      service === undefined ? undefined : this.virtualServicesOf(this.entry(service).spec.name);
    const counters = only?.length === 0 ? [] : await this.kernel.counters(only);
    const services = counters.map((one) => this.named(one));
    services.sort((a, b) => compare(a.service, b.service) || compare(a.listen, b.listen));
    return { atMs: this.wallMs(), services };
  }

  /** Errors: not_found, invalid_argument (client). */
  async connections(query: ConnectionsQuery): Promise<ConnectionList> {
    const accept = this.filterOf(query);
    const found = await this.kernel.connections({ limit: query.limit + 1, filter: accept });
    return {
      connections: found
        .slice(0, query.limit)
        .map((connection) => this.namedConnection(connection)),
      truncated: found.length > query.limit,
    };
  }

  private filterOf(query: ConnectionsQuery): (connection: Connection) => boolean {
    const entry = query.service === undefined ? undefined : this.entry(query.service);
    const addresses =
      query.destination === undefined ? undefined : this.addressesOf(query.destination, entry);
    const client = query.client === undefined ? undefined : clientFilter(query.client);
    return (connection) =>
      (entry === undefined || this.serviceOf(connection) === entry.spec.name) &&
      (addresses === undefined || addresses.has(connection.destination)) &&
      (client === undefined || client(connection.client));
  }

  private addressesOf(nameOrAddress: string, entry: ServiceEntry | undefined): Set<string> {
    const literal = parseAddress(nameOrAddress);
    const addresses = new Set<string>();
    for (const { service } of entry === undefined ? this.table.all() : [entry]) {
      for (const { name, address } of service.destinations) {
        if (name === nameOrAddress || address === literal) addresses.add(address);
      }
    }
    if (literal !== undefined && entry === undefined) addresses.add(literal);
    if (addresses.size === 0) {
      throw new MeshError('not_found', `destination ${nameOrAddress}: not found`);
    }
    return addresses;
  }

  private named(counters: ServiceCounters): ServiceTraffic {
    const listen = formatMatch(counters.match);
    const entry = this.table.get(this.table.listenerOf(listen) ?? '');
    const { match: _match, destinations, ...totals } = counters;
    return {
      ...totals,
      service: entry?.spec.name ?? '-',
      listen,
      destinations: destinations.map((destination): DestinationTraffic => {
        return { ...destination, name: destinationName(entry, destination.address) };
      }),
    };
  }

  private namedConnection(connection: Connection): NamedConnection {
    const entry = this.table.get(this.serviceOf(connection) ?? '');
    if (entry === undefined) return connection;
    const destinationNamed = destinationName(entry, connection.destination);
    return { ...connection, service: entry.spec.name, destinationName: destinationNamed };
  }

  private serviceOf(connection: Connection): string | undefined {
    const listen = formatEndpoint(connection.virtual, connection.virtualPort);
    const direct = this.table.listenerOf(`${listen}/${connection.protocol}`);
    // An affinity template may stand for every port of its VIP. Another port is somebody else's.
    const isForAllPorts = connection.virtualPort === 0 || connection.protocol === 'ip';
    return direct ?? (isForAllPorts ? this.table.holderOf(connection.virtual) : undefined);
  }

  private entry(name: string): ServiceEntry {
    const entry = this.table.get(name);
    if (entry === undefined) throw new MeshError('not_found', `service ${name}: not found`);
    return entry;
  }
}

export function destinationName(entry: ServiceEntry | undefined, address: string): string {
  return entry?.service.destinations.find((d) => d.address === address)?.name ?? address;
}

function clientFilter(text: string): (address: string) => boolean {
  const address = parseAddress(text);
  if (address !== undefined) return (client) => client === address;
  const prefix = parsePrefix(text);
  if (prefix !== undefined) return (client) => prefixContains(prefix, client);
  throw new MeshError('invalid_argument', `client: expected an address or a prefix, got ${text}`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
