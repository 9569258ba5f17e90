import type { DnsConfig } from './config/index.js';
import {
  firstLabel,
  networkLabel,
  type NameOwners,
  type NetworkNames,
  type View,
} from './dns/index.js';
import type { MeshNode } from './mesh/index.js';
import { endpointsByService, type Endpoint, type Service } from './model/index.js';
import type { ServiceTable } from './store/index.js';

export interface DaemonNamesOptions {
  readonly config: DnsConfig;
  readonly table: ServiceTable;
  readonly random: () => number;
  /** Undefined on a host that stands alone. */
  readonly networks: () => MeshNode['networks'] | undefined;
  /** What was said of the names of a label is not true any more. */
  readonly forget: (label: string) => void;
}

/** What names stand for, from the services and networks that this host knows now. */
export class DaemonNames {
  /** By networks, until one of them changes. */
  private readonly views = new Map<string, View>();
  /** By networks, all of which there are. */
  private readonly ids = new Map<string, number>();
  private lastId = 0;
  private readonly indexes = new Map<string | undefined, NetworkIndex>();
  private readonly aliases: AliasIndex;
  /** Of networks, which the revision of the table does not count. */
  private changes = 0;

  constructor(private readonly options: DaemonNamesOptions) {
    this.aliases = new AliasIndex(options.table);
  }

  networkChanged(network: string): void {
    this.changes++;
    this.indexes.delete(network);
    this.views.clear();
    this.options.forget(networkLabel(network));
    if (this.options.networks()?.network(network) !== undefined) return;
    for (const key of this.ids.keys()) {
      if ((JSON.parse(key) as unknown[]).includes(network)) this.ids.delete(key);
    }
  }

  serviceChanged(name: string): void {
    const aliases = this.aliases.changed(name);
    for (const index of this.indexes.values()) index.forgetServices();
    this.views.clear();
    for (const one of [name, ...aliases]) this.options.forget(firstLabel(one));
  }

  /**
   * As somebody sees it who is on these networks, in this order. Undefined among them: services that
   * are on none, which the host reaches.
   */
  viewOf(networks: readonly (string | undefined)[]): View {
    const key = JSON.stringify(networks);
    const known = this.views.get(key);
    if (known !== undefined) return known;
    const { config, table, random } = this.options;
    // Never that of another one before: what is kept for that one may still be there.
    const id = this.ids.get(key) ?? ++this.lastId;
    this.ids.set(key, id);
    const view = {
      id,
      networks: networks.map((name) => this.namesOf(name)),
      domain: config.domain,
      ttlS: config.ttlS,
      serial: table.revision + this.changes,
      random,
    };
    this.views.set(key, view);
    return view;
  }

  /** Whoever has names on each of these networks; undefined among them: on none. */
  owners(networks: readonly (string | undefined)[]): NameOwners[] {
    const services = new Map(networks.map((network) => [network, [] as Service[]]));
    for (const { service } of this.options.table.all())
      services.get(service.network)?.push(service);
    return networks.map((network) => {
      const view = this.viewOf([network]);
      return {
        asker: { sandbox: '', view: () => view, mayForward: () => false },
        services: services.get(network)!,
        tasks: this.namesOf(network).taskNames(),
      };
    });
  }

  private namesOf(network: string | undefined): NetworkIndex {
    const known = this.indexes.get(network);
    if (known !== undefined) return known;
    const { table, networks } = this.options;
    const on = network === undefined ? undefined : networks()?.view(network);
    const endpoints = on === undefined ? [] : [...on.local, ...on.remote];
    const made = new NetworkIndex(network, table, this.aliases, endpoints);
    this.indexes.set(network, made);
    return made;
  }
}

/** Services by network and alias. */
class AliasIndex {
  /** By service that has some. */
  private readonly owners = new Map<string, readonly string[]>();
  private byNetwork: Map<string | undefined, Map<string, Service>> | undefined;

  constructor(private readonly table: ServiceTable) {
    for (const { service } of table.all()) this.changed(service.name);
  }

  /** Returns the aliases that the service had, and those it has. */
  changed(name: string): readonly string[] {
    const before = this.owners.get(name) ?? [];
    const { aliases = [] } = this.table.get(name)?.service ?? {};
    if (before.length + aliases.length === 0) return [];
    this.byNetwork = undefined;
    if (aliases.length > 0) this.owners.set(name, aliases);
    else this.owners.delete(name);
    return [...before, ...aliases];
  }

  get(network: string | undefined, alias: string): Service | undefined {
    this.byNetwork ??= this.made();
    return this.byNetwork.get(network)?.get(alias);
  }

  private made(): Map<string | undefined, Map<string, Service>> {
    const made = new Map<string | undefined, Map<string, Service>>();
    for (const [name, aliases] of this.owners) {
      const { service } = this.table.get(name)!;
      const { network } = service;
      const byAlias = made.get(network) ?? new Map<string, Service>();
      made.set(network, byAlias);
      for (const alias of aliases) {
        const other = byAlias.get(alias);
        // Whatever order the table has: all nodes say the same.
        if (other === undefined || name < other.name) byAlias.set(alias, service);
      }
    }
    return made;
  }
}

/** Who is on a network, or on none, by name and by address; made when it is first asked for. */
class NetworkIndex implements NetworkNames {
  readonly network?: string;
  private byName: Map<string, Endpoint[]> | undefined;
  private byService: Map<string, Endpoint[]> | undefined;
  private byAddress: Map<string, string> | undefined;

  constructor(
    private readonly on: string | undefined,
    private readonly table: ServiceTable,
    private readonly aliases: AliasIndex,
    private readonly endpoints: readonly Endpoint[],
  ) {
    // Names have no case; those of networks are written as their maker wrote them.
    if (on !== undefined) this.network = on.toLowerCase();
  }

  forgetServices(): void {
    this.byAddress = undefined;
  }

  service(name: string): Service | undefined {
    const service = this.table.get(name)?.service;
    return service?.network === this.on ? service : undefined;
  }

  aliased(alias: string): Service | undefined {
    return this.aliases.get(this.on, alias);
  }

  endpointsOf(service: string): readonly Endpoint[] {
    this.byService ??= endpointsByService(this.endpoints);
    return this.byService.get(service) ?? [];
  }

  tasks(name: string): readonly Endpoint[] {
    if (this.byName === undefined) {
      this.byName = new Map();
      for (const endpoint of this.endpoints) {
        if (endpoint.isEntry) continue;
        const key = endpoint.name.toLowerCase();
        const known = this.byName.get(key);
        if (known === undefined) this.byName.set(key, [endpoint]);
        else known.push(endpoint);
      }
    }
    return this.byName.get(name) ?? [];
  }

  taskNames(): string[] {
    const tasks = this.endpoints.filter(({ isEntry }) => !isEntry);
    return tasks.map(({ name }) => name.toLowerCase());
  }

  nameAt(address: string): string | undefined {
    if (this.byAddress === undefined) {
      this.byAddress = new Map();
      for (const { name, addresses } of this.endpoints) {
        for (const one of addresses) this.byAddress.set(one, name);
      }
      for (const { service } of this.table.all()) {
        if (service.network !== this.on) continue;
        for (const vip of service.vips) this.byAddress.set(vip, service.name);
      }
    }
    return this.byAddress.get(address);
  }
}
