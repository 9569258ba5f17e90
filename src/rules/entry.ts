import { familyOf, type NftElementRule, type Rule } from '../model/index.js';
import { ingressTable, ingressTableName } from './ingress-table.js';

/** Table `local` (RT_TABLE_LOCAL, linux/rtnetlink.h). */
const localTable = 255;
/** Behind the kernel's own route to ::1. */
const localMetric = 4_096;

/** What a host needs to be an entry, whatever is published. */
export interface EntryOptions {
  /** The bridge of the ingress network. */
  readonly device: string;
  /** UDP port of VXLAN, of the ingress network. */
  readonly vxlanPort: number;
  /** Of the ingress network. */
  readonly subnets: readonly string[];
  /** Addresses there of this host itself, and of its tasks. */
  readonly own: readonly string[];
  readonly tasks: readonly string[];
  /** Of those, who may not call the world. */
  readonly internal: readonly string[];
}

/**
 * The host as entry of published ports and as the way of its tasks to the world. Clients on the
 * host that call a loopback address get their answers from a device: IPv4 has a setting for that;
 * IPv6 wants a route that says so of the device (ip6_route.c, rt6_need_strict).
 */
export function compileEntry({ device, subnets, own, tasks, ...rest }: EntryOptions): Rule[] {
  const { internal, vxlanPort } = rest;
  return [
    {
      kind: 'route',
      type: 'local',
      destination: '::1/128',
      table: localTable,
      device,
      metric: localMetric,
    },
    { kind: 'sysctl', name: `net/ipv4/conf/${device}/route_localnet`, value: '1', device },
    ingressTable,
    element('loopback4', '127.0.0.0/8'),
    element('loopback6', '::1'),
    // No published port: that is found out with the first look-up, and the mark stays 0.
    { ...element('untracked', 'udp', String(vxlanPort)), value: '0x0' },
    ...subnets.map((subnet) => element(`inside${familyOf(subnet)}`, subnet)),
    ...[...own, ...tasks].map((address) => element(`insiders${familyOf(address)}`, address)),
    ...tasks.map((address) => element(`hairpin${familyOf(address)}`, address, address)),
    ...internal.map((address) => element(`internal${familyOf(address)}`, address)),
  ];
}

function element(set: string, ...key: string[]): NftElementRule {
  return { kind: 'nft-element', table: ingressTableName, set, key };
}
