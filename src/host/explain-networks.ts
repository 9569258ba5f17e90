import {
  familyOf,
  prefixContains,
  type Endpoint,
  type LocalEndpoint,
  type Service,
} from '../model/index.js';
import { ingressName } from '../overlay/index.js';
import type { AddressOfNetwork, KnownEndpoint, TaskNetwork } from '../rules/index.js';
import type { NetworkState } from './overlay.js';

/** A sandbox that is attached here. */
export interface KnownTask {
  /** The name that it was attached by. */
  readonly name: string;
  readonly sandbox: string;
  readonly networks: readonly TaskNetwork[];
}

/** Who is at which address of the networks that this node knows. */
export class NetworkNames {
  constructor(
    private readonly networks: readonly NetworkState[],
    private readonly services: readonly Service[],
  ) {}

  /** An endpoint of this or another node, entries too. */
  endpointAt(address: string): KnownEndpoint | undefined {
    const found = this.find(address);
    return found === undefined ? undefined : this.known(found, address);
  }

  /** `address`: one of its own, which stands for a name that nobody here knows. */
  known(endpoint: Endpoint, address = endpoint.addresses[0]!): KnownEndpoint {
    const { node, network, isEntry, services, isAway } = endpoint;
    const name = this.nameOf(endpoint) ?? address;
    return { name, node, network, isEntry, services, isAway };
  }

  /** A task of this node. */
  taskAt(address: string): KnownTask | undefined {
    const endpoint = this.localAt(address);
    if (endpoint === undefined) return undefined;
    const { sandbox } = endpoint;
    const networks = this.networks.flatMap(({ network, local }): TaskNetwork[] => {
      const own = local.find((one) => !one.isEntry && one.sandbox === sandbox);
      if (own === undefined) return [];
      const { name, subnets, internal } = network;
      return [
        { name, subnets, internal, addresses: own.addresses, isIngress: name === ingressName },
      ];
    });
    return { name: this.nameOf(endpoint) ?? endpoint.name, sandbox, networks };
  }

  localAt(address: string): LocalEndpoint | undefined {
    for (const { local } of this.networks) {
      const found = local.find((one) => !one.isEntry && one.addresses.includes(address));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Where a node sends VXLAN packets from, as far as it is known here. */
  vtepOf(node: string): string | undefined {
    for (const { remote } of this.networks) {
      const found = remote.find((one) => one.node === node);
      if (found !== undefined) return found.vtep;
    }
    return undefined;
  }

  /** Where a node comes in on the ingress network. */
  entryOf(node: string): Endpoint | undefined {
    const { local = [], remote = [] } = this.ingress ?? {};
    return [...local, ...remote].find((one) => one.isEntry && one.node === node);
  }

  networkAt(address: string): AddressOfNetwork | undefined {
    const state = this.networks.find(({ network }) =>
      network.subnets.some((subnet) => prefixContains(subnet, address)),
    );
    if (state === undefined) return undefined;
    const { name } = state.network;
    for (const service of this.services) {
      if (service.network === name && service.vips.includes(address)) {
        return { network: name, service: service.name };
      }
    }
    return { network: name };
  }

  /** What tasks of this node see where it stands for a caller. */
  entryAddress(node: string, like: string): string | undefined {
    return this.entryOf(node)?.addresses.find((one) => familyOf(one) === familyOf(like));
  }

  private get ingress(): NetworkState | undefined {
    return this.networks.find(({ network }) => network.name === ingressName);
  }

  private find(address: string): Endpoint | undefined {
    for (const { local, remote } of this.networks) {
      const found = [...local, ...remote].find((one) => one.addresses.includes(address));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** On the ingress network endpoints have names of their own: people call them by another. */
  private nameOf(endpoint: Endpoint & { readonly sandbox?: string }): string | undefined {
    if (endpoint.isEntry) return `node ${endpoint.node}`;
    if (endpoint.network !== ingressName) return endpoint.name;
    if (endpoint.sandbox === undefined) return undefined;
    const others = this.networks.flatMap(({ network, local }) =>
      network.name === ingressName ? [] : local,
    );
    const same = others.filter((one) => one.sandbox === endpoint.sandbox);
    const served = Object.keys(endpoint.services);
    const best = same.find(({ services }) => served.some((name) => name in services)) ?? same[0];
    return best?.name ?? endpoint.name;
  }
}
