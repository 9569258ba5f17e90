import { prefixContains, prefixBase, type Network } from '../model/index.js';

/** A network that a node asks for, as all nodes see it. */
export interface NetworkClaim {
  readonly owner: string;
  /** Larger than every claim that its owner knew when it first asked; orders without clocks. */
  readonly claim: number;
  readonly network: Network;
}

/** A network that gives way, and to what. */
export interface LostNetwork {
  readonly owner: string;
  readonly network: Network;
  readonly reason: string;
}

/**
 * Which networks are in force when nodes asked without knowing of each other: the smaller claim,
 * then the smaller name of the owner, gets the name, the VNI and the subnets. A pure function of
 * the claims in any order. Owners that ask for the same network share it.
 */
export function settleNetworks(claims: Iterable<NetworkClaim>): {
  readonly networks: ReadonlyMap<string, Network>;
  readonly lost: readonly LostNetwork[];
} {
  const networks = new Map<string, Network>();
  const lost: LostNetwork[] = [];
  for (const { owner, network } of [...claims].sort(byPrecedence)) {
    const first = networks.get(network.name);
    if (first !== undefined && sameNetwork(first, network)) continue;
    const reason = first === undefined ? clashOf(network, networks.values()) : 'the name is taken';
    if (reason === undefined) networks.set(network.name, network);
    else lost.push({ owner, network, reason });
  }
  return { networks, lost };
}

/** Why a network cannot be beside the others; undefined when it can. */
export function clashOf(network: Network, others: Iterable<Network>): string | undefined {
  for (const other of others) {
    if (other.name === network.name) continue;
    if (other.vni === network.vni) return `VNI ${network.vni} belongs to network ${other.name}`;
    for (const subnet of network.subnets) {
      const taken = other.subnets.find((one) => overlap(one, subnet));
      if (taken !== undefined) return `${subnet} overlaps ${taken} of network ${other.name}`;
    }
  }
  return undefined;
}

/** A slice of a subnet that a node claims. */
export interface SliceClaim {
  readonly owner: string;
  readonly claim: number;
}

/** Who holds a slice that several claimed. */
export function holderOf(claims: readonly SliceClaim[]): string | undefined {
  return [...claims].sort(byPrecedence)[0]?.owner;
}

function byPrecedence(a: SliceClaim, b: SliceClaim): number {
  return a.claim - b.claim || (a.owner < b.owner ? -1 : 1);
}

function overlap(a: string, b: string): boolean {
  return prefixContains(a, prefixBase(b)) || prefixContains(b, prefixBase(a));
}

function sameNetwork(a: Network, b: Network): boolean {
  const text = ({ name, vni, subnets, port, mtu, internal, sealed }: Network): string =>
    JSON.stringify([name, vni, subnets, port, mtu, internal, sealed]);
  return text(a) === text(b);
}
