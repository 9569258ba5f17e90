import {
  familyOf,
  ingressGroup,
  prefixLength,
  prefixContains,
  type Endpoint,
  type LocalEndpoint,
  type Network,
  type Rule,
} from '../model/index.js';
import {
  bridgeName,
  ingressName,
  interfaceName,
  portName,
  sealAddress,
  vxlanName,
} from './names.js';
import { sealGuard } from './seal-table.js';
import { compileMembers } from './vxlan-table.js';

/** What a VXLAN packet costs of the underlay's MTU. Unit: bytes. */
const overhead = {
  // Ethernet inside 14, VXLAN 8, UDP 8 (RFC 7348), and the outer IP header.
  4: 14 + 8 + 8 + 20,
  6: 14 + 8 + 8 + 40,
} as const;

/** Every IPv6 link carries this much (RFC 8200, section 5). Unit: bytes. */
const ipv6MtuMin = 1_280;

/** What a seal costs. Unit: bytes. */
const sealOverhead = {
  // WireGuard: header 16, tag 16 (its paper, section 5.4.6); UDP 8, and the outer IP header.
  4: 16 + 16 + 8 + 20,
  6: 16 + 16 + 8 + 40,
} as const;

/** This host under a network. */
export interface Underlay {
  readonly node: string;
  /** Where this host takes VXLAN packets. */
  readonly vtep: string;
  /** Of the way to the other hosts. Unit: bytes. */
  readonly mtu: number;
}

/** The way to the other hosts inside seals. */
export function sealedUnderlay({ node, vtep, mtu }: Underlay): Underlay {
  return { node, vtep: sealAddress(node), mtu: mtu - sealOverhead[familyOf(vtep)] };
}

/** What is under this network. */
function under({ sealed }: Network, underlay: Underlay): Underlay {
  return sealed ? sealedUnderlay(underlay) : underlay;
}

/** What the underlay leaves. Unit: bytes. */
function roomOf(network: Network, underlay: Underlay): number {
  const { vtep, mtu } = under(network, underlay);
  return mtu - overhead[familyOf(vtep)];
}

/** What a packet of `mtu` bytes inside a network takes between the hosts. Unit: bytes. */
export function outerSize(mtu: number, vtep: string, sealed: boolean): number {
  const family = familyOf(vtep);
  return sealed ? mtu + overhead[6] + sealOverhead[family] : mtu + overhead[family];
}

/** The largest packet inside the network. Unit: bytes. */
export function networkMtu(network: Network, underlay: Underlay): number {
  return network.mtu ?? roomOf(network, underlay);
}

/** Why packets of this size do not do for the network; undefined when they do. */
export function mtuProblem(network: Network, underlay: Underlay): string | undefined {
  const mtu = networkMtu(network, underlay);
  const room = roomOf(network, underlay);
  if (mtu > room) return `mtu ${mtu}: the underlay leaves ${room}`;
  const needsMore = network.subnets.some((subnet) => familyOf(subnet) === 6);
  if (needsMore && mtu < ipv6MtuMin) return `mtu ${mtu}: IPv6 needs ${ipv6MtuMin}`;
  return undefined;
}

/**
 * What the host's sandbox holds of a network that has endpoints here. Frames to endpoints
 * elsewhere leave by their forwarding entries; ARP and ND are answered by the VXLAN device from the
 * neighbors on it; nothing is flooded and nothing is learned. Of a sealed network the VTEPs are
 * addresses inside seals: what makes them reachable is compileSeals; without it nothing is sent.
 */
export function compileNetwork(
  network: Network,
  underlay: Underlay,
  local: readonly LocalEndpoint[],
  remote: readonly Endpoint[],
): Rule[] {
  const { vni, port, sealed } = network;
  const vtepOf = ({ node, vtep }: Endpoint): string => (sealed ? sealAddress(node) : vtep);
  const mtu = networkMtu(network, underlay);
  const [bridge, vxlan] = [bridgeName(vni), vxlanName(vni)];
  const entry = local.find(({ isEntry }) => isEntry);
  const onEntry = entry === undefined ? {} : { mac: entry.mac, group: ingressGroup };
  return [
    { kind: 'link', name: bridge, type: 'bridge', up: true, mtu, ...onEntry },
    ...(entry === undefined ? [] : addressRules(network, bridge, entry)),
    {
      kind: 'link',
      name: vxlan,
      type: 'vxlan',
      up: true,
      mtu,
      master: bridge,
      vxlan: { vni, port, local: under(network, underlay).vtep, proxy: true },
    },
    ...local.flatMap((endpoint): Rule[] => {
      if (endpoint.isEntry) return [];
      const peer = {
        name: interfaceName(vni),
        netns: endpoint.sandbox,
        mac: endpoint.mac,
      };
      const name = portName(vni, endpoint.name);
      return [{ kind: 'link', name, type: 'veth', up: true, mtu, master: bridge, peer }];
    }),
    ...(sealed ? sealGuard : compileMembers(port, remote.map(vtepOf))),
    ...remote.flatMap((endpoint): Rule[] => [
      { kind: 'fdb', device: vxlan, mac: endpoint.mac, vtep: vtepOf(endpoint) },
      ...endpoint.addresses.map((address): Rule => {
        return { kind: 'neighbor', device: vxlan, address, mac: endpoint.mac };
      }),
    ]),
  ];
}

/**
 * What an endpoint's own sandbox holds of a network. A new namespace has its loopback device down,
 * and with it 127.0.0.11, where names are asked for. It stays up when the endpoint leaves: by then
 * the task's own programs may talk to each other over it.
 */
export function compileEndpoint(
  network: Network,
  underlay: Underlay,
  endpoint: LocalEndpoint,
): Rule[] {
  const device = interfaceName(network.vni);
  const mtu = networkMtu(network, underlay);
  const group = network.name === ingressName ? { group: ingressGroup } : {};
  return [
    { kind: 'loopback' },
    { kind: 'link', name: device, type: 'veth-end', up: true, mtu, mac: endpoint.mac, ...group },
    ...addressRules(network, device, endpoint),
  ];
}

function addressRules({ subnets }: Network, device: string, { addresses }: Endpoint): Rule[] {
  return addresses.map((address) => {
    const subnet = subnets.find((one) => prefixContains(one, address))!;
    return { kind: 'address', device, prefix: `${address}/${prefixLength(subnet)}` };
  });
}
