import type {
  AttachWish,
  EndpointInfo,
  EndpointStatus,
  NetworkControl,
  NetworkInfo,
  NetworkWish,
  ServicesWish,
} from '../api/index.js';
import { FieldError, MeshError } from '../base/index.js';
import { addressAt, prefixSize, type Endpoint, type Network } from '../model/index.js';
import {
  checkName,
  checkNetwork,
  checkServices,
  clashOf,
  defaultIngress,
  ingressName,
  vniMax,
  vniMin,
} from '../overlay/index.js';
import type { MeshNode } from './mesh-node.js';
import type { NetworkView } from './network-view.js';

/** What this needs of the host. */
export interface NetworkHost {
  /** In force for a network. Unit: bytes. */
  mtuOf(network: Network): number;
  /** Why its packets do not fit the underlay of this host. */
  mtuProblem(network: Network): string | undefined;
  /** Why a network cannot be in force here. */
  problemOf(network: Network): string | undefined;
  /** Looks again at what keeps sealed networks out of this host. */
  probeSeals(): Promise<void>;
  /** Errors: failed_precondition. */
  rotateSeals(): Promise<number>;
  /** Endpoints whose namespace is gone leave; another one may have its path by now. */
  forgetVanished(): Promise<void>;
  isNamespace(path: string): Promise<boolean>;
  /** Open TCP connections that the sandbox at `path` serves. */
  servedConnections(path: string): Promise<number>;
  /** Resolves when all of it is told to other nodes and in force here, or cannot be. */
  changed(network: string): Promise<void>;
}

/** Where subnets are chosen from, and how large they are. */
const pool = '10.64.0.0/10';
const chosenLength = 24;

/** What callers of the API see of networks, and do to them. */
export class NetworksOfNode implements NetworkControl {
  constructor(
    private readonly node: MeshNode,
    private readonly host: NetworkHost,
  ) {}

  list(): NetworkInfo[] {
    return this.node.networks.all().map((view) => this.info(view));
  }

  async create(wish: NetworkWish): Promise<NetworkInfo> {
    const { networks } = this.node;
    const others = networks.all().map(({ network }) => network);
    const network = checkNetwork({
      ...wish,
      vni: wish.vni ?? freeVni([...others, defaultIngress]),
      subnets: wish.subnets.length > 0 ? wish.subnets : [freeSubnet(others)],
    });
    const problem = network.mtu === undefined ? undefined : this.host.mtuProblem(network);
    if (problem !== undefined) {
      throw new MeshError('invalid_argument', `network ${network.name}: ${problem}`);
    }
    networks.create(network);
    await this.kept(() => networks.remove(network.name));
    return this.info(networks.view(network.name)!);
  }

  async remove(name: string): Promise<void> {
    this.node.networks.remove(name);
    await this.node.save();
  }

  async attach({ network, name, sandbox, services }: AttachWish): Promise<EndpointInfo> {
    const { networks } = this.node;
    checkName('name', name);
    if (network === ingressName) {
      throw new FieldError('network', `${network} is joined by what needs it`);
    }
    const weights = checkServices(services);
    await this.host.forgetVanished();
    const view = networks.view(network);
    if (view === undefined) throw new MeshError('not_found', `network ${network}: not found`);
    if (view.network.sealed) await this.host.probeSeals();
    const problem = this.host.problemOf(view.network);
    if (problem !== undefined) {
      throw new MeshError('failed_precondition', `network ${network}: ${problem}`);
    }
    if (view.local.some((one) => one.sandbox === sandbox)) {
      throw new MeshError('already_exists', `${sandbox} is on network ${network} already`);
    }
    if (!sandbox.startsWith('/') || !(await this.host.isNamespace(sandbox))) {
      throw new FieldError('sandbox', `expected the path of a network namespace, got ${sandbox}`);
    }
    const wish = { network, name, sandbox, services: weights, isEntry: false };
    const endpoint = networks.attach(wish);
    await this.kept(() => void networks.detach(network, name));
    await this.host.changed(network);
    return endpointInfo(endpoint);
  }

  async setServices({ network, endpoint, services }: ServicesWish): Promise<{ version: number }> {
    const { networks, catalog } = this.node;
    const { services: before } = networks.endpoint(network, endpoint);
    networks.change(network, endpoint, { services: checkServices(services) });
    await this.kept(() => networks.change(network, endpoint, { services: before }));
    await this.host.changed(network);
    return { version: catalog.version };
  }

  async endpoint(network: string, name: string): Promise<EndpointStatus> {
    const endpoint = this.node.networks.endpoint(network, name);
    const connections = await this.host.servedConnections(endpoint.sandbox);
    const programmed = this.node.options.host.areNetworksProgrammed();
    return { endpoint: endpointInfo(endpoint), connections, programmed };
  }

  async detach(network: string, endpoint: string): Promise<void> {
    this.node.networks.detach(network, endpoint);
    // Until its namespace is clean it is not forgotten: a daemon killed before finds it again.
    await this.host.changed(network);
    await this.node.save();
  }

  async rotateKeys(): Promise<{ generation: number }> {
    return { generation: await this.host.rotateSeals() };
  }

  /** What is not on disk does not begin: after a crash nobody would know whose it is. */
  private async kept(undo: () => void): Promise<void> {
    try {
      await this.node.save();
    } catch (error) {
      undo();
      throw error;
    }
  }

  private info({ network, nodes, local, remote }: NetworkView): NetworkInfo {
    const { name, vni, subnets, port, internal, sealed } = network;
    const problem = this.host.problemOf(network);
    const mtu = this.host.mtuOf(network);
    const endpoints = [...local, ...remote].sort(byNodeAndName).map(endpointInfo);
    const info = { name, vni, subnets, port, mtu, internal, sealed, nodes, endpoints };
    return problem === undefined ? info : { ...info, problem };
  }
}

function endpointInfo(endpoint: Endpoint & { readonly sandbox?: string }): EndpointInfo {
  const { vtep: _, ...info } = endpoint;
  return info;
}

function byNodeAndName(a: Endpoint, b: Endpoint): number {
  const [one, other] = [`${a.node} ${a.name}`, `${b.node} ${b.name}`];
  return one < other ? -1 : 1;
}

function freeVni(others: readonly Network[]): number {
  const taken = new Set(others.map(({ vni }) => vni));
  for (let vni = vniMin; vni <= vniMax; vni++) if (!taken.has(vni)) return vni;
  throw new MeshError('resource_exhausted', 'every VNI is taken');
}

function freeSubnet(others: readonly Network[]): string {
  const step = 2 ** (32 - chosenLength);
  for (let i = 0; i < prefixSize(pool) / step; i++) {
    const subnet = `${addressAt(pool, i * step)}/${chosenLength}`;
    const probe = { name: '', vni: 0, subnets: [subnet], port: 0, internal: false, sealed: false };
    if (clashOf(probe, [...others, defaultIngress]) === undefined) return subnet;
  }
  throw new MeshError(
    'resource_exhausted',
    `every /${chosenLength} of ${pool} is taken; give a subnet`,
  );
}
