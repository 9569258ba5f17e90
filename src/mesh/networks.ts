import { MeshError, messageOf, type Log } from '../base/index.js';
import type { CatalogChange, CatalogEntry, Watermark } from '../catalog/index.js';
import { prefixContains, type Endpoint, type LocalEndpoint, type Network } from '../model/index.js';
import {
  checkEndpoint,
  checkNetwork,
  chooseSlice,
  clashOf,
  ingressName,
  macOf,
  settleNetworks,
  sliceAddresses,
  type LostNetwork,
  type NetworkClaim,
} from '../overlay/index.js';
import { FreedAddresses } from './freed-addresses.js';
import type { NetworkView, OwnNetwork, SavedNetworks } from './network-view.js';
import { RemoteEndpoints } from './remote-endpoints.js';
import { readRow, rowBytes, Slices } from './slices.js';

/** What of the catalog this needs. */
export interface NetworkRows {
  put(key: string, value: Uint8Array, network: string): void;
  delete(key: string, network: string): void;
  /** Networks whose endpoints this node wants to hear of. */
  interest(networks: readonly string[]): void;
}

export interface MeshNetworksOptions {
  readonly self: string;
  /** Where this host takes VXLAN packets. */
  readonly vtep: string;
  readonly rows: NetworkRows;
  readonly log: Log;
  /** Of an earlier run. */
  readonly saved: SavedNetworks;
  /** The network, or who is on it, is another than before. */
  changed(network: string): void;
}

/** What is asked of an endpoint; the rest follows. */
export type EndpointWish = Omit<LocalEndpoint, 'node' | 'vtep' | 'addresses' | 'mac' | 'isAway'>;

const networkKey = (name: string): string => `network/${name}`;
const endpointKey = (name: string): string => `endpoint/${name}`;

/**
 * The networks of all nodes, and who is on them. Rows of networks and of address slices go to all
 * nodes; rows of endpoints to those that have endpoints on the same network.
 */
export class MeshNetworks {
  private readonly own = new Map<string, OwnNetwork>();
  /** By owner, by name. */
  private readonly others = new Map<string, Map<string, NetworkClaim>>();
  private readonly slices: Slices;
  /** By network, by name. */
  private readonly local = new Map<string, Map<string, LocalEndpoint>>();
  private readonly freed = new FreedAddresses();
  private readonly remote: RemoteEndpoints;
  private settled = settleNetworks([]);

  constructor(private readonly options: MeshNetworksOptions) {
    const { self, saved } = options;
    this.slices = new Slices(self, saved.slices);
    for (const one of saved.networks) this.own.set(one.network.name, one);
    for (const endpoint of saved.endpoints)
      this.localOf(endpoint.network).set(endpoint.name, endpoint);
    this.remote = new RemoteEndpoints(saved.remote);
    this.settled = settleNetworks(this.claims());
  }

  /** Tells the others of what an earlier run had. */
  start(): void {
    for (const { claim, network } of this.own.values()) this.publishNetwork(claim, network);
    for (const { key, claim } of this.slices.own()) this.publishSlice(key, claim);
    for (const endpoints of this.local.values()) {
      for (const endpoint of endpoints.values()) this.publishEndpoint(endpoint);
    }
    this.updateInterest();
  }

  saved(): SavedNetworks {
    return {
      networks: [...this.own.values()],
      slices: [...this.slices.own()],
      endpoints: [...this.local.values()].flatMap((endpoints) => [...endpoints.values()]),
      remote: [...this.remote.all()],
    };
  }

  get lost(): readonly LostNetwork[] {
    return this.settled.lost;
  }

  all(): NetworkView[] {
    return [...this.settled.networks.keys()].sort().map((name) => this.view(name)!);
  }

  /** Without who is on it, which may be many. */
  network(name: string): Network | undefined {
    return this.settled.networks.get(name);
  }

  view(name: string): NetworkView | undefined {
    const network = this.settled.networks.get(name);
    if (network === undefined) return undefined;
    const nodes = [...this.claims()].filter((one) => one.network.name === name);
    return {
      network,
      nodes: nodes.map(({ owner }) => owner).sort(),
      local: [...(this.local.get(name)?.values() ?? [])],
      remote: this.remote.on(name),
    };
  }

  /** Errors: conflict with another network. */
  create(network: Network): void {
    const known = this.settled.networks.get(network.name);
    if (known !== undefined) {
      throw new MeshError('already_exists', `network ${network.name}: there is one already`);
    }
    this.checkClash(network);
    this.claim({ claim: this.nextClaim(), network, adopted: false });
  }

  /** Errors: not_found; failed_precondition (endpoints, another node's). */
  remove(name: string): void {
    const view = this.view(name);
    if (view === undefined && !this.own.has(name)) throw notFound(name);
    const endpoint = view?.local[0];
    if (endpoint !== undefined) {
      const problem = `endpoint ${endpoint.name} is attached to it here`;
      throw new MeshError('failed_precondition', `network ${name}: ${problem}`);
    }
    const others = (view?.nodes ?? []).filter((node) => node !== this.options.self);
    if (others.length > 0) {
      const problem = `nodes ${others.join(', ')} ask for it too`;
      throw new MeshError('failed_precondition', `network ${name}: ${problem}`);
    }
    this.unclaim(name);
  }

  /** A network that all nodes make alike, when the first of them needs it. Errors: as create. */
  adopt(network: Network): void {
    this.checkClash(network);
    this.claim({ claim: this.nextClaim(), network, adopted: true });
  }

  /**
   * Gives a sandbox addresses on a network; `changed` is not called, for the caller has to keep it
   * on disk first. Errors: not_found, already_exists, resource_exhausted.
   */
  attach(wish: EndpointWish): LocalEndpoint {
    const { network, name } = wish;
    const { self: node, vtep } = this.options;
    const settled = this.settled.networks.get(network);
    if (settled === undefined) throw notFound(network);
    if (this.localOf(network).has(name)) {
      throw new MeshError('already_exists', `endpoint ${name} of network ${network} is there`);
    }
    const addresses = settled.subnets.map((subnet) => this.freeAddress(settled, subnet));
    const mac = macOf(addresses[0]!);
    const endpoint = { ...wish, node, vtep, addresses, mac, isAway: false };
    if (!this.own.has(network)) {
      this.claim({ claim: this.claimOf(network), network: settled, adopted: true });
    }
    this.localOf(network).set(name, endpoint);
    this.publishEndpoint(endpoint);
    this.updateInterest();
    return endpoint;
  }

  /** Changes what an endpoint is to services; as attach. Errors: not_found. */
  change(network: string, name: string, { services }: Pick<Endpoint, 'services'>): void {
    const endpoint = { ...this.endpoint(network, name), services };
    this.localOf(network).set(name, endpoint);
    this.publishEndpoint(endpoint);
  }

  /** An endpoint of this node. Errors: not_found. */
  endpoint(network: string, name: string): LocalEndpoint {
    const endpoint = this.local.get(network)?.get(name);
    if (endpoint !== undefined) return endpoint;
    throw new MeshError('not_found', `endpoint ${name} of network ${network}: not found`);
  }

  /** As attach. Errors: not_found. */
  detach(network: string, name: string): LocalEndpoint {
    const endpoint = this.endpoint(network, name);
    this.localOf(network).delete(name);
    this.freed.add(endpoint.addresses);
    this.options.rows.delete(endpointKey(name), network);
    const isUnused = this.localOf(network).size === 0;
    if (isUnused && this.own.get(network)?.adopted === true) this.unclaim(network);
    this.updateInterest();
    return endpoint;
  }

  /** Endpoints of which only an earlier run knew are not waited for any longer. */
  forgetUnheard(): void {
    for (const network of this.remote.forgetUnheard(() => true)) this.options.changed(network);
  }

  /** `complete`: whose rows, of which network, are all known now. */
  catalogChanged(changes: readonly CatalogChange[], complete: readonly Watermark[]): void {
    // What follows from a change grows with the network: it comes once for all that came together.
    const touched = new Set<string>();
    for (const change of changes) {
      if (change.row.owner !== this.options.self) this.note(change, touched);
    }
    for (const watermark of complete) {
      const gone = this.remote.forgetUnheard((endpoint) => this.isOver(endpoint, watermark));
      for (const network of gone) touched.add(network);
    }
    this.settle();
    for (const network of touched) this.options.changed(network);
    this.moveFromLostSlices();
  }

  /** Whether what the earlier run knew is not so any more. Who is on a network claims it too. */
  private isOver({ node, network: own }: Endpoint, { owner, network }: Watermark): boolean {
    if (node !== owner) return false;
    return network === own || (network === '' && this.others.get(owner)?.has(own) !== true);
  }

  /** Adds to `touched` the networks whose endpoints are others than before. */
  private note(change: CatalogChange & CatalogEntry, touched: Set<string>): void {
    const { row, gone, inService } = change;
    const { owner, key, network: scope } = row;
    // What is dead may be a daemon alone, whose host forwards on; and it may come back. So nothing
    // of it is taken away before its rows go.
    const value = gone ? undefined : row.value;
    const [kind, ...rest] = key.split('/');
    const name = rest.join('/');
    try {
      if (kind === 'network') this.noteNetwork(owner, name, value);
      else if (kind === 'slice') this.slices.note(owner, name, value);
      else if (kind === 'endpoint') {
        touched.add(scope);
        this.noteEndpoint({ node: owner, network: scope, name, isAway: !inService }, value);
      }
    } catch (error) {
      this.options.log.warn({ node: owner, key }, `row left out: ${messageOf(error)}`);
    }
  }

  private noteNetwork(owner: string, name: string, value: Uint8Array | undefined): void {
    const claims = entryOf(this.others, owner);
    claims.delete(name);
    if (value === undefined) return;
    const { claim, body } = readRow(value);
    const network = checkNetwork(body);
    if (network.name === name) claims.set(name, { owner, claim, network });
  }

  private noteEndpoint(
    known: Pick<Endpoint, 'node' | 'network' | 'name' | 'isAway'>,
    value: Uint8Array | undefined,
  ): void {
    this.remote.delete(known);
    if (value !== undefined) {
      this.remote.put({ ...checkEndpoint(readRow(value).body), ...known });
    }
  }

  /** A free address of the slices that this node holds; claims another one when they are full. */
  private freeAddress({ name }: Network, subnet: string): string {
    const used = new Set([...this.localOf(name).values()].flatMap(({ addresses }) => addresses));
    const free = (slice: number): string[] =>
      sliceAddresses(subnet, slice).filter((address) => !used.has(address));
    const address = this.freed.choose(this.slices.held(subnet).flatMap(free));
    if (address !== undefined) return address;
    const slice = chooseSlice(subnet, this.options.self, this.slices.claimed(subnet));
    const claim = this.nextClaim();
    this.publishSlice(this.slices.claim(subnet, slice, claim), claim);
    return free(slice)[0]!;
  }

  /** Two nodes claimed one slice: who lost it gives its endpoints other addresses. */
  private moveFromLostSlices(): void {
    for (const lost of this.slices.dropLost()) {
      this.options.rows.delete(`slice/${lost.key}`, '');
      for (const { network } of this.all()) {
        if (!network.subnets.includes(lost.subnet)) continue;
        const within = new Set(sliceAddresses(lost.subnet, lost.slice));
        for (const endpoint of [...this.localOf(network.name).values()]) {
          if (!endpoint.addresses.some((address) => within.has(address))) continue;
          this.readdress(network, endpoint, within);
        }
      }
    }
  }

  private readdress(network: Network, endpoint: LocalEndpoint, lost: ReadonlySet<string>): void {
    const addresses = endpoint.addresses.map((address) => {
      if (!lost.has(address)) return address;
      const subnet = network.subnets.find((one) => prefixContains(one, address))!;
      return this.freeAddress(network, subnet);
    });
    const moved = { ...endpoint, addresses, mac: macOf(addresses[0]!) };
    const text = `endpoint ${endpoint.name} moves from ${endpoint.addresses.join(', ')} to ${addresses.join(', ')}`;
    this.options.log.warn({ network: network.name }, `${text}: another node claimed them before`);
    this.localOf(network.name).set(endpoint.name, moved);
    this.freed.add(endpoint.addresses);
    this.publishEndpoint(moved);
    this.options.changed(network.name);
  }

  private checkClash(network: Network): void {
    const clash = clashOf(network, this.settled.networks.values());
    if (clash !== undefined) throw new MeshError('conflict', `network ${network.name}: ${clash}`);
  }

  private claim(own: OwnNetwork): void {
    this.own.set(own.network.name, own);
    this.publishNetwork(own.claim, own.network);
    this.settle();
  }

  private unclaim(name: string): void {
    this.own.delete(name);
    this.options.rows.delete(networkKey(name), '');
    this.settle();
  }

  private *claims(): Generator<NetworkClaim> {
    for (const { claim, network } of this.own.values()) {
      yield { owner: this.options.self, claim, network };
    }
    for (const byName of this.others.values()) yield* byName.values();
  }

  private settle(): void {
    const before = this.settled.networks;
    this.settled = settleNetworks(this.claims());
    for (const name of new Set([...before.keys(), ...this.settled.networks.keys()])) {
      if (before.get(name) !== this.settled.networks.get(name)) this.options.changed(name);
    }
  }

  private claimOf(name: string): number {
    const claims = [...this.claims()].filter(({ network }) => network.name === name);
    return Math.min(...claims.map(({ claim }) => claim));
  }

  private nextClaim(): number {
    let highest = this.slices.highestClaim;
    for (const { claim } of this.claims()) highest = Math.max(highest, claim);
    return highest + 1;
  }

  private updateInterest(): void {
    const attached = [...this.local].filter(([, endpoints]) => endpoints.size > 0);
    this.options.rows.interest(attached.map(([network]) => network));
  }

  private publishNetwork(claim: number, network: Network): void {
    this.options.rows.put(networkKey(network.name), rowBytes(claim, network), '');
  }

  private publishSlice(key: string, claim: number): void {
    this.options.rows.put(`slice/${key}`, rowBytes(claim, {}), '');
  }

  private publishEndpoint({
    network,
    name,
    sandbox: _,
    node: __,
    isAway: ___,
    ...body
  }: LocalEndpoint): void {
    const isForOthers =
      network !== ingressName || body.isEntry || Object.keys(body.services).length > 0;
    const key = endpointKey(name);
    if (isForOthers) this.options.rows.put(key, rowBytes(0, body), network);
    else this.options.rows.delete(key, network);
  }

  private localOf(network: string): Map<string, LocalEndpoint> {
    return entryOf(this.local, network);
  }
}

function entryOf<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = new Map<string, V>();
  map.set(key, made);
  return made;
}

function notFound(name: string): MeshError {
  return new MeshError('not_found', `network ${name}: not found`);
}
